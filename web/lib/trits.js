// SPDX-License-Identifier: MIT
// Trit codes (src/model/FORMAT.md, section 3): the one place in JavaScript that knows their layout.

const TRITS = 5;
const CODES = 3 ** TRITS;
const GROUPS = 4;

/** Trit i of a code, 0 for -1, 1 for 0, 2 for +1: [code * 5 + i]. */
const DIGITS = Uint8Array.from(
  { length: CODES * TRITS },
  (_, at) => Math.floor(Math.floor(at / TRITS) / 3 ** (at % TRITS)) % 3,
);

/**
 * Every weight, in the order of the codes: blocks [rows][4 groups], then [rows][the rest].
 * @param {Uint8Array} codes
 * @param {number} rows
 * @param {number} nIn
 * @param {(row: number, input: number, digit: number) => void} visit  digit: 0 for -1, 1 for 0, 2 for +1
 */
export function eachTrit(codes, rows, nIn, visit) {
  const groups = Math.ceil(nIn / TRITS);
  let at = 0;
  for (let first = 0; first < groups; first += GROUPS) {
    const together = Math.min(GROUPS, groups - first);
    for (let row = 0; row < rows; row++)
      for (let group = first; group < first + together; group++, at++)
        for (let i = 0, input = group * TRITS; i < TRITS && input < nIn; i++, input++)
          visit(row, input, DIGITS[codes[at] * TRITS + i]);
  }
}

/**
 * @param {Uint8Array} codes
 * @param {number} rows
 * @param {number} nIn
 * @returns {[number, number, number]} weights that are -1, 0 and +1
 */
export function countTrits(codes, rows, nIn) {
  /** @type {[number, number, number]} */
  const counts = [0, 0, 0];
  eachTrit(codes, rows, nIn, (_row, _input, digit) => {
    counts[digit]++;
  });
  return counts;
}
