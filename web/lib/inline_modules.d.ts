// SPDX-License-Identifier: MIT
/** WebAssembly modules as base64; wasm_build/make_inline.mjs writes the JavaScript. */
export declare const INLINE_MODULES: Record<'simd128' | 'scalar' | 'decode', string>;
