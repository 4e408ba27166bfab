// SPDX-License-Identifier: MIT
// A ZIP archive of files that are stored as they are (images are compressed already), after PKWARE's
// APPNOTE 6.3.3 without ZIP64: below 4 GB and 65,535 files.

/** @typedef {{name: string, bytes: Uint8Array<ArrayBuffer>}} ZipFile  name: a path with slashes */

const UTF8_NAMES = 0x0800;
/** 1 January 1980, 00:00: archives of the same files are the same. */
const NO_DATE = 0x00210000;

const crcTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** @param {Uint8Array} bytes @returns {number} CRC-32 as of PNG and ZIP */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

/**
 * @param {[number, 2 | 4][]} fields  values and their sizes, little-endian
 * @returns {Uint8Array<ArrayBuffer>}
 */
function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** @param {ZipFile[]} files @returns {Uint8Array<ArrayBuffer>[]} the archive's parts, in order */
export function zipParts(files) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const table = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const path = new TextEncoder().encode(name);
    /** What both records say of a file: version 2.0, stored. @type {[number, 2 | 4][]} */
    const about = [
      [20, 2],
      [UTF8_NAMES, 2],
      [0, 2],
      [NO_DATE, 4],
      [crc32(bytes), 4],
      [bytes.length, 4],
      [bytes.length, 4],
      [path.length, 2],
      [0, 2],
    ];
    const local = record([[0x04034b50, 4], ...about]);
    const entry = record([[0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]);
    parts.push(local, path, bytes);
    table.push(entry, path);
    offset += local.length + path.length + bytes.length;
  }
  const tableBytes = table.reduce((sum, { length }) => sum + length, 0);
  const end = record([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [files.length, 2],
    [files.length, 2],
    [tableBytes, 4],
    [offset, 4],
    [0, 2],
  ]);
  return [...parts, ...table, end];
}
