/* SPDX-License-Identifier: MIT
 *
 * The SIMD128 intrinsics: the compiler's own in a wasm build, SIMDe's translation to the host's
 * instructions in a native one, so that native tools test the very source that ships.
 */
#ifndef VIT158_KERNELS_SIMD128_H
#define VIT158_KERNELS_SIMD128_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

/* The name of a kernel that is compiled once for SIMD128 and natively once more for AVX2. */
#if defined(VIT158_AVX2)
#define VIT158_KERNEL(name) vit158_##name##_avx2
#define VIT158_KERNELS_NAME "avx2"
#else
#define VIT158_KERNEL(name) vit158_##name##_simd128
#define VIT158_KERNELS_NAME "simd128"
#endif

/* An inner loop that stays a function of its own: V8 replaces slow code by fast code only between
 * calls, and register allocation sees nothing but the loop. */
#define VIT158_INNER __attribute__((noinline))

/* Fixes a value at this place of the program, at no cost. Two compilers would otherwise ruin
 * unrolled loops of sums. LLVM's WebAssembly back end moves a value that is used once down to its
 * use: all loads first, then one long expression per sum. V8 keeps the order of loads, but orders
 * arithmetic inside a basic block sum by sum, so an unrolled loop needs more registers than there
 * are, and spills. Therefore hot loops here have a branch, a way out or a condition it cannot know,
 * after as many steps as fit the 15 registers, and values are pinned so that LLVM leaves it so. */
#ifdef __wasm_simd128__
#define VIT158_PIN(value) __asm__ volatile("" : "+r"(value))
#else
#define VIT158_PIN(value) ((void)(value))
#endif

/* A template: its constant arguments disappear. */
#define VIT158_TEMPLATE static inline __attribute__((always_inline))

#endif
