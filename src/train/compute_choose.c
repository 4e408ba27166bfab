/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "train/compute.h"

#if defined(__x86_64__)
#define HAVE_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define HAVE_AVX512                                                                                \
    (HAVE_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&       \
     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&                   \
     __builtin_cpu_supports("avx512vnni"))
#define HAVE_AVX512BF16 (HAVE_AVX512 && __builtin_cpu_supports("avx512bf16"))
#endif

const vit158_train_compute *vit158_train_compute_choose(const char *name)
{
#if defined(__x86_64__)
    if (HAVE_AVX512BF16 && (name == NULL || strcmp(name, "avx512bf16") == 0))
        return &vit158_train_compute_avx512bf16;
    if (HAVE_AVX512 && (name == NULL || strcmp(name, "avx512") == 0))
        return &vit158_train_compute_avx512;
    if (HAVE_AVX2 && (name == NULL || strcmp(name, "avx2") == 0))
        return &vit158_train_compute_avx2;
#endif
    return name == NULL || strcmp(name, "generic") == 0 ? &vit158_train_compute_generic : NULL;
}
