// SPDX-License-Identifier: MIT
/**
 * What this WebAssembly engine can run, found by validating tiny modules.
 */

/**
 * A module with one function of the given body.
 * @param {number[]} body instructions without the final `end`
 */
function moduleWith(body) {
  const code = [0, ...body, 0x0b]; // no locals; end
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...[1, 4, 1, 0x60, 0, 0], // types: () -> ()
    ...[3, 2, 1, 0], // one function of type 0
    ...[10, code.length + 2, 1, code.length, ...code], // its code
  ]);
}

const ZERO_I16X8 = [0x41, 0, 0xfd, 0x10]; // i32.const 0, i16x8.splat
const DOT_I16X8 = [0xfd, 0xba, 0x01]; // i32x4.dot_i16x8_s
const DROP = 0x1a;

export function hasWasm() {
  return typeof WebAssembly === 'object' && typeof WebAssembly.validate === 'function';
}

/** True if the simd128 module will run. */
export function hasSimd128() {
  return hasWasm() && WebAssembly.validate(moduleWith([...ZERO_I16X8, ...ZERO_I16X8, ...DOT_I16X8, DROP]));
}

/** The best module for this engine. @returns {'simd128' | 'scalar'} */
export function bestVariant() {
  return hasSimd128() ? 'simd128' : 'scalar';
}
