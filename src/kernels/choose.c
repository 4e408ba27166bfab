/* SPDX-License-Identifier: MIT
 *
 * Which product runs a layer of a given encoding and shape. They give the same bits; this is speed
 * only.
 */
#include "kernels/kernels.h"

#include <stdbool.h>

/* Outputs from which the table kernel wins: building tables costs the same however many outputs
 * look them up. GMAC/s, dot / table, one thread, Node 20, from `node tests/bench/bench_kernels.mjs
 * --crossover`: n_in   N     n_out 16     32           48           64           96           192
 *   192    197   32.5 / 16.8  35.0 / 29.6  35.8 / 38.7  36.3 / 48.0  36.8 / 60.0  37.2 / 81.5
 *   768    197   33.5 / 17.0  37.3 / 27.3  38.7 / 40.9  39.3 / 45.6  40.2 / 63.5
 *   192    65                 30.6 / 26.3  31.6 / 34.8  31.8 / 41.6  32.4 / 51.5
 *   192    17                              22.3 / 23.7  22.6 / 27.7  22.6 / 33.2  23.1 / 42.0
 *   192    1                                3.0 /  3.0                3.1 /  3.9   3.0 /  4.5
 */
#define VIT158_TABLE_MIN_OUT 48U

const vit158_product_q8 *vit158_choose_q8(const vit158_kernels *kernels, vit158_encoding encoding,
                                          vit158_gemm gemm, uint32_t n_rows)
{
    const vit158_product_q8 *ways = kernels->q8[encoding];
    const bool table =
        gemm == VIT158_GEMM_TABLE || (gemm == VIT158_GEMM_AUTO && n_rows >= VIT158_TABLE_MIN_OUT);
    return &ways[table && ways[VIT158_WAY_TABLE].run != NULL ? VIT158_WAY_TABLE : VIT158_WAY_DOT];
}
