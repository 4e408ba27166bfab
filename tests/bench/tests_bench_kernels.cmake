# SPDX-License-Identifier: MIT
# build/native/bench_kernels: the kernel benchmarks natively.
add_executable(bench_kernels tests/bench/bench_kernels_main.c tests/bench/bench_kernels.c
                             tests/kernels/gemm_cases.c tests/check.c tests/check_pages_native.c)
target_include_directories(bench_kernels PRIVATE tests)
target_include_directories(bench_kernels SYSTEM PRIVATE ${VIT158_SIMDE_INCLUDE})
target_compile_options(bench_kernels PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_compile_definitions(bench_kernels PRIVATE _DEFAULT_SOURCE)
target_link_libraries(bench_kernels PRIVATE vit158)
