/* SPDX-License-Identifier: MIT
 *
 * Which of the trainer's arithmetics rounding uses. Wider vectors add in another order and would
 * give other last bits, and from them other codes, so all processors with AVX2 and FMA use these:
 * the same command gives the same file on each of them.
 */
#ifndef VIT158_COMPRESS_ARITHMETIC_H
#define VIT158_COMPRESS_ARITHMETIC_H

#include <stddef.h>

#include "train/compute.h"

static inline const vit158_train_compute *vit158_compress_arithmetic(void)
{
    const vit158_train_compute *const avx2 = vit158_train_compute_choose("avx2");
    return avx2 != NULL ? avx2 : vit158_train_compute_choose("generic");
}

#endif
