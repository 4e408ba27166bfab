// SPDX-License-Identifier: MIT
// Classes of the visitor's own over a model's embeddings: nearest centroid or nearest neighbours,
// and all of it as one small file that is checked piece by piece when it is opened. No DOM.

/**
 * @typedef {object} Example
 * @property {Float32Array} embedding  [d], of length 1
 * @property {string} thumbnail        a JPEG file in base64, '' if none
 *
 * @typedef {{name: string, examples: Example[]}} OwnClass
 * @typedef {'centroid' | 'neighbours'} Method
 *
 * @typedef {object} Match
 * @property {number} index       of the class
 * @property {number} share       0 to 1, all together 1
 * @property {number} similarity  cosine, -1 to 1, to what was compared
 */

export const FORMAT = 'vit158-classes';
export const VERSION = 1;
export const MOST_NAME = 80;
const MOST_CLASSES = 1000;
const MOST_EXAMPLES = 20000;
const MOST_BYTES = 64 << 20;
const MOST_THUMBNAIL = 20000;

/** How strongly a higher cosine counts; those of one model lie close together. */
const SHARPNESS = 20;
const NEIGHBOURS = 5;

/** @param {ArrayLike<number>} vector @returns {Float32Array} of length 1 */
export function normalise(vector) {
  const length = Math.hypot(...Array.from(vector)) || 1;
  return Float32Array.from(vector, (value) => value / length);
}

/** @param {Float32Array} a @param {Float32Array} b @returns {number} */
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** @param {Example[]} examples at least one @returns {Float32Array} of length 1 */
function centroid(examples) {
  const sum = new Float32Array(examples[0].embedding.length);
  for (const { embedding } of examples) embedding.forEach((value, i) => (sum[i] += value));
  return normalise(sum);
}

/**
 * @param {OwnClass[]} classes  those without examples are left out
 * @param {ArrayLike<number>} embedding
 * @param {Method} method
 * @returns {Match[]} best first
 */
export function classify(classes, embedding, method) {
  const wanted = normalise(embedding);
  const filled = classes
    .map(({ examples }, index) => ({ examples, index }))
    .filter(({ examples }) => examples.length > 0);
  const scores =
    method === 'centroid' ? byCentroid(filled, wanted) : byNeighbours(filled, wanted);
  const weights = scores.map(({ weight }) => weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return scores
    .map(({ index, similarity, weight }) => ({ index, similarity, share: weight / total }))
    .sort((a, b) => b.share - a.share || b.similarity - a.similarity);
}

/** @typedef {{examples: Example[], index: number}[]} Filled */

/** @param {Filled} filled @param {Float32Array} wanted */
function byCentroid(filled, wanted) {
  return filled.map(({ examples, index }) => {
    const similarity = dot(centroid(examples), wanted);
    return { index, similarity, weight: Math.exp(SHARPNESS * (similarity - 1)) };
  });
}

/** Votes of the nearest examples of all. @param {Filled} filled @param {Float32Array} wanted */
function byNeighbours(filled, wanted) {
  const all = filled
    .flatMap(({ examples, index }) =>
      examples.map(({ embedding }) => ({ index, similarity: dot(embedding, wanted) })),
    )
    .sort((a, b) => b.similarity - a.similarity);
  const nearest = all.slice(0, NEIGHBOURS);
  return filled.map(({ index }) => ({
    index,
    similarity: all.find((one) => one.index === index)?.similarity ?? -1,
    weight: nearest
      .filter((one) => one.index === index)
      .reduce((sum, { similarity }) => sum + Math.exp(SHARPNESS * (similarity - 1)), 0),
  }));
}

/**
 * @param {OwnClass[]} classes
 * @param {string} model  fingerprint of the model whose embeddings these are
 * @returns {string} a file
 */
export function toFile(classes, model) {
  const packed = classes.map(({ name, examples }) => ({
    name,
    examples: examples.map(({ embedding, thumbnail }) => ({
      embedding: toBase64(new Uint8Array(embedding.buffer)),
      ...(thumbnail && { thumbnail }),
    })),
  }));
  return JSON.stringify({ format: FORMAT, version: VERSION, model, classes: packed });
}

/**
 * Opens such a file. Whatever is wrong with it is one sentence.
 * @param {string} text
 * @param {string} model  fingerprint of the model in use
 * @param {number} dim    numbers in an embedding
 * @returns {OwnClass[]}
 */
export function fromFile(text, model, dim) {
  if (text.length > MOST_BYTES) throw new Error(`The file is larger than ${MOST_BYTES >> 20} MiB.`);
  const file = parse(text);
  if (file?.format !== FORMAT) throw new Error('This is not a file of classes saved by this page.');
  if (file.version !== VERSION)
    throw new Error(
      `The file has version ${JSON.stringify(file.version)}; this page reads version ${VERSION}.`,
    );
  if (file.model !== model)
    throw new Error('These classes were taught with another model: pick that one, then open them.');
  const { classes } = file;
  if (!Array.isArray(classes) || classes.length > MOST_CLASSES)
    throw new Error(`The file needs a list of at most ${MOST_CLASSES} classes.`);
  let examples = 0;
  return classes.map((given, i) => {
    const where = `class ${i + 1}`;
    if (typeof given?.name !== 'string' || given.name.length > MOST_NAME)
      throw new Error(`The name of ${where} is missing or too long.`);
    if (!Array.isArray(given.examples)) throw new Error(`The pictures of ${where} are missing.`);
    examples += given.examples.length;
    if (examples > MOST_EXAMPLES) throw new Error(`There are more than ${MOST_EXAMPLES} pictures.`);
    const read = (/** @type {any} */ example, /** @type {number} */ at) =>
      readExample(example, dim, `Picture ${at + 1} of ${where}`);
    return { name: given.name, examples: given.examples.map(read) };
  });
}

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('The file is not JSON: it may be damaged, or of another kind.');
  }
}

/** @param {any} example @param {number} dim @param {string} where @returns {Example} */
function readExample(example, dim, where) {
  const bytes = fromBase64(example?.embedding);
  if (bytes?.length !== 4 * dim) throw new Error(`${where} has not the ${dim} numbers it needs.`);
  const embedding = new Float32Array(bytes.buffer);
  const length = Math.sqrt(dot(embedding, embedding));
  if (!(Math.abs(length - 1) < 1e-3)) throw new Error(`${where} has numbers that cannot be.`);
  const { thumbnail = '' } = example;
  if (typeof thumbnail !== 'string' || thumbnail.length > MOST_THUMBNAIL || !fromBase64(thumbnail))
    throw new Error(`${where} has a small picture that is damaged.`);
  return { embedding, thumbnail };
}

/** @param {Uint8Array} bytes @returns {string} */
export function toBase64(bytes) {
  let letters = '';
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

/** @param {unknown} text @returns {Uint8Array<ArrayBuffer> | null} null if it is none */
export function fromBase64(text) {
  if (typeof text !== 'string') return null;
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
