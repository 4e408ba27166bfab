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

/** @type {(...args: Parameters<Promised['Classifier']['load']>) => Promise<Own>} */
export const loadInline = (...args) => inline.Classifier.load(...args);

/** @type {Pick<Promised, 'decodeImage' | 'hasSimd128' | 'VERSION'>} */
export const inlineFunctions = inline;

/** @type {Pick<Promised, 'decodeImage' | 'hasSimd128' | 'VERSION'>} */
export const functions = { VERSION, decodeImage, hasSimd128 };

/** @type {(...args: Parameters<Promised['Classifier']['load']>) => Promise<Own>} */
export const load = (...args) => Classifier.load(...args);

/** `classify` promises more about what was asked for than JSDoc can say of the code. */
/** @typedef {import('../../web/lib/vit158.d.ts').ClassifyOptions} ClassifyOptions */
/** @typedef {import('../../web/lib/vit158.d.ts').Classification} Classification */
/** @typedef {(image: import('../../web/lib/vit158.d.ts').ImageInput, options?: ClassifyOptions | null) => Promise<Classification>} Classify */
/** @typedef {Omit<import('../../web/lib/vit158.d.ts').Classifier, 'classify'> & {classify: Classify}} Own */

/** @param {Classifier} own @returns {Own} */
export const classifier = (own) => own;

/** @param {import('../../web/lib/pooled.js').PooledClassifier} own @returns {Own} */
export const pooled = (own) => own;

/**
 * What is asked for with `true` is there, what is not may be missing.
 * @param {import('../../web/lib/vit158.d.ts').Classifier} vit
 * @param {boolean} maybe
 */
export async function asked(vit, maybe) {
  const all = await vit.classify('a.jpg', { explain: true, embedding: true, input: true, stepHashes: true });
  const { attention, embedding, input, stepHashes } = all;
  const sizes = [attention.side, embedding.length, input.length, stepHashes.length];
  const bare = await vit.classify('a.jpg');
  const either = await vit.classify('a.jpg', { explain: maybe, signal: null });
  // @ts-expect-error nobody asked for attention
  sizes[0] += bare.attention.side;
  // @ts-expect-error perhaps nobody did
  sizes[0] += either.attention.side;
  // @ts-expect-error there is no such option
  await vit.classify('a.jpg', { topk: 3 });
  return sizes;
}

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
