/* SPDX-License-Identifier: MIT
 *
 * Which kernels a build has and this processor runs.
 */
#include "kernels/kernels.h"

#if defined(VIT158_HAVE_AVX2)
static const vit158_kernels *avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &vit158_kernels_avx2 : NULL;
}
#else
static const vit158_kernels *avx2(void)
{
    return NULL;
}
#endif

#if defined(VIT158_HAVE_SIMD128)
static const vit158_kernels *const simd128 = &vit158_kernels_simd128;
#else
static const vit158_kernels *const simd128 = NULL;
#endif

#if defined(VIT158_SIMD128_ONLY)
static const vit158_kernels *const scalar = NULL;
#else
static const vit158_kernels *const scalar = &vit158_kernels_scalar;
#endif

const vit158_kernels *vit158_kernels_of(vit158_engine engine)
{
    switch (engine) {
    case VIT158_ENGINE_AUTO:
        return avx2() != NULL ? avx2() : simd128 != NULL ? simd128 : scalar;
    case VIT158_ENGINE_SCALAR:
        return scalar;
    case VIT158_ENGINE_SIMD128:
        return simd128;
    case VIT158_ENGINE_AVX2:
        return avx2();
    }
    return NULL;
}
