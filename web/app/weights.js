// SPDX-License-Identifier: MIT
// A look at the ternary weights of a model: which matrices there are, how many of their weights are -1,
// 0 and +1, and each as an image. What the file holds the engine has told (Classifier.inspect); here
// codes are read at their places in it.

import { countTrits, eachTrit } from '../lib/trits.js';

/** @typedef {import('../lib/vit158.js').Inspection} Inspection */

/** RGBA as a little-endian word: black, grey, white. */
const SHADES = Uint32Array.of(0xff1a1a1a, 0xff8c8c8c, 0xffffffff);

/**
 * @param {Inspection} inspection
 * @param {Blob} file
 * @returns {Promise<import('./service_messages.js').MatrixFacts[]>} in the order they run
 */
export async function listMatrices(inspection, file) {
  const facts = [];
  for (const { name, rows, nOut, nIn } of ternary(inspection)) {
    const codes = await readTensor(inspection, file, name);
    facts.push({ name, rows, nOut, nIn, counts: countTrits(codes, rows, nIn) });
  }
  return facts;
}

/**
 * A row of pixels is a row of weights, a column an input; black is -1, grey 0, white +1.
 * @param {Inspection} inspection
 * @param {Blob} file
 * @param {string} wanted  name of the matrix
 * @returns {Promise<import('./service_messages.js').PixelData>} RGBA
 */
export async function drawMatrix(inspection, file, wanted) {
  const matrix = ternary(inspection).find(({ name }) => name === wanted);
  if (!matrix) throw new Error(`the file has no ternary matrix ${wanted}`);
  const { rows, nIn } = matrix;
  const codes = await readTensor(inspection, file, wanted);
  const words = new Uint32Array(rows * nIn);
  eachTrit(codes, rows, nIn, (row, input, digit) => {
    words[row * nIn + input] = SHADES[digit];
  });
  return { data: new Uint8ClampedArray(words.buffer), width: nIn, height: rows };
}

/** The ternary matrices. @param {Inspection} inspection */
function ternary({ matrices }) {
  return matrices
    .filter(({ type }) => type === 'trit')
    .map(({ name, n_in: nIn, n_out: nOut, rows = nOut }) => ({ name, rows, nOut, nIn }));
}

/**
 * The bytes of a tensor: they follow each other after the header, in the order of `tensors`.
 * @param {Inspection} inspection
 * @param {Blob} file
 * @param {string} wanted
 * @returns {Promise<Uint8Array>}
 */
export async function readTensor({ bytes, tensors }, file, wanted) {
  let at = bytes.header;
  for (const tensor of tensors) {
    const end = at + tensor.bytes;
    if (tensor.name === wanted) {
      const found = new Uint8Array(await file.slice(at, end).arrayBuffer());
      if (found.length !== tensor.bytes) throw new Error(`the file ends before byte ${end}`);
      return found;
    }
    at = end;
  }
  throw new Error(`the file has no tensor ${wanted}`);
}
