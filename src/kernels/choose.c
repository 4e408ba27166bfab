/* SPDX-License-Identifier: MIT
 *
 * Which of the two ternary kernels runs a layer of a given shape. They give the same bits; this is
 * speed only.
 */
#include "kernels/kernels.h"

/* Outputs from which the table kernel wins: building tables costs the same however many outputs
 * look them up. GMAC/s, dot / table, one thread, Node 20, from `node tests/bench/bench_kernels.mjs
 * --crossover`: n_in   N     n_out 16     32           48           64           96           192
 *   192    197   31.9 / 14.9  34.1 / 29.1  34.9 / 38.9  35.4 / 46.9  35.8 / 59.0  35.8 / 80.2
 *   768    197   33.0 / 17.1  36.5 / 30.7  37.9 / 41.5  38.5 / 50.4  39.2 / 64.0
 *   192    65                 31.2 / 25.7  31.8 / 34.1  32.4 / 40.5  33.1 / 50.6
 *   192    17                              22.6 / 23.4  22.8 / 27.4  23.0 / 32.9  23.6 / 42.1
 *   192    1                                3.0 /  3.0                3.1 /  3.9   3.2 /  4.5
 */
#define VIT158_TABLE_MIN_OUT 48U

vit158_trit_kernel vit158_choose_trit_kernel(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_in;
    (void)n_tokens;
    return n_out < VIT158_TABLE_MIN_OUT ? VIT158_TRIT_DOT : VIT158_TRIT_TABLE;
}
