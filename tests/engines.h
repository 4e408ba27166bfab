/* SPDX-License-Identifier: MIT
 *
 * The engines that run here: from VIT158_ENGINE_SCALAR to the last one.
 */
#ifndef VIT158_TESTS_ENGINES_H
#define VIT158_TESTS_ENGINES_H

#include "kernels/kernels.h"

static inline vit158_engine last_engine(void)
{
    return vit158_kernels_of(VIT158_ENGINE_AVX2) != NULL ? VIT158_ENGINE_AVX2
                                                         : VIT158_ENGINE_SIMD128;
}

#endif
