// SPDX-License-Identifier: MIT
// The size of a file by src/model/FORMAT.md, section 5.

import { tritBytes } from '../lib/trits.js';

const ELEMENT_BYTES = /** @type {Record<string, number>} */ ({ F32: 4, F16: 2, BF16: 2 });

/**
 * The size of a file by FORMAT.md's formula.
 * @param {ReturnType<import('./model.mjs').geometry>} shape
 * @param {{outer_norms: boolean, inner_norms: boolean}} norms
 * @param {{type: string, rest: string, rowScales: boolean, newerBytes: number}} stored
 *   type of the first matrix and of the class token; a scale for each output or one for a matrix; what
 *   format version 2 adds
 * @param {number} headerBytes
 */
export function formulaBytes(shape, norms, { type, rest, rowScales, newerBytes }, headerBytes) {
  const { dim: d, mlp_dim: f, depth, classes: c, channels, patch_size: patch, tokens } = shape;
  const element = ELEMENT_BYTES[rest];
  const inBlock = 5 * d + f + (norms.outer_norms ? 4 * d : 0) + (norms.inner_norms ? 6 * d + 2 * f : 0);
  const floats = (channels * patch ** 2 + tokens + 4) * d + (d + 1) * c + depth * inBlock;
  const weights = 4 * d * d + 2 * d * f;
  const ofBlock =
    type === 'trit' ? tritBytes(4 * d + f, d) + tritBytes(d, f) : type === 'I8' ? weights : weights * element;
  const scales = ELEMENT_BYTES[type] ? 0 : rowScales ? 5 * d + f : 4;
  return headerBytes + depth * (ofBlock + 4 * scales) + element * floats + newerBytes;
}
