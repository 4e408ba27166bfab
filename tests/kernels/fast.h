/* SPDX-License-Identifier: MIT
 *
 * Which kernels a check compares with the scalar ones: SIMD128's; natively each check is built once
 * more with VIT158_CHECK_AVX2 for AVX2's.
 */
#ifndef VIT158_TESTS_KERNELS_FAST_H
#define VIT158_TESTS_KERNELS_FAST_H

#include "kernels/kernels.h"

#if defined(VIT158_CHECK_AVX2)
#define FAST_KERNELS vit158_kernels_avx2
#define FAST_TABLE_PARTS vit158_table_parts_avx2
#elif defined(VIT158_HAVE_SIMD128)
#define FAST_KERNELS vit158_kernels_simd128
#define FAST_TABLE_PARTS vit158_table_parts_simd128
#endif

#if defined(FAST_TABLE_PARTS)
/* Also where one thread has no use for them, so that no table of kernels names them. */
extern const vit158_product_parts FAST_TABLE_PARTS;
#endif

#endif
