# SPDX-License-Identifier: MIT
set(VIT158_KERNELS_SOURCES
    src/kernels/choose.c
    src/kernels/gelu_scalar.c
    src/kernels/gemm_f32_scalar.c
    src/kernels/gemm_i8_scalar.c
    src/kernels/gemm_trit_scalar.c
    src/kernels/kernels_scalar.c
    src/kernels/norm_scalar.c
    src/kernels/patches_scalar.c
    src/kernels/softmax_scalar.c)
set(VIT158_KERNELS_SIMD128_SOURCES)
