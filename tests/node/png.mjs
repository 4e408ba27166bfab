// SPDX-License-Identifier: MIT
// Writes pixels as a PNG file, so that native code can be given the same raw pixels as wasm.
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../web/app/zip_write.js';

/** @param {string} type @param {Uint8Array} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** Colour types of the PNG specification by bytes a pixel. @type {Record<number, number>} */
const COLOUR_TYPES = { 1: 0, 3: 2, 4: 6 };

/** @param {{data: Uint8Array, width: number, height: number}} image 1 (gray), 3 (RGB) or 4 (RGBA) bytes a pixel */
export function writePng({ data, width, height }) {
  const rowBytes = data.length / height;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TYPES[rowBytes / width], 0, 0, 0], 8); // 8 bits, no interlace
  const rows = Buffer.alloc(height * (1 + rowBytes)); // each row with filter 0
  for (let y = 0; y < height; y++) rows.set(data.subarray(rowBytes * y, rowBytes * (y + 1)), y * (1 + rowBytes) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
