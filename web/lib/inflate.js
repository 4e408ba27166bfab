// SPDX-License-Identifier: MIT
/**
 * DEFLATE (RFC 1951), for the modules inside `vit158/inline`. DecompressionStream would do it in newer
 * browsers; jsdom and browsers that take the scalar module have none, and this way there is one path.
 */
import { Vit158Error } from './errors.js';

/** The order in which a dynamic block lists the lengths of its length codes. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * Base values and extra bits of symbols that stand for ranges: after `plain` symbols without extra bits,
 * every `group` symbols have one more.
 * @param {number} count
 * @param {number} first  value of the first symbol
 * @param {number} plain
 * @param {number} group
 */
function ranges(count, first, plain, group) {
  const extra = Array.from({ length: count }, (_, i) => (i < plain ? 0 : Math.floor((i - plain) / group) + 1));
  let next = first;
  const base = extra.map((bits) => (next += 1 << bits) - (1 << bits));
  return { base, extra };
}
const LENGTHS = ranges(29, 3, 8, 4);
LENGTHS.base[28] = 258; // the longest has a symbol of its own
LENGTHS.extra[28] = 0;
const DISTANCES = ranges(30, 1, 4, 2);

/**
 * What the next `bits` bits begin with: a symbol times 16, plus the bits of its code; 0 where no code does.
 * @typedef {{bits: number, table: Uint16Array}} Code
 */

/** @param {Uint8Array} lengths  of each symbol's code in bits; 0: it has none @returns {Code} */
function codeOf(lengths) {
  const bits = Math.max(1, ...lengths);
  const table = new Uint16Array(1 << bits);
  // Codes come first bit first, numbers lowest bit first: `place` counts up with its bits turned round.
  let place = 0;
  for (let length = 1; length <= bits; length++)
    lengths.forEach((own, symbol) => {
      if (own !== length) return;
      if (place >= table.length) damaged(); // more codes than there is room for
      for (let i = place; i < table.length; i += 1 << length) table[i] = (symbol << 4) | length;
      let carry = 1 << (length - 1);
      while (place & carry) {
        place ^= carry;
        carry >>= 1;
      }
      place = carry ? place | carry : table.length;
    });
  return { bits, table };
}

const FIXED_LENGTHS = Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));

/** @returns {never} */
function damaged() {
  throw new Vit158Error('E_WASM', 'the embedded module is damaged');
}

/**
 * @param {Uint8Array} input  raw DEFLATE data; bytes behind its last block are not looked at
 * @param {number} size       bytes of what comes out
 * @returns {Uint8Array} an error (E_WASM) where the data are no such
 */
export function inflate(input, size) {
  const output = new Uint8Array(size);
  let [at, hold, held, end] = [0, 0, 0, 0]; // next byte, bits taken from the input and how many, bytes written

  /** @param {number} count  at most 15 */
  function fill(count) {
    // Behind the end come zeros; `take` notices when they are used.
    for (; held < count; held += 8) hold |= (input[at++] ?? 0) << held;
  }

  /** @param {number} count */
  function take(count) {
    hold >>>= count;
    held -= count;
    if (at - (held >> 3) > input.length) damaged();
  }

  /** @param {number} count @returns {number} the next bits, lowest first */
  function bits(count) {
    fill(count);
    const value = hold & ((1 << count) - 1);
    take(count);
    return value;
  }

  /** @param {Code} code @returns {number} the next symbol */
  function symbolOf(code) {
    fill(code.bits);
    const entry = code.table[hold & (code.table.length - 1)];
    if (entry === 0) damaged();
    take(entry & 15);
    return entry >> 4;
  }

  function storedBlock() {
    at -= held >> 3; // the block begins with a whole byte
    [hold, held] = [0, 0];
    const length = input[at] | (input[at + 1] << 8);
    const bytes = input.subarray(at + 4, at + 4 + length);
    if (bytes.length < length || length + end > size) damaged();
    output.set(bytes, end);
    at += 4 + length;
    end += length;
  }

  /** @returns {[Code, Code]} of literals and lengths, of distances */
  function dynamicCodes() {
    const [literals, distances, listed] = [bits(5) + 257, bits(5) + 1, bits(4) + 4];
    const own = new Uint8Array(ORDER.length);
    for (let i = 0; i < listed; i++) own[ORDER[i]] = bits(3);
    const code = codeOf(own);
    const lengths = new Uint8Array(literals + distances);
    for (let i = 0; i < lengths.length;) {
      const symbol = symbolOf(code);
      const repeat = symbol < 16 ? 1 : symbol === 16 ? 3 + bits(2) : symbol === 17 ? 3 + bits(3) : 11 + bits(7);
      if (i + repeat > lengths.length || (symbol === 16 && i === 0)) damaged();
      lengths.fill(symbol < 16 ? symbol : symbol === 16 ? lengths[i - 1] : 0, i, i + repeat);
      i += repeat;
    }
    return [codeOf(lengths.subarray(0, literals)), codeOf(lengths.subarray(literals))];
  }

  /** @param {Code} literals @param {Code} distances */
  function codedBlock(literals, distances) {
    for (let symbol = symbolOf(literals); symbol !== 256; symbol = symbolOf(literals)) {
      if (symbol < 256) {
        if (end === size) damaged();
        output[end++] = symbol;
        continue;
      }
      const length = LENGTHS.base[symbol - 257] + bits(LENGTHS.extra[symbol - 257]);
      const far = symbolOf(distances);
      const distance = DISTANCES.base[far] + bits(DISTANCES.extra[far]);
      // What the two tables do not have is NaN, which fails both comparisons.
      if (!(length <= size - end && distance <= end)) damaged();
      for (const stop = end + length; end < stop; end++) output[end] = output[end - distance];
    }
  }

  for (let isLast = 0; !isLast;) {
    isLast = bits(1);
    const kind = bits(2);
    if (kind === 0) storedBlock();
    else if (kind === 1) codedBlock(codeOf(FIXED_LENGTHS), codeOf(new Uint8Array(30).fill(5)));
    else if (kind === 2) codedBlock(...dynamicCodes());
    else damaged();
  }
  return end === size ? output : damaged();
}
