/* SPDX-License-Identifier: MIT
 *
 * Seeded products of any shape in guarded memory, for checks and benchmarks of the GEMM kernels.
 */
#ifndef VIT158_TESTS_KERNELS_GEMM_CASES_H
#define VIT158_TESTS_KERNELS_GEMM_CASES_H

#include "check.h"
#include "kernels/kernels.h"

typedef struct gemm_shape {
    uint32_t n_in;
    uint32_t n_out;
    uint32_t n_tokens;
} gemm_shape;

/* How a(o, k) lies in memory. */
typedef enum gemm_strides { GEMM_ROWS, GEMM_COLUMNS, GEMM_SPREAD } gemm_strides;

/* GEMM_SUMS: trits, 1 to 4 rows for each output (base/planes.h). */
typedef enum gemm_weights { GEMM_TRIT, GEMM_I8, GEMM_SUMS } gemm_weights;

/* Activations: uniform; the largest sums that the contract allows, either sign; or about normal
 * with the largest near 127, as quantized layers have them. */
typedef enum gemm_values { GEMM_RANDOM, GEMM_LARGEST, GEMM_SMALLEST, GEMM_NORMAL } gemm_values;

/* Operands of a dense product; y is not set. */
vit158_gemm_f32 gemm_f32_case(check_rng *rng, gemm_shape shape, gemm_strides strides,
                              vit158_epilogue epilogue, bool bias);

/* Operands of a quantized product; y is not set. plain (may be NULL) receives the weights as
 * [n_out][n_in]; of sums as [rows][n_in]. Sums have a scale a row. */
vit158_gemm_q8 gemm_q8_case(check_rng *rng, gemm_shape shape, gemm_weights weights,
                            gemm_values values, vit158_epilogue epilogue, bool bias,
                            uint32_t scale_step, int8_t **plain);

/* Rows of output o in gemm_q8_case's sums; the counts of a shape depend on its sizes alone: those
 * of every fourth are the same for all outputs. */
uint8_t gemm_row_count(gemm_shape shape, uint32_t o);

/* A [n_out][stride of n_tokens] matrix of seeded values. */
float *gemm_result_case(check_rng *rng, gemm_shape shape);

#endif
