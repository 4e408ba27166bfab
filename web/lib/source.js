// SPDX-License-Identifier: MIT
/**
 * A file from anywhere as a stream of bytes: URL, path (Node), Blob or File, buffer, Response. The
 * stream is pulled chunk by chunk, knows its length where that can be trusted, and ends at once
 * when its signal is aborted.
 */
import { onAbort } from './abort.js';
import { Vit158Error, messageOf, wrapErrors } from './errors.js';
import { hasFiles, nodeModule } from './platform.js';

/** @typedef {import('./vit158.d.ts').ByteSource} ByteSource */

/**
 * @typedef {object} ByteStream
 * @property {string} name of the source for messages
 * @property {string} path or address it has, "" if none
 * @property {number} length exact number of bytes, 0 if unknown
 * @property {number} expected number of bytes as announced, 0 if unknown; for progress only
 * @property {() => Promise<Uint8Array | undefined>} pull the next chunk (valid until the next pull),
 *   undefined at the end
 * @property {() => Promise<void>} close ends it early or late; never fails
 */

const CHUNK_BYTES = 1 << 20;
/**
 * Room for a file of announced length before any of it has come: a ViT-L fits, and a server that
 * announces what it does not send costs no more.
 */
const MAX_FIRST_BYTES = 1 << 26;

/** More is not read into memory at once: pictures and modules are far smaller. */
const MAX_WHOLE_BYTES = 1 << 30;

/**
 * @param {ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<ByteStream>}
 */
export async function openSource(source, signal) {
  const given = await source;
  const stream = await openAny(given, signal);
  const check = () => {
    if (signal?.aborted)
      throw new Vit158Error('E_ABORT', `aborted while reading ${stream.name}`, {
        cause: signal.reason,
      });
  };
  const stop = () => void stream.close();
  const stopListening = onAbort(signal, stop);
  return {
    ...stream,
    async pull() {
      check();
      try {
        const chunk = await stream.pull();
        check();
        return chunk;
      } catch (error) {
        check(); // an abort shows itself as a failed read too
        throw error;
      }
    },
    async close() {
      stopListening();
      await stream.close();
    },
  };
}

/**
 * What is left of a stream, in one buffer.
 * @param {ByteStream} stream
 * @param {(loaded: number, chunk: Uint8Array) => void} onChunk before each chunk is kept
 */
export async function collect(stream, onChunk) {
  // An announced length may be wrong.
  let bytes = new Uint8Array(Math.min(stream.expected || CHUNK_BYTES, MAX_FIRST_BYTES));
  let loaded = 0;
  for (let chunk = await stream.pull(); chunk; chunk = await stream.pull()) {
    const end = loaded + chunk.length;
    onChunk(end, chunk);
    if (end > bytes.length) {
      const wider = new Uint8Array(Math.max(end, 2 * bytes.length));
      wider.set(bytes.subarray(0, loaded));
      bytes = wider;
    }
    bytes.set(chunk, loaded);
    loaded = end;
  }
  return loaded === bytes.length ? bytes : bytes.slice(0, loaded);
}

/**
 * The whole of a source.
 * @param {ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<{bytes: Uint8Array, name: string}>}
 */
export async function readWhole(source, signal) {
  const given = await source;
  const whole = asBytes(given);
  if (whole) return { bytes: whole, name: 'the bytes given' };
  const stream = await openSource(given, signal);
  try {
    const bytes = await collect(stream, (loaded) => {
      if (loaded > MAX_WHOLE_BYTES)
        throw new Vit158Error('E_LIMIT', `${stream.name} is larger than ${MAX_WHOLE_BYTES} bytes`);
    });
    return { bytes, name: stream.name };
  } finally {
    await stream.close();
  }
}

/**
 * Some servers answer a wrong address with a page and 200, without saying that it is a page.
 * @param {string} name of the model file
 * @param {Uint8Array} start of it; in a model the first eight bytes are a length, with zeros in it
 */
export function refusePage(name, start) {
  const text = new TextDecoder('latin1').decode(start.subarray(0, 40));
  if (/^\s*<[^\0]{7}/.test(text))
    throw new Vit158Error(
      'E_FORMAT',
      `${name} is not a model but a web page, perhaps for a missing file: ` +
        `it begins with ${JSON.stringify(text.replace(/\s+/g, ' ').trim())}`,
    );
}

/** True for what openSource takes, strings included. @param {unknown} value */
export function isByteSource(value) {
  return (
    typeof value === 'string' ||
    value instanceof URL ||
    asBytes(value) !== undefined ||
    isA('Blob', value) ||
    isA('Response', value)
  );
}

/** True for what is a path or file: URL here. @param {string} where */
export function isPath(where) {
  return where !== '' && hasFiles() && !/^(https?|data|blob):/i.test(where);
}

/**
 * `value instanceof name` where the class may not exist.
 * @param {string} name of a global class
 * @param {unknown} value
 */
export function isA(name, value) {
  const type = /** @type {any} */ (globalThis)[name];
  return typeof type === 'function' && value instanceof type;
}

/** @param {unknown} value @returns {Uint8Array | undefined} */
function asBytes(value) {
  if (value instanceof ArrayBuffer || isA('SharedArrayBuffer', value))
    return new Uint8Array(/** @type {ArrayBuffer} */ (value));
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}

