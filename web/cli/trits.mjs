// SPDX-License-Identifier: MIT
// What src/model/FORMAT.md says of ternary matrices and of a file's size, as far as `inspect` needs it.

const TRITS_PER_CODE = 5;

/** Zeros (digit 1) among the first n digits of a code, [n][code]. */
const ZEROS = Array.from({ length: TRITS_PER_CODE + 1 }, (_, n) =>
  Uint8Array.from({ length: 3 ** TRITS_PER_CODE }, (_unused, code) =>
    Array.from({ length: n }, (_digit, i) => Math.floor(code / 3 ** i) % 3)
      .filter((digit) => digit === 1).length));

/**
 * Zeros of a matrix of trit codes. Groups of four codes lie side by side for each output, then what
 * is left; only the last group may have padding, which does not count.
 * @param {Uint8Array} codes
 * @param {number} nOut
 * @param {number} nIn
 */
export function countZeros(codes, nOut, nIn) {
  const groups = Math.ceil(nIn / TRITS_PER_CODE);
  const lastBlock = Math.floor((groups - 1) / 4); // the one that holds the last group
  const lastStart = 4 * lastBlock * nOut;
  const lastGroups = groups - 4 * lastBlock;
  const whole = ZEROS[TRITS_PER_CODE];
  const last = ZEROS[nIn - (groups - 1) * TRITS_PER_CODE];
  let zeros = 0;
  for (let i = 0; i < codes.length; i++) {
    const isLast = i >= lastStart && (i - lastStart) % lastGroups === lastGroups - 1;
    zeros += (isLast ? last : whole)[codes[i]];
  }
  return zeros;
}

const ELEMENT_BYTES = /** @type {Record<string, number>} */ ({ F32: 4, F16: 2, BF16: 2 });

/**
 * The size of a file by FORMAT.md's formula.
 * @param {ReturnType<import('./model.mjs').geometry>} shape
 * @param {{outer_norms: boolean, inner_norms: boolean}} norms
 * @param {{type: string, rest: string, rowScales: boolean}} stored type of the first matrix and of
 *   the class token; a scale for each output or one for a matrix
 * @param {number} headerBytes
 */
export function formulaBytes(shape, norms, { type, rest, rowScales }, headerBytes) {
  const { dim: d, mlp_dim: f, depth, classes: c, channels, patch_size: patch, tokens } = shape;
  const element = ELEMENT_BYTES[rest];
  const inBlock = 5 * d + f + (norms.outer_norms ? 4 * d : 0) + (norms.inner_norms ? 6 * d + 2 * f : 0);
  const floats = (channels * patch ** 2 + tokens + 4) * d + (d + 1) * c + depth * inBlock;
  const codes = (/** @type {number} */ n) => Math.ceil(n / TRITS_PER_CODE);
  const weights = 4 * d * d + 2 * d * f;
  const ofBlock = type === 'trit' ? codes(d) * (4 * d + f) + codes(f) * d
    : type === 'I8' ? weights : weights * element;
  const scales = ELEMENT_BYTES[type] ? 0 : rowScales ? 5 * d + f : 4;
  return headerBytes + depth * (ofBlock + 4 * scales) + element * floats;
}
