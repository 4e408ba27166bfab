/* SPDX-License-Identifier: MIT
 *
 * The SIMD128 intrinsics: the compiler's own in a wasm build, SIMDe's translation to the host's
 * instructions in a native one, so that native tools test the very source that ships.
 */
#ifndef VIT158_KERNELS_SIMD128_H
#define VIT158_KERNELS_SIMD128_H

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

/* An inner loop that stays a function of its own: V8 replaces slow code by fast code only between
 * calls, and register allocation sees nothing but the loop. */
#define VIT158_INNER __attribute__((noinline))

/* A template: its constant arguments disappear. */
#define VIT158_TEMPLATE static inline __attribute__((always_inline))

#endif
