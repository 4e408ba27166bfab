// SPDX-License-Identifier: MIT
// Error codes turned into words: what happened, in a few words, and what to do next.

import { labelParts, percent } from './format.js';

/** @typedef {{title: string, hint: string}} Words */

/** @type {Record<string, Words>} */
const PICTURE = {
  E_FORMAT: {
    title: 'Not a picture',
    hint: 'The file does not hold a picture this browser knows. JPEG, PNG, WebP, AVIF, GIF and BMP work.',
  },
  E_UNSUPPORTED: {
    title: 'Cannot read this picture',
    hint: 'Save it as JPEG or PNG and try again.',
  },
  E_IMAGE: { title: 'Damaged picture', hint: 'Try opening it elsewhere and saving it again.' },
  E_TRUNCATED: {
    title: 'Incomplete picture',
    hint: 'The file ends too early; download or copy it again.',
  },
  E_LIMIT: {
    title: 'Too large a picture',
    hint: 'Each side may have up to 16,384 pixels. Shrink it and try again.',
  },
  E_MEMORY: { title: 'Not enough memory', hint: 'Close other tabs or use a smaller picture.' },
  E_INPUT: { title: 'Not a picture', hint: 'JPEG, PNG, WebP, AVIF, GIF and BMP files work.' },
  E_IO: {
    title: 'Cannot read the file',
    hint: 'It may have been moved or changed since it was chosen.',
  },
  E_WASM: {
    title: 'WebAssembly does not run here',
    hint: 'The engine needs it; a lockdown mode or a policy may have switched it off.',
  },
};

/** @type {Record<string, Words>} */
const MODEL = {
  E_FORMAT: {
    title: 'Not a model file',
    hint: 'vit158 opens .safetensors files of Vision Transformers, ternary or float.',
  },
  E_TRUNCATED: {
    title: 'Incomplete model file',
    hint: 'The file ends too early; download or copy it again.',
  },
  E_LIMIT: { title: 'Model too large', hint: 'It is beyond a limit of this engine.' },
  E_JSON: {
    title: 'Damaged model file',
    hint: 'Its header cannot be read; download or copy it again.',
  },
  E_METADATA: {
    title: 'Not a model this engine runs',
    hint: 'Its description is missing something or contradicts its tensors.',
  },
  E_TENSOR: {
    title: 'Not a model this engine runs',
    hint: 'Vision Transformers with timm’s tensor names work.',
  },
  E_VALUE: { title: 'Damaged model file', hint: 'It holds numbers that no model can have.' },
  E_UNSUPPORTED: {
    title: 'Not a model this engine runs',
    hint: 'It is a valid file of a kind vit158 does not handle.',
  },
  E_MEMORY: {
    title: 'Not enough memory',
    hint: 'This device cannot hold the model. Close other tabs, or pick a smaller one.',
  },
  E_NETWORK: {
    title: 'Could not fetch the model',
    hint: 'Try again, or open a model file from this device.',
  },
  E_INTEGRITY: {
    title: 'Not the file it should be',
    hint: 'It was cut short or changed on its way, and has not been used. Try again.',
  },
  E_WASM: {
    title: 'WebAssembly does not run here',
    hint: 'The engine needs it; a lockdown mode or a policy may have switched it off.',
  },
  E_IO: {
    title: 'Cannot read the file',
    hint: 'It may have been moved or changed since it was chosen.',
  },
  E_INPUT: {
    title: 'Not a model file',
    hint: 'vit158 opens .safetensors files of Vision Transformers, ternary or float.',
  },
};

/** @type {Words} */
const UNKNOWN = { title: 'Something went wrong', hint: 'Try again, or reload the page.' };

/** @param {string} code @returns {Words} */
export const pictureWords = (code) => PICTURE[code] ?? UNKNOWN;

/** @param {string} code @returns {Words} */
export const modelWords = (code) => MODEL[code] ?? UNKNOWN;

/** @param {string} text @returns {string} with a full stop */
export const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/**
 * How sure the model is of its first choice.
 * @param {{label: string, score: number, index: number}[]} predictions  best first
 * @returns {string}
 */
export function certainty(predictions) {
  const [first, second] = predictions;
  if (!second) return '';
  const [name] = labelParts(second.label, second.index);
  if (first.score >= 0.9) return 'It is very sure.';
  if (first.score >= 0.6) return `It is fairly sure; its second thought is ${name}.`;
  if (first.score - second.score < 0.1) return `It cannot decide: ${name} is almost as likely.`;
  return `It is not sure; it could also be ${name}.`;
}

/**
 * @param {Record<string, string>} metadata of a model file
 * @returns {string} '' if the model has learnt something
 */
export const untrainedWords = ({ trained }) =>
  trained === 'false' ? 'Not trained: random weights, for measuring speed' : '';

/**
 * @param {number} classes of the model
 * @returns {string} for an image that is like none of them
 */
export const unsureWords = (classes) =>
  `The picture looks like none of the ${classes.toLocaleString('en')} things that this model knows. Its best guesses are below.`;

/** Of a model that ends in an embedding. */
export const HEADLESS_WORDS =
  'This model has no classes: it turns a picture into numbers. Teach it classes of your own, further down.';

/**
 * @param {{label: string, score: number, index: number}} first  the best guess
 * @param {number} least  score, 0..1, that is wanted of a guess
 * @returns {string}
 */
export const fewWords = ({ label, index, score }, least) =>
  `Its best guess, ${labelParts(label, index)[0]}, has ${percent(score)}: less than the ${percent(least)} asked for.`;

/**
 * What the model can name at all.
 * @param {string[]} labels
 * @returns {string}
 */
export function scopeWords(labels) {
  if (!labels.some(Boolean)) return 'This model file names no classes; numbers stand for them.';
  if (labels.length > 24) {
    return `This model knows ${labels.length.toLocaleString('en')} things and picks among them, whatever the picture shows.`;
  }
  const names = `${labels.slice(0, -1).join(', ')} and ${labels[labels.length - 1]}`;
  return `This model knows ${labels.length} things only: ${names}. It picks among them, whatever the picture shows.`;
}
