// SPDX-License-Identifier: MIT
/**
 * An image as strips of pixel rows: how decoders and canvases hand it to the engine without a copy
 * of the whole.
 */

/**
 * @typedef {object} PixelRows
 * @property {number} width
 * @property {number} height
 * @property {1 | 3 | 4} channels bytes per pixel: grey, RGB or RGBA
 * @property {() => Iterable<Uint8Array>} strips whole rows from top to bottom, without padding, each
 *   strip valid until the next
 * @property {() => void} close gives back what the pixels occupy
 */

/** Rows are handed out in strips of about this size, so that long work can pause between them. */
const STRIP_BYTES = 1 << 20;

/**
 * Pixels that lie in memory.
 * @param {Uint8Array} data
 * @param {number} width
 * @param {number} height
 * @param {1 | 3 | 4} channels
 * @param {() => void} [close]
 * @returns {PixelRows}
 */
export function rowsInMemory(data, width, height, channels, close = () => {}) {
  const rowBytes = width * channels;
  const step = rowsPerStrip(rowBytes) * rowBytes;
  return {
    width,
    height,
    channels,
    *strips() {
      for (let at = 0; at < data.length; at += step) yield data.subarray(at, at + step);
    },
    close,
  };
}

/** @param {number} rowBytes */
export function rowsPerStrip(rowBytes) {
  return Math.max(1, Math.floor(STRIP_BYTES / rowBytes));
}
