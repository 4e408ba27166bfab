// SPDX-License-Identifier: MIT
/**
 * SHA-256 (FIPS 180-4) of bytes that arrive in pieces. The browser's own crypto.subtle wants them
 * all at once, and is missing from pages that came by plain http.
 */
const BLOCK_BYTES = 64;

/** First 32 bits of the fractional parts of a root of a prime. @param {number} root */
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;

/** @returns {number[]} the first 64 primes */
function primes() {
  const found = [2];
  for (let n = 3; found.length < 64; n += 2) if (found.every((p) => n % p !== 0)) found.push(n);
  return found;
}

const START = primes()
  .slice(0, 8)
  .map((p) => fraction(Math.sqrt(p)));
const ROUND = Int32Array.from(primes(), (p) => fraction(Math.cbrt(p)));

/** @param {number} x @param {number} n */
const rotate = (x, n) => (x >>> n) | (x << (32 - n));

export class Sha256 {
  #state = Int32Array.from(START);
  #block = new Uint8Array(BLOCK_BYTES);
  #words = new Int32Array(64);
  #bytes = 0;

  /** @param {Uint8Array} bytes */
  update(bytes) {
    for (let at = 0; at < bytes.length;) {
      const filled = this.#bytes % BLOCK_BYTES;
      const take = Math.min(BLOCK_BYTES - filled, bytes.length - at);
      if (take === BLOCK_BYTES) {
        this.#mix(bytes, at);
      } else {
        this.#block.set(bytes.subarray(at, at + take), filled);
        if (filled + take === BLOCK_BYTES) this.#mix(this.#block, 0);
      }
      at += take;
      this.#bytes += take;
    }
  }

  /** Ends it. @returns {string} hexadecimal */
  hex() {
    const bits = this.#bytes * 8;
    const padding = new Uint8Array(((119 - (this.#bytes % BLOCK_BYTES)) % BLOCK_BYTES) + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** One block into the state. @param {Uint8Array} bytes @param {number} at */
  #mix(bytes, at) {
    const w = this.#words;
    for (let i = 0, from = at; i < 16; i++, from += 4)
      w[i] = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
    for (let i = 16; i < 64; i++) {
      const [x, y] = [w[i - 15], w[i - 2]];
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const state = this.#state;
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = (state[i] + value) | 0));
  }
}
