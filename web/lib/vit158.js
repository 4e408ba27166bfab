// SPDX-License-Identifier: MIT
/** The package's entry; vit158.d.ts documents it. Importing it does nothing else. */
import { Classifier as LocalClassifier } from './classifier.js';

/** @typedef {import('./vit158.d.ts').ByteSource} ByteSource */
/** @typedef {import('./vit158.d.ts').LoadOptions} LoadOptions */

export { decodeImage } from './decode_image.js';
export { hasSimd128 } from './detect.js';
export { Vit158Error } from './errors.js';
export { VERSION } from './version.js';

export class Classifier extends LocalClassifier {
  /**
   * @param {ByteSource} source
   * @param {LoadOptions} [options]
   * @returns {Promise<Classifier>}
   */
  static async load(source, options = {}) {
    if (!options.worker) return super.load(source, options);
    const { PooledClassifier } = await import('./pooled.js');
    return /** @type {any} */ (await PooledClassifier.load(source, options));
  }
}
