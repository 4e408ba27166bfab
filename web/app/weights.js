// SPDX-License-Identifier: MIT
// A look at the ternary weights of a model file (src/model/FORMAT.md): which matrices there are, how
// many of their weights are -1, 0 and +1, and each as an image. The engine has opened the file
// before; still, nothing is read that does not lie inside it.

import { countTrits, eachTrit, tritBytes } from '../lib/trits.js';

const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 4 << 20;

/** RGBA as a little-endian word: black, grey, white. */
const SHADES = Uint32Array.of(0xff1a1a1a, 0xff8c8c8c, 0xffffffff);

/** A matrix, with as many outputs as it has ternary rows.
 * @typedef {{name: string, nOut: number, nIn: number, from: number, to: number}} Place */

/**
 * @param {Blob} file
 * @returns {Promise<import('./service_messages.js').MatrixFacts[]>} in the order of the file
 */
export async function listMatrices(file) {
  const facts = [];
  for (const { from, to, ...matrix } of await places(file)) {
    const codes = await readPart(file, from, to);
    facts.push({ ...matrix, counts: countTrits(codes, matrix.nOut, matrix.nIn) });
  }
  return facts;
}

/**
 * Rows are outputs, columns inputs; black is -1, grey 0, white +1.
 * @param {Blob} file
 * @param {string} wanted  name of the matrix
 * @returns {Promise<import('./service_messages.js').PixelData>} RGBA
 */
export async function drawMatrix(file, wanted) {
  const place = (await places(file)).find(({ name }) => name === wanted);
  if (!place) throw new Error(`the file has no ternary matrix ${wanted}`);
  const { nOut, nIn, from, to } = place;
  const codes = await readPart(file, from, to);
  const words = new Uint32Array(nOut * nIn);
  eachTrit(codes, nOut, nIn, (row, input, digit) => {
    words[row * nIn + input] = SHADES[digit];
  });
  return { data: new Uint8ClampedArray(words.buffer), width: nIn, height: nOut };
}

/**
 * @typedef {object} Header
 * @property {Record<string, {dtype: string, shape: number[], data_offsets: [number, number]}>} tensors
 * @property {Record<string, {type: string, n_out: number, n_in: number, rows?: number}>} encodings
 * @property {number} start  of the data in the file
 */

/** @param {Blob} file @returns {Promise<Header>} */
export async function readHeader(file) {
  const head = new DataView((await readPart(file, 0, LENGTH_BYTES)).buffer);
  const length = Number(head.getBigUint64(0, true));
  if (length > MOST_HEADER_BYTES) throw new Error('the header is too long');
  const start = LENGTH_BYTES + length;
  const { __metadata__: metadata, ...tensors } = JSON.parse(
    new TextDecoder().decode(await readPart(file, LENGTH_BYTES, start)),
  );
  return { tensors, encodings: JSON.parse(metadata?.encodings ?? '{}'), start };
}

/** @param {Blob} file @returns {Promise<Place[]>} of its ternary matrices, in the order of the file */
async function places(file) {
  const { tensors, encodings, start } = await readHeader(file);
  const found = Object.entries(encodings)
    .filter(([name, { type }]) => type === 'trit' && tensors[name])
    .map(([name, { n_out, n_in: nIn, rows: nOut = n_out }]) => {
      const [from, to] = tensors[name].data_offsets;
      if (to - from !== tritBytes(nOut, nIn))
        throw new Error(`${name} has ${to - from} bytes, which is not what its shape needs`);
      return { name, nOut, nIn, from: start + from, to: start + to };
    });
  return found.sort((a, b) => byBlock(a.name, b.name));
}

/** Blocks in their order, and within one the order of the forward pass. */
const PARTS = ['attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'];

/** @param {string} a @param {string} b @returns {number} */
function byBlock(a, b) {
  const place = (/** @type {string} */ name) =>
    Number(name.split('.')[1]) * PARTS.length + PARTS.findIndex((part) => name.includes(part));
  return place(a) - place(b);
}

/** @param {Blob} file @param {number} from @param {number} to @returns {Promise<Uint8Array>} */
export async function readPart(file, from, to) {
  const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
  if (bytes.length !== to - from) throw new Error(`the file ends before byte ${to}`);
  return bytes;
}
