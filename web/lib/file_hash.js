// SPDX-License-Identifier: MIT
/**
 * SHA-256 of a file that arrives in pieces: by the system's own, which is many times as quick and wants all
 * bytes at once; or, where there is none or the file is large, by ours, piece by piece.
 */
import { joined } from './model_stream.js';
import { sha256Hex } from './sha256.js';

/** Larger files are not kept for it. */
const MOST_BYTES = 1 << 26;

export class FileHash {
  /** Copies for the system's own. @type {Uint8Array[]} */
  #pieces = [];
  #bytes = 0;
  /** Ours, once it is needed. @type {import('./sha256_stream.js').Sha256 | undefined} */
  #own;

  /** @param {Uint8Array} piece */
  async update(piece) {
    this.#bytes += piece.length;
    if (!this.#own && (this.#bytes > MOST_BYTES || !globalThis.crypto?.subtle)) await this.#useOwn();
    if (this.#own) this.#own.update(piece);
    else this.#pieces.push(piece.slice());
  }

  /** @returns {Promise<string>} 64 hexadecimal digits */
  async hex() {
    return this.#own ? this.#own.hex() : sha256Hex(joined(this.#pieces));
  }

  /** Loads ours; where nothing can be loaded, as in service workers, the copies grow on. */
  async #useOwn() {
    const module = await import('./sha256_stream.js').catch(() => undefined);
    if (!module) return;
    this.#own = new module.Sha256();
    for (const piece of this.#pieces.splice(0)) this.#own.update(piece);
  }
}
