// SPDX-License-Identifier: MIT
/** The package's entry; vit158.d.ts documents it. Importing it does nothing else. */
import { Classifier as LocalClassifier } from './classifier.js';

import { asCall } from './errors.js';
import { checkOptions } from './options.js';
import { checkWorkers } from './workers.js';

/** @typedef {import('./vit158.d.ts').ByteSource} ByteSource */
/** @typedef {import('./vit158.d.ts').LoadOptions} LoadOptions */

export { decodeImage } from './decode_image.js';
export { hasSimd128 } from './detect.js';
export { Vit158Error } from './errors.js';
export { VERSION } from './version.js';

export class Classifier extends LocalClassifier {
  /**
   * @param {ByteSource} source
   * @param {LoadOptions | null} [options]
   * @returns {Promise<Classifier>}
   */
  static async load(source, options) {
    const checked = await asCall('load', () => checkOptions('load', options));
    if (!checked.worker) return super.load(source, checked);
    return asCall('load', async () => {
      checkWorkers(checked.newWorker);
      const { PooledClassifier } = await import('./pooled.js');
      return /** @type {any} */ (await PooledClassifier.load(source, checked));
    });
  }
}
