// SPDX-License-Identifier: MIT
// Every tensor of a model file: its shape, type and bytes as the engine has told them
// (Classifier.inspect), and the spread of its values.
import { readTensor } from './weights.js';

/** Values that are looked at, at most; of a larger tensor every n-th. */
const MOST_VALUES = 1 << 20;
const BINS = 41;

/** What a value of each type takes, and how it is read. @type {Record<string, {bytes: number, at: (view: DataView, i: number) => number}>} */
const TYPES = {
  F32: { bytes: 4, at: (view, i) => view.getFloat32(4 * i, true) },
  F16: { bytes: 2, at: (view, i) => half(view.getUint16(2 * i, true)) },
  BF16: { bytes: 2, at: (view, i) => fromBits(view.getUint16(2 * i, true) << 16) },
  I8: { bytes: 1, at: (view, i) => view.getInt8(i) },
  U8: { bytes: 1, at: (view, i) => view.getUint8(i) },
};

/** @typedef {import('../lib/vit158.js').Inspection} Inspection */

/**
 * @param {Inspection} inspection
 * @returns {import('./service_messages.js').TensorFacts[]} in the order of the file
 */
export function listTensors({ tensors, matrices }) {
  const types = new Map(matrices.map(({ name, type }) => [name, type]));
  return tensors.map(({ name, type, ...facts }) => ({ name, type: (types.get(name) ?? type).toLowerCase(), ...facts }));
}

/**
 * @param {Inspection} inspection
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<import('./service_messages.js').Spread>} codes of ternary weights are spread as codes
 */
export async function spreadOf(inspection, file, name) {
  const tensor = inspection.tensors.find((one) => one.name === name);
  const type = TYPES[tensor?.type ?? ''];
  if (!type) throw new Error(`${name} has no numbers that can be shown`);
  const bytes = await readTensor(inspection, file, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / type.bytes);
  const step = Math.max(1, Math.ceil(count / MOST_VALUES));
  const values = new Float32Array(Math.ceil(count / step));
  for (let i = 0; i < values.length; i++) values[i] = type.at(view, i * step);
  return spread(values);
}

/** @param {Float32Array} values @returns {import('./service_messages.js').Spread} */
export function spread(values) {
  let [low, high, zeros, sum] = [Infinity, -Infinity, 0, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    if (value === 0) zeros++;
  }
  const bins = new Array(BINS).fill(0);
  const range = high - low || 1;
  for (const value of values) bins[Math.min(BINS - 1, Math.floor(((value - low) / range) * BINS))]++;
  const count = values.length;
  return { count, low, high, mean: count ? sum / count : 0, zeros: count ? zeros / count : 0, bins };
}

/** @param {number} bits of an IEEE half @returns {number} */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const WORD = new DataView(new ArrayBuffer(4));

/** @param {number} bits of a float32 */
function fromBits(bits) {
  WORD.setInt32(0, bits);
  return WORD.getFloat32(0);
}
