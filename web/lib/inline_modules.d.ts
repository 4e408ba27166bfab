// SPDX-License-Identifier: MIT
/**
 * WebAssembly modules by load_wasm.js's names for them: their bytes, and those as raw DEFLATE data in
 * base64; wasm_build/make_inline.mjs writes the JavaScript.
 */
export declare const INLINE_MODULES: Record<'simd128' | 'scalar' | 'decode', { size: number; base64: string }>;
