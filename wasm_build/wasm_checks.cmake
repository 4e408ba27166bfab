# SPDX-License-Identifier: MIT
# The checks of tests/checks.cmake as wasm modules, SIMD128 and scalar; included by wasm.cmake. They
# import nothing, so that any engine runs them; tests/node/wasm_checks.test.mjs does.
set(check_library_sources
    ${VIT158_BASE_SOURCES} ${VIT158_KERNELS_SOURCES} ${VIT158_IMAGE_SOURCES}
    ${VIT158_MODEL_SOURCES} tests/check.c
    tests/check_pages_wasm.c src/wasm/memory_growth.c)
set(check_simd128_flags -msimd128 -DVIT158_HAVE_SIMD128=1)

function(vit158_add_check_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC src tests)
  target_compile_options(${name} PUBLIC ${VIT158_WASM_COMPILE_FLAGS} -O3 ${VIT158_NUMERIC_FLAGS}
                                        ${VIT158_WARNING_FLAGS})
endfunction()
vit158_add_check_library(check_library ${check_library_sources}
                         ${VIT158_KERNELS_SIMD128_SOURCES} ${VIT158_IMAGE_SIMD128_SOURCES})
target_compile_options(check_library PUBLIC ${check_simd128_flags})
vit158_add_check_library(check_library_scalar ${check_library_sources})

function(vit158_add_check_module name library exports)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES SUFFIX .wasm)
  target_link_libraries(${name} PRIVATE ${library})
  target_link_options(${name} PRIVATE ${VIT158_WASM_LINK_FLAGS} ${VIT158_WASM_OPT_LINK_FLAGS}
                      "SHELL:-s EXPORTED_FUNCTIONS=${exports}")
endfunction()

function(vit158_add_check name)
  set(exports _check_count,_check_name,_check_run,_check_message)
  vit158_add_check_module(check_${name} check_library ${exports} ${ARGN})
  vit158_add_check_module(check_${name}-scalar check_library_scalar ${exports} ${ARGN})
endfunction()
include(tests/checks.cmake)

# The engine with a clock around its operations, which it imports: bench.mjs --profile.
vit158_add_module(bench_engine
  SMALL ${engine_sources} src/cli/profile.c tests/bench/bench_engine.c
  FAST ${VIT158_IMAGE_SOURCES} ${VIT158_IMAGE_SIMD128_SOURCES}
       ${VIT158_KERNELS_SOURCES} ${VIT158_KERNELS_SIMD128_SOURCES}
  EXPORTS ${exports}/exports_engine.txt
  FLAGS -msimd128 -DVIT158_HAVE_SIMD128=1 -DVIT158_SIMD128_ONLY=1
  LINK ${VIT158_WASM_OPT_LINK_FLAGS} -Wl,--export=bench_profile_attach -Wl,--export=vit158_profile_take
       -Wl,--export=vit158_profile_name
       "SHELL:-s ERROR_ON_UNDEFINED_SYMBOLS=0" "SHELL:-s WARN_ON_UNDEFINED_SYMBOLS=0"
  STACK 65536 INITIAL_MEMORY 262144)

# node tests/bench/bench_kernels.mjs
vit158_add_check_module(
  bench_kernels check_library
  _bench_prepare,_bench_count,_bench_name,_bench_n_in,_bench_n_out,_bench_n_tokens,_bench_run,_bench_peak
  tests/bench/bench_kernels.c tests/kernels/gemm_cases.c)
