// SPDX-License-Identifier: MIT
/**
 * Classes of one's own over a model's embeddings. All of it is written so that it gives the same bits
 * as src/cli/own_classes.c: sums in double in the order of the file, and e^x in float32 as in
 * src/base/numerics.h, since engines' Math.exp differ.
 */
import { HEAD, checkClasses, readClasses } from './classes_file.js';
import { Vit158Error, asCall, asCallAtOnce, strangeThis } from './errors.js';
import { bytesOf, describe, isBuffer } from './kinds.js';
import { PREDICT, RUN, checkOptions } from './options.js';

/** @typedef {import('./classes.d.ts').ClassesFile} ClassesFile */
/** @typedef {import('./classes.d.ts').ClassMatch} ClassMatch */

/** How strongly a higher cosine counts; those of one model lie close together. */
const SHARPNESS = 20;
const NEIGHBOURS = 5;

export class OwnClasses {
  #file;
  /** Of each class, what an image is compared with: directions of length 1. @type {Float64Array[][]} */
  #directions;

  /** @param {ClassesFile} file what a file holds, or would */
  constructor(file) {
    this.#file = asCallAtOnce('new OwnClasses', () => checkClasses({ ...HEAD, ...file }));
    const { classes, method } = this.#file;
    this.#directions = classes.map(({ vectors }) => {
      const all = vectors.map((vector) => direction(vector));
      return method === 'centroid' && all.length > 0 ? [centre(all)] : all;
    });
  }

  /**
   * @param {import('./vit158.d.ts').ByteSource} source
   * @param {{signal?: AbortSignal | null} | null} [options]
   */
  static load(source, options) {
    return asCall('OwnClasses.load', async () => {
      const { signal } = checkOptions('OwnClasses.load', options, { signal: RUN.signal });
      return new OwnClasses(await readClasses(source, signal));
    });
  }

  /** The `this` of a method, if it is one. @param {unknown} self @param {string} call @returns {OwnClasses} */
  static #own(self, call) {
    if (#file in Object(self)) return /** @type {OwnClasses} */ (self);
    throw strangeThis(call, 'own');
  }

  get model() {
    return { ...OwnClasses.#own(this, 'model').#file.model };
  }

  get dim() {
    return OwnClasses.#own(this, 'dim').#file.dim;
  }

  labels() {
    return OwnClasses.#own(this, 'labels').#file.classes.map(({ name }) => name);
  }

  /**
   * @param {Pick<import('./vit158.d.ts').Classifier, 'classify' | 'info'>} vit
   * @param {import('./vit158.d.ts').ImageInput} image
   * @param {import('./classes.d.ts').OwnOptions | null} [options]
   */
  classify(vit, image, options) {
    return asCall('OwnClasses.classify', async () => {
      const own = OwnClasses.#own(this, 'classify');
      const { signal, deadlineMs, ...rest } = checkOptions('OwnClasses.classify', options, { ...RUN, ...PREDICT });
      if (typeof vit?.info !== 'function' || typeof vit.classify !== 'function')
        throw new Vit158Error('E_ARGUMENT', `a Classifier is wanted, not ${describe(vit)}`);
      const { name, sha256 } = own.#file.model;
      const info = vit.info();
      if (info.model.embedding !== own.dim || (info.sha256 !== '' && info.sha256 !== sha256))
        throw new Vit158Error(
          'E_INPUT',
          `the classes were taught with another model, ${name} of SHA-256 ${sha256.slice(0, 12)}...`,
        );
      const found = await vit.classify(image, { topK: 1, embedding: true, signal, deadlineMs });
      return { ...own.match(/** @type {Float32Array} */ (found.embedding), rest), timing: found.timing };
    });
  }

  /**
   * @param {ArrayLike<number>} embedding
   * @param {import('./classes.d.ts').MatchOptions | null} [options]
   * @returns {import('./classes.d.ts').Matches}
   */
  match(embedding, options) {
    return asCallAtOnce('match', () => OwnClasses.#own(this, 'match').#match(embedding, options));
  }

  /** @type {OwnClasses['match']} */
  #match(embedding, options) {
    const { topK = 5, threshold = 0 } = checkOptions('OwnClasses.match', options, PREDICT);
    if (isBuffer(embedding)) bytesOf(embedding, 'the numbers given');
    if (embedding?.length !== this.dim)
      throw new Vit158Error('E_ARGUMENT', `an embedding of ${this.dim} numbers is wanted, not ${describe(embedding)}`);
    const wanted = direction(embedding);
    if (!wanted.every(Number.isFinite))
      throw new Vit158Error('E_ARGUMENT', 'the embedding is no direction: all of it is 0, or it is not finite');
    const { classes, method, unlike } = this.#file;
    const all = this.#directions.flatMap((directions, index) =>
      directions.map((one) => ({ index, similarity: dot(one, wanted) })),
    );
    const nearest = [...all].sort((a, b) => b.similarity - a.similarity);
    const counted = method === 'centroid' ? all : nearest.slice(0, NEIGHBOURS);
    const best = nearest[0].similarity;
    const weights = new Float64Array(classes.length);
    for (const { index, similarity } of counted) weights[index] += exp32(Math.fround(SHARPNESS * (similarity - best)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    /** @type {ClassMatch[]} */
    const predictions = classes.flatMap(({ name, vectors }, index) =>
      vectors.length === 0
        ? []
        : [
            {
              label: name,
              score: Math.fround(weights[index] / total),
              index,
              similarity: Math.fround(
                all.reduce((most, one) => (one.index === index ? Math.max(most, one.similarity) : most), -2),
              ),
            },
          ],
    );
    predictions.sort((a, b) => b.score - a.score || b.similarity - a.similarity || a.index - b.index);
    return {
      predictions: predictions.slice(0, topK).filter(({ score }) => score >= threshold),
      unsure: unlike !== undefined && best < unlike,
    };
  }
}

/** Of length 1, in double. @param {ArrayLike<number>} vector */
function direction(vector) {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i];
  const length = Math.sqrt(squares);
  return Float64Array.from(vector, (x) => x / length);
}

/** Of the sum of directions; of the first if they cancel out. @param {Float64Array[]} all at least one */
function centre(all) {
  const sum = new Float64Array(all[0].length);
  for (const one of all) for (let i = 0; i < sum.length; i++) sum[i] += one[i];
  return sum.some((x) => x !== 0) ? direction(sum) : all[0];
}

/** @param {Float64Array} a @param {Float64Array} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const f = Math.fround;
const LOG2E = f(1.44269504);
const LN2_HI = 0.693359375;
const LN2_LO = f(-2.1219444e-4);
const COEFFICIENTS = [0.000198412698, 0.00138888889, 0.00833333333, 0.0416666667, 0.166666667, 0.5, 1, 1].map(f);

/** vit158_exp of src/base/numerics.h: e^x for a float32 x <= 0, every operation rounded to float32. @param {number} x */
export function exp32(x) {
  if (x < -87) return 0;
  const n = f(f(f(x * LOG2E) + 12582912) - 12582912);
  const r = f(f(x - f(n * LN2_HI)) - f(n * LN2_LO));
  const p = COEFFICIENTS.reduce((value, c) => f(f(value * r) + c));
  return f(p * 2 ** n);
}
