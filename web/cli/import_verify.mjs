// SPDX-License-Identifier: MIT
// `vit158 import --verify`: whether the new model gives the logits that PyTorch gave.
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { readTensors } from '../lib/import_module.js';
import { Classifier } from '../lib/vit158.js';
import { IMPORT_MODULE, SourceFolder } from './import_source.mjs';

const TOLERANCE = 1e-4;

/**
 * Prints a line; true if it passed.
 * @param {string} modelPath
 * @param {string} verifyPath safetensors with pixel_values [n][c][S][S] and logits [n][C]
 * @param {boolean} exact weights are F32: logits must agree, else top-1
 */
export async function verifyImport(modelPath, verifyPath, exact) {
  const vit = await Classifier.load(modelPath);
  try {
    const { imageSize: side, channels, classes, embedding } = vit.info().model;
    const results = classes > 0 ? classes : embedding; // without a head embeddings are compared
    const [pixels, wanted] = await tensorsOf(verifyPath);
    checkShape(pixels, [undefined, channels, side, side], 'pixel_values');
    const count = pixels.shape[0];
    checkShape(wanted, [count, results], 'logits');
    let [apart, largest, agreed] = [0, 0, 0];
    const one = channels * side * side;
    for (let i = 0; i < count; i++) {
      const logits = await vit.forward(pixels.values.slice(i * one, (i + 1) * one));
      const theirs = wanted.values.subarray(i * results, (i + 1) * results);
      theirs.forEach((value, c) => {
        largest = Math.max(largest, Math.abs(value));
        apart = Math.max(apart, Math.abs(logits[c] - value));
      });
      agreed += Number(logits.indexOf(Math.max(...logits)) === theirs.indexOf(Math.max(...theirs)));
    }
    const passed = exact ? apart <= TOLERANCE * largest : agreed === count;
    const short = (/** @type {number} */ x, n = 2) => String(Number(x.toPrecision(n)));
    process.stdout.write(
      `verify: ${count} images, logits at most ${short(apart)} apart at a largest of ` +
        `${short(largest, 3)} (${short(apart / largest)} of it), top-1 equal in ${agreed}: ` +
        `${passed ? 'passed' : 'FAILED'}\n`,
    );
    return passed;
  } finally {
    vit.dispose();
  }
}

/**
 * The two tensors of a file, by the import module.
 * @param {string} path
 * @returns {Promise<Tensor[]>}
 */
async function tensorsOf(path) {
  const files = new SourceFolder(dirname(path));
  const module = await WebAssembly.compile(readFileSync(IMPORT_MODULE));
  try {
    const names = ['pixel_values', 'logits'].map((name) => Buffer.from(name));
    return await readTensors(module, files, Buffer.from(basename(path)), names);
  } finally {
    files.close();
  }
}

/** @typedef {{shape: number[], values: Float32Array}} Tensor */

/**
 * @param {Tensor} tensor
 * @param {(number | undefined)[]} shape undefined: any number but 0
 * @param {string} name
 */
function checkShape(tensor, shape, name) {
  const fits =
    tensor.shape.length === shape.length &&
    tensor.shape.every((side, i) => (shape[i] === undefined ? side > 0 : side === shape[i]));
  if (!fits)
    throw new Vit158Error('E_TENSOR', `${name} must have the shape [${shape.map((side) => side ?? 'n').join(', ')}]`);
}
