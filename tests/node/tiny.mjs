// SPDX-License-Identifier: MIT
// The tiny models of tests/golden/make_tiny_goldens.py and what PyTorch computed with them in float64.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from './shared.mjs';

export const TINY_MODELS = ['ternary-6', 'ternary-4', 'ternary-2', 'float-6', 'float-4', 'float-2'];

/** Geometry of all of them. */
export const SIDE = 20;
export const DIM = 24;
export const DEPTH = 2;
export const HEADS = 3;
export const CLASSES = 7;
export const TOKENS = 26;

/** @param {string} name */
export const tinyPath = (name) => join(TINY, `${name}.safetensors`);

/**
 * Input and logits; the file has every step between them, too.
 * @param {string} name
 */
export function tinyGolden(name) {
  const bytes = readFileSync(join(TINY, `${name}.golden`));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const after = DEPTH * HEADS * TOKENS + TOKENS; // attention and rollout
  return {
    input: values.subarray(0, 3 * SIDE * SIDE),
    logits: values.subarray(values.length - after - CLASSES, values.length - after),
  };
}

/**
 * Pseudo-random pixels, the same for the same arguments.
 * @param {number} width @param {number} height @param {1 | 3 | 4} [channels] @param {number} [seed]
 */
export function noisePicture(width, height, channels = 3, seed = 1) {
  const data = new Uint8Array(width * height * channels);
  let state = seed >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { data, width, height };
}

/**
 * Largest |a - b|; NaN if a value is.
 * @param {ArrayLike<number>} a @param {ArrayLike<number>} b
 */
export function distance(a, b) {
  if (a.length !== b.length) return NaN;
  return Array.from(a, (x, i) => Math.abs(x - b[i])).reduce((x, y) => (y > x || y !== y ? y : x), 0);
}
