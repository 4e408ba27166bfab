// SPDX-License-Identifier: MIT
// `vit158 import --verify`: whether the new model gives the logits that PyTorch gave.
import { readFileSync } from 'node:fs';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';
import { Classifier } from '../lib/vit158.js';

const TOLERANCE = 1e-4;

/**
 * Prints a line; true if it passed.
 * @param {string} modelPath
 * @param {string} verifyPath safetensors with pixel_values [n][c][S][S] and logits [n][C], F32
 * @param {boolean} exact weights are F32: logits must agree, else top-1
 */
export async function verifyImport(modelPath, verifyPath, exact) {
  const vit = await Classifier.load(modelPath);
  try {
    const { imageSize: side, channels, classes, embedding } = vit.info().model;
    const results = classes > 0 ? classes : embedding; // without a head embeddings are compared
    const tensors = readTensors(readFile(verifyPath));
    const pixels = tensor(tensors.pixel_values, [NaN, channels, side, side], 'pixel_values');
    const count = tensors.pixel_values.shape[0];
    const wanted = tensor(tensors.logits, [count, results], 'logits');
    let [apart, largest, agreed] = [0, 0, 0];
    const one = pixels.length / count;
    for (let i = 0; i < count; i++) {
      const logits = await vit.forward(pixels.slice(i * one, (i + 1) * one));
      const theirs = wanted.subarray(i * results, (i + 1) * results);
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

/** @param {string} path */
function readFile(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}

/** @typedef {{dtype: string, shape: number[], bytes: Buffer}} Tensor */

/** @param {Buffer} file @returns {Record<string, Tensor>} */
function readTensors(file) {
  const start = 8 + Number(file.subarray(0, 8).length === 8 ? file.readBigUInt64LE() : 0n);
  if (file[8] !== 0x7b || start > file.length)
    throw new Vit158Error('E_FORMAT', 'a safetensors file with the tensors pixel_values and logits is expected');
  const header = JSON.parse(file.subarray(8, start).toString('utf8'));
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: file.subarray(start + from, start + to) }],
    ),
  );
}

/**
 * @param {Tensor | undefined} found
 * @param {number[]} shape NaN: any length
 * @param {string} name
 */
function tensor(found, shape, name) {
  if (found === undefined)
    throw new Vit158Error('E_TENSOR', 'a file with the tensors pixel_values and logits is expected');
  const fits =
    found.dtype === 'F32' &&
    found.shape.length === shape.length &&
    found.shape[0] > 0 &&
    shape.every((side, i) => Number.isNaN(side) || side === found.shape[i]) &&
    found.bytes.length === 4 * found.shape.reduce((product, side) => product * side, 1);
  if (!fits) {
    const sides = shape.map((side) => (Number.isNaN(side) ? 'n' : side)).join(', ');
    throw new Vit158Error('E_TENSOR', `${name} must be F32 with the shape [${sides}]`);
  }
  return new Float32Array(new Uint8Array(found.bytes).buffer);
}
