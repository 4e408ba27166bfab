// SPDX-License-Identifier: MIT
/**
 * A model's file as a stream that knows its size. What a server announces may count compressed bytes,
 * or be missing; the file's own header says where its last tensor ends.
 * The engine reads the header itself: here only the total is found, which onProgress names before an engine is there.
 */
import { latin1Of, textOf } from './platform.js';

/** @typedef {import('./source.js').ByteStream} ByteStream */

/** VIT158_MAX_HEADER_BYTES of src/model/header.h; a test compares. */
const MAX_HEADER_BYTES = 4 << 20;

/** Of a file that what_is.js looks into. (More would be too many arguments of a call.) */
export const NAMES_BYTES = 30000;

/**
 * @param {ByteStream} stream of a model file; it is read up to the end of the header
 * @param {import('./vit158.d.ts').LoadOptions['onProgress']} [onProgress] hears of all that arrives
 * @returns {Promise<ByteStream & {size: number, start: Uint8Array}>} size: of the file, 0 if it is none;
 *   length: only if the header and whoever sends the file agree; start: a copy of its first NAMES_BYTES, in
 *   however small pieces they came
 */
export async function sizedModel(stream, onProgress) {
  let size = stream.length;
  let loaded = 0;
  const report = () => onProgress?.({ loaded, total: size });
  /** @type {Uint8Array[]} */
  const waiting = [];
  report();
  for (let wanted = 8; loaded < wanted;) {
    const chunk = await stream.pull();
    if (!chunk) break;
    loaded += chunk.length;
    waiting.push(chunk);
    if (loaded >= 8 && wanted === 8) wanted = headerEnd(joined(waiting));
    if (loaded >= wanted) size ||= sizeByHeader(joined(waiting));
    else waiting.push(/** @type {Uint8Array} */ (waiting.pop()).slice()); // it is valid until the next
    report();
  }
  return {
    ...stream,
    size,
    start: joined(waiting).slice(0, NAMES_BYTES),
    length: stream.length || (stream.announced === size ? size : 0),
    async pull() {
      const held = waiting.shift();
      if (held) return held;
      const chunk = await stream.pull();
      if (!chunk) return undefined;
      loaded += chunk.length;
      report();
      return chunk;
    },
  };
}

/** Where the header ends; 8 if it cannot be one. @param {Uint8Array} start at least 8 bytes */
function headerEnd(start) {
  const bytes = headerBytes(start);
  return bytes > MAX_HEADER_BYTES ? 8 : 8 + bytes;
}

/** @param {Uint8Array} start at least 8 bytes */
function headerBytes(start) {
  const view = new DataView(start.buffer, start.byteOffset);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

/** @param {Uint8Array} start of the file, with its header @returns {number} 0 if it has none */
function sizeByHeader(start) {
  if (start.length < 8 || headerBytes(start) > MAX_HEADER_BYTES || latin1Of(start.subarray(8, 9)) !== '{') return 0;
  const end = 8 + headerBytes(start);
  try {
    const entries = Object.values(JSON.parse(textOf(start.slice(8, end))));
    const data = entries.reduce((most, entry) => Math.max(most, Number(entry.data_offsets?.[1] ?? 0)), 0);
    return Number.isSafeInteger(data) ? end + data : 0;
  } catch {
    return 0; // the engine will say what is wrong with it
  }
}

/** @param {Uint8Array[]} pieces @returns {Uint8Array} that of one alone itself */
export function joined(pieces) {
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
