// SPDX-License-Identifier: MIT
// Classes of the visitor's own: what the page keeps of them, as the library's `vit158/classes` takes it,
// and how well they can be told apart. No DOM.
import { OwnClasses } from '../lib/own_classes.js';

/**
 * @typedef {object} Example
 * @property {Float32Array} vector    the model's embedding of the image
 * @property {string} thumbnail       a JPEG file in base64, '' if none
 * @property {string} [image]         what the model saw of it, a JPEG file in base64; absent in files of classes
 *
 * @typedef {{name: string, examples: Example[]}} OwnClass
 * @typedef {'centroid' | 'neighbours'} Method
 *
 * @typedef {object} Taught
 * @property {Method} method
 * @property {number} unlike  -1: every image is like one of them
 * @property {OwnClass[]} classes
 */

export const MOST_NAME = 80;

/**
 * @param {Taught} taught  at least one example in all
 * @param {{name: string, sha256: string}} model
 * @returns {import('../lib/classes.d.ts').ClassesFile}
 */
export function classesFile({ method, unlike, classes }, model) {
  const first = classes.flatMap(({ examples }) => examples)[0];
  return {
    model,
    dim: first.vector.length,
    method,
    ...(unlike > -1 ? { unlike } : {}),
    classes: classes.map(({ name, examples }) => ({
      name,
      vectors: examples.map(({ vector }) => vector),
      thumbnails: examples.map(({ thumbnail }) => thumbnail),
    })),
  };
}

/** @param {import('../lib/classes.d.ts').ClassesFile} file @returns {Taught} */
export const taughtOf = ({ method, unlike = -1, classes }) => ({
  method,
  unlike,
  classes: classes.map(({ name, vectors, thumbnails = [] }) => ({
    name,
    examples: vectors.map((vector, i) => ({
      vector: Float32Array.from(vector),
      thumbnail: thumbnails[i] ?? '',
    })),
  })),
});

/**
 * How a class's images would be named if each were not there itself (leave one out).
 * @typedef {object} Confusion
 * @property {number} right
 * @property {number} total
 * @property {number[][]} counts  [class][what it was taken for]
 */

/**
 * @param {Taught} taught  two classes with two examples each at least, or nothing is counted
 * @param {{pause: () => Promise<unknown>, isCurrent: () => boolean}} control  between the images
 * @returns {Promise<Confusion | null>} null if it is not wanted any more
 */
export async function leaveOneOut(taught, { pause, isCurrent }) {
  const { classes } = taught;
  const counts = classes.map(() => classes.map(() => 0));
  const model = { name: '', sha256: '0'.repeat(64) };
  let [right, total] = [0, 0];
  for (const [c, { examples }] of classes.entries()) {
    if (examples.length < 2) continue; // without its only image there is no class
    for (const left of examples) {
      const others = classes.map((one, i) =>
        i === c ? { ...one, examples: examples.filter((example) => example !== left) } : one,
      );
      const file = classesFile({ ...taught, unlike: -1, classes: others }, model);
      const [best] = new OwnClasses(file).match(left.vector, { topK: 1 }).predictions;
      counts[c][best.index]++;
      total++;
      if (best.index === c) right++;
      await pause();
      if (!isCurrent()) return null;
    }
  }
  return { right, total, counts };
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
