// SPDX-License-Identifier: MIT
// For tsc only, nothing runs this: what vit158.d.ts promises is what the modules export.
import { Classifier } from '../../web/lib/classifier.js';
import { decodeImage } from '../../web/lib/decode_image.js';
import { hasSimd128 } from '../../web/lib/detect.js';
import { Vit158Error } from '../../web/lib/errors.js';
import { goldenText } from '../../web/lib/golden_file.js';
import * as inline from '../../web/lib/inline.js';
import { record, recordPicture, verify } from '../../web/lib/regression.js';
import { VERSION } from '../../web/lib/version.js';

/** @typedef {typeof import('../../web/lib/vit158.d.ts')} Promised */

/** @type {Omit<Promised, 'Classifier' | 'Vit158Error'> & {Classifier: Pick<Promised['Classifier'], 'load'>}} */
export const inlined = inline;

/** @type {Omit<Promised, 'Classifier' | 'Vit158Error'> & {Classifier: Pick<Promised['Classifier'], 'load'>}} */
export const functions = { VERSION, decodeImage, hasSimd128, Classifier };

/**
 * @param {Classifier} own
 * @returns {import('../../web/lib/vit158.d.ts').Classifier}
 */
export const classifier = (own) => own;

/**
 * @param {import('../../web/lib/pooled.js').PooledClassifier} own
 * @returns {import('../../web/lib/vit158.d.ts').Classifier}
 */
export const pooled = (own) => own;

/**
 * @param {ConstructorParameters<Promised['Vit158Error']>} args
 * @returns {Pick<import('../../web/lib/vit158.d.ts').Vit158Error, 'code' | 'message' | 'cause'>}
 */
export const error = (...args) => new Vit158Error(...args);

/** @type {typeof import('../../web/lib/golden.d.ts')} */
export const golden = { goldenText, record, recordPicture, verify };

/**
 * @param {import('../../web/lib/vit158.d.ts').Classifier} own
 * @returns {import('../../web/lib/golden.d.ts').Runner}
 */
export const runner = (own) => own;
