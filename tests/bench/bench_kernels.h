/* SPDX-License-Identifier: MIT
 *
 * Kernel benchmarks without a clock: the caller times bench_run and bench_peak. The native main is
 * bench_kernels_main.c, the wasm one bench_kernels.mjs.
 */
#ifndef VIT158_TESTS_BENCH_BENCH_KERNELS_H
#define VIT158_TESTS_BENCH_BENCH_KERNELS_H

#include <stdint.h>

/* Makes the operands of a set of cases; 0 without memory. Call once, first. */
#define BENCH_LAYERS 0U    /* layers of real models, every kernel */
#define BENCH_CROSSOVER 1U /* trit kernels around the point where the faster one changes */
uint32_t bench_prepare(uint32_t set);

uint32_t bench_count(void);
const char *bench_name(uint32_t index);
uint32_t bench_n_in(uint32_t index);
uint32_t bench_n_out(uint32_t index);
uint32_t bench_n_tokens(uint32_t index);

/* Runs a case once. */
void bench_run(uint32_t index);

/* The machine's limit: multiply-accumulates in registers, 8 independent sums, 2 loads for 8
 * products. Runs BENCH_PEAK_MACS of them with i32x4.dot_i16x8_s (0) or f32x4 mul + add (1). */
#define BENCH_PEAK_DOT 0U
#define BENCH_PEAK_F32 1U
#define BENCH_PEAK_MACS 4194304U
void bench_peak(uint32_t which);

#endif