/**
 * @param {Awaited<ByteSource>} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<ByteStream>}
 */
async function openAny(source, signal) {
  const bytes = asBytes(source);
  if (bytes) return openBytes(bytes);
  if (isA('Blob', source)) return openBlob(/** @type {Blob} */ (source));
  if (isA('Response', source)) return openResponse(/** @type {Response} */ (source));
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new Vit158Error(
      'E_INPUT',
      `expected a URL, path, Blob, buffer or Response, got ${describe(source)}`,
    );
  const where = String(source);
  if (where === '') throw new Vit158Error('E_INPUT', 'the address is empty');
  if (isPath(where)) return openFile(where);
  return openUrl(where, signal);
}

/** @param {unknown} value */
function describe(value) {
  if (value === null || typeof value !== 'object') return `${value}`;
  return `an object of type ${value.constructor?.name ?? 'unknown'}`;
}

/** @param {Uint8Array} bytes @returns {ByteStream} */
function openBytes(bytes) {
  let at = 0;
  return {
    name: 'the bytes given',
    path: '',
    length: bytes.length,
    expected: bytes.length,
    async pull() {
      if (at >= bytes.length) return undefined;
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      at += chunk.length;
      return chunk;
    },
    async close() {
      at = bytes.length;
    },
  };
}

/** @param {Blob} blob @returns {ByteStream} */
function openBlob(blob) {
  const path = 'name' in blob ? String(blob.name) : '';
  const reader = blob.stream().getReader();
  return fromReader(reader, path || 'the Blob given', path, blob.size, blob.size, 'E_IO');
}

/**
 * @param {string} where
 * @param {AbortSignal} [signal]
 */
async function openUrl(where, signal) {
  let response;
  try {
    response = await fetch(where, { signal });
  } catch (error) {
    if (signal?.aborted)
      throw new Vit158Error('E_ABORT', `aborted while fetching ${where}`, { cause: error });
    const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : '';
    throw new Vit158Error('E_NETWORK', `fetching ${where}: ${messageOf(error)}${cause}`, {
      cause: error,
    });
  }
  return openResponse(response, where);
}

/**
 * @param {Response} response
 * @param {string} [requested]
 * @returns {ByteStream}
 */
function openResponse(response, requested = 'the Response given') {
  const name = response.url || requested;
  const type = response.headers.get('content-type') ?? '';
  const problem = !response.ok
    ? `answered ${response.status} ${response.statusText}`.trimEnd()
    : response.bodyUsed || response.body === null
      ? 'has no body that can be read'
      : /^text\/html\b/i.test(type)
        ? `is a web page (${type}), not a file: is the address right?`
        : undefined;
  if (problem !== undefined) {
    if (!response.bodyUsed) response.body?.cancel().catch(() => {});
    throw new Vit158Error('E_NETWORK', `${name} ${problem}`);
  }
  const expected = Math.max(0, Number(response.headers.get('content-length') ?? 0) || 0);
  // The header counts compressed bytes, and says nothing of compression to other origins.
  const exact = response.type !== 'cors' && !response.headers.has('content-encoding');
  const body = /** @type {ReadableStream<Uint8Array>} */ (response.body);
  const length = exact ? expected : 0;
  return fromReader(body.getReader(), name, response.url, length, expected, 'E_NETWORK');
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {string} name
 * @param {string} path
 * @param {number} length
 * @param {number} expected
 * @param {'E_IO' | 'E_NETWORK'} code of failed reads
 * @returns {ByteStream}
 */
function fromReader(reader, name, path, length, expected, code) {
  let loaded = 0;
  return {
    name,
    path,
    length,
    expected,
    pull: () =>
      wrapErrors(code, `reading ${name} after ${loaded} bytes`, async () => {
        const { value, done } = await reader.read();
        if (done) return undefined;
        loaded += value.length;
        return value;
      }),
    close: () => reader.cancel().catch(() => {}),
  };
}

/**
 * @param {string} where path or file: URL
 * @returns {Promise<ByteStream>}
 */
async function openFile(where) {
  const { open } = /** @type {typeof import('node:fs/promises')} */ (
    await nodeModule('fs/promises')
  );
  const reading = `reading ${where}`;
  const path = where.startsWith('file:') ? new URL(where) : where;
  const file = await wrapErrors('E_IO', reading, () => open(path, 'r'));
  try {
    const stat = await wrapErrors('E_IO', reading, () => file.stat());
    if (stat.isDirectory()) throw new Vit158Error('E_IO', `${reading}: it is a folder`);
    const length = stat.isFile() ? stat.size : 0;
    const buffer = new Uint8Array(CHUNK_BYTES);
    /** @type {Promise<unknown>} */
    let busy = Promise.resolve();
    return {
      name: where,
      path: where,
      length,
      expected: length,
      pull() {
        const read = wrapErrors('E_IO', reading, async () => {
          const { bytesRead } = await file.read(buffer, 0, buffer.length);
          return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
        });
        busy = read.catch(() => {});
        return read;
      },
      close: () => busy.then(() => file.close()).catch(() => {}),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** "models/a.safetensors?x=1" gives "a". @param {string} where path or address */
export function baseName(where) {
  const path = where.replace(/[?#].*$/s, '');
  return path.slice(path.search(/[^/\\]*$/)).replace(/\.safetensors$/, '');
}
