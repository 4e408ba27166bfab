# SPDX-License-Identifier: MIT
# The checks that run natively and as wasm (tests/check.h). Read by tests/tests.cmake and by
# wasm_build/wasm_checks.cmake, each with its own vit158_add_check(name sources...).
vit158_add_check(numerics tests/kernels/check_numerics.c)
vit158_add_check(elementwise tests/kernels/check_elementwise.c)
vit158_add_check(gemm tests/kernels/check_gemm.c tests/kernels/gemm_cases.c)
vit158_add_check(attention tests/kernels/check_attention.c)
vit158_add_check(merge tests/kernels/check_merge.c)
vit158_add_check(resample tests/kernels/check_resample.c)
vit158_add_check(model tests/model/check_model.c)
