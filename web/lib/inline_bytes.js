// SPDX-License-Identifier: MIT
/** The bytes of the modules that `vit158/inline` embeds. */
import { inflate } from './inflate.js';
import { INLINE_MODULES } from './inline_modules.js';

/** @param {keyof typeof INLINE_MODULES} name @returns {Uint8Array} */
export function inlineBytes(name) {
  const { size, base64 } = INLINE_MODULES[name];
  return inflate(
    Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
    size,
  );
}
