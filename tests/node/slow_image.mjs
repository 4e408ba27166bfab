// SPDX-License-Identifier: MIT
// A JPEG within all limits that takes seconds to decode, for tests of deadlines.

/** An image of 4096 x 4096 pixels in 59 scans, all but the first empty: long to decode. */
export function slowImage() {
  /** @param {number} marker @param {number[]} data */
  const segment = (marker, ...data) => Buffer.from([0xff, marker, 0, data.length + 2, ...data]);
  const oneCode = [1, ...Array(15).fill(0), 0]; // a bit 0: no difference, end of block
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, 0, ...Array(64).fill(1)),
    segment(0xc2, 8, 16, 0, 16, 0, 1, 1, 0x11, 0),
    segment(0xc4, 0, ...oneCode, 0x10, ...oneCode),
    segment(0xda, 1, 1, 0, 0, 0, 0),
    Buffer.alloc((512 * 512) / 8),
    ...Array(58).fill(segment(0xda, 1, 1, 0, 1, 63, 0)),
    Buffer.from([0xff, 0xd9]),
  ]);
}
