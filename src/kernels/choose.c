/* SPDX-License-Identifier: MIT
 *
 * Which of the two ternary kernels runs a layer of a given shape. They give the same bits; this is
 * speed only.
 */
#include "kernels/kernels.h"

/* Building a group's table costs about 243 look-ups, so narrow layers cannot pay it back. */
#define VIT158_TABLE_MIN_OUT 200U

vit158_trit_kernel vit158_choose_trit_kernel(uint32_t n_in, uint32_t n_out, uint32_t n_tokens)
{
    (void)n_in;
    (void)n_tokens;
    return n_out < VIT158_TABLE_MIN_OUT ? VIT158_TRIT_DOT : VIT158_TRIT_TABLE;
}
