// SPDX-License-Identifier: MIT
/** SHA-256 of bytes at hand: by the system's WebCrypto, or where a page has none, our own, loaded only then. */
import { hasFiles, nodeModule } from './platform.js';

/**
 * Lower-case hexadecimal.
 * @param {Uint8Array | ArrayBuffer} bytes
 */
export async function sha256Hex(bytes) {
  const crypto = globalThis.crypto ?? (hasFiles() ? (await nodeModule('crypto')).webcrypto : undefined);
  if (!crypto?.subtle) {
    const { Sha256 } = await import('./sha256_stream.js');
    const hash = new Sha256();
    hash.update(new Uint8Array(bytes));
    return hash.hex();
  }
  const digest = await crypto.subtle.digest('SHA-256', /** @type {BufferSource} */ (bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
