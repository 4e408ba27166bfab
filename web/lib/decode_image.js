// SPDX-License-Identifier: MIT
/**
 * An image's pixels without a model, for previews and tools.
 */
import { Decoder } from './decoder.js';
import { asCall } from './errors.js';
import { openImage } from './image_input.js';
import { isPlainObject } from './kinds.js';
import { wasmParts } from './load_wasm.js';
import { checkOptions } from './options.js';
import { Pace } from './pace.js';

/**
 * @param {import('./vit158.d.ts').ImageInput} image
 * @param {import('./vit158.d.ts').DecodeOptions | null} [options]
 * @returns {Promise<import('./vit158.d.ts').PixelData & {channels: 1 | 3 | 4}>}
 */
export function decodeImage(image, options) {
  return asCall('decodeImage', () => decode(image, checkOptions('decodeImage', options)));
}

/**
 * @param {import('./vit158.d.ts').ImageInput} image
 * @param {import('./options.js').Given<import('./vit158.d.ts').DecodeOptions>} options
 * @returns {Promise<import('./vit158.d.ts').PixelData & {channels: 1 | 3 | 4}>}
 */
async function decode(image, { signal, wasm }) {
  const { decoder, webp } = wasmParts(isPlainObject(wasm) ? wasm : { decoder: wasm });
  const { rows } = await openImage(image, new Decoder({ decode: decoder, webp }), new Pace({ signal }));
  try {
    const { width, height, channels } = rows;
    const data = new Uint8Array(width * height * channels);
    let at = 0;
    for (const strip of rows.strips()) {
      data.set(strip, at);
      at += strip.length;
    }
    return { data, width, height, channels };
  } finally {
    rows.close();
  }
}
