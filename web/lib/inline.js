// SPDX-License-Identifier: MIT
/**
 * `vit158/inline`: the same interface with the WebAssembly modules inside the JavaScript, for bundlers
 * that do not carry .wasm files along, for pages in one file, and for pages opened from a disk. One
 * thread works on an image, because the module for more is not embedded.
 */
import { decodeImage as decode } from './decode_image.js';
import { hasSimd128 } from './detect.js';
import { asCall } from './errors.js';
import { inlineBytes } from './inline_bytes.js';
import { loadWasm, wasmParts } from './load_wasm.js';
import { checkOptions } from './options.js';
import { settled } from './source.js';
import { Classifier as PackageClassifier } from './vit158.js';

export { hasSimd128 } from './detect.js';
export { Vit158Error } from './errors.js';
export { VERSION } from './version.js';

/** @typedef {Parameters<typeof inlineBytes>[0]} InlineName */

/** Compiled once. @type {Partial<Record<InlineName, Promise<WebAssembly.Module>>>} */
const compiled = {};

/** @param {InlineName} name */
function inlineModule(name) {
  return (compiled[name] ??= loadWasm(name, inlineBytes(name)));
}

export class Classifier extends PackageClassifier {
  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {import('./vit158.d.ts').LoadOptions | null} [options]
   * @returns {Promise<Classifier>}
   */
  static async load(source, options) {
    return asCall('load', () => Classifier.#withInline.call(this, source, checkOptions('load', options)));
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {import('./options.js').Given<import('./vit158.d.ts').LoadOptions>} options
   * @returns {Promise<Classifier>}
   */
  static async #withInline(source, options) {
    const { engine = 'auto' } = options;
    const scalar = engine === 'scalar' || (engine === 'auto' && !hasSimd128());
    const given = wasmParts(await settled(options.wasm, 'the modules'));
    const wasm = {
      ...given,
      engine: given.engine ?? inlineModule(scalar ? 'scalar' : 'simd128'),
      decoder: given.decoder ?? inlineModule('decode'),
    };
    return super.load(source, { ...options, wasm });
  }
}

/** @type {typeof decode} */
export async function decodeImage(image, options) {
  const given = checkOptions('decodeImage', options);
  return decode(image, { ...given, wasm: given.wasm ?? inlineModule('decode') });
}
