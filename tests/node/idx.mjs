// SPDX-License-Identifier: MIT
// Images and labels from MNIST-style IDX files, gzip-compressed.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/**
 * @param {string} folder @param {string} part "train" or "t10k"
 * @returns {{count: number, side: number, pixels: Uint8Array, labels: Uint8Array}}
 */
export function readIdx(folder, part) {
  const images = gunzipSync(readFileSync(`${folder}/${part}-images-idx3-ubyte.gz`));
  const labels = gunzipSync(readFileSync(`${folder}/${part}-labels-idx1-ubyte.gz`));
  if (images.readUInt32BE(0) !== 0x803 || labels.readUInt32BE(0) !== 0x801) throw new Error(`${folder}: not IDX files`);
  const count = images.readUInt32BE(4),
    side = images.readUInt32BE(8);
  return { count, side, pixels: images.subarray(16), labels: labels.subarray(8) };
}
