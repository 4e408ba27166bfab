// SPDX-License-Identifier: MIT
/** SHA-256 of bytes, by the system's own WebCrypto. */
import { Vit158Error } from './errors.js';
import { hasFiles, nodeModule } from './platform.js';

/**
 * Lower-case hexadecimal.
 * @param {Uint8Array | ArrayBuffer} bytes
 */
export async function sha256Hex(bytes) {
  const digest = await (await subtle()).digest('SHA-256', /** @type {BufferSource} */ (bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @returns {Promise<SubtleCrypto>} */
async function subtle() {
  if (globalThis.crypto?.subtle) return globalThis.crypto.subtle;
  if (hasFiles()) return /** @type {any} */ (await nodeModule('crypto')).webcrypto.subtle;
  throw new Vit158Error('E_UNSUPPORTED', 'SHA-256 needs a page from https: or localhost');
}
