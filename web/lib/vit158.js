// SPDX-License-Identifier: MIT
/** The package's entry; vit158.d.ts documents it. Importing it does nothing else. */
import { Classifier as LocalClassifier } from './classifier.js';

import { Vit158Error, asCall } from './errors.js';
import { checkOptions } from './options.js';
import { hasFiles } from './platform.js';

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

/**
 * Throws where no worker can be started: service workers, worklets, some shared workers.
 * @param {unknown} given a function of the caller that makes workers
 */
function checkWorkers(given) {
  const scope = globalThis.constructor?.name ?? 'this context';
  // A service worker may not import what shares the work out either.
  const isAble = hasFiles() || given !== undefined || typeof Worker === 'function';
  if (isAble && scope !== 'ServiceWorkerGlobalScope') return;
  throw new Vit158Error(
    'E_UNSUPPORTED',
    `${scope === 'ServiceWorkerGlobalScope' ? 'a service worker' : scope} cannot start workers: leave the option worker out`,
  );
}
