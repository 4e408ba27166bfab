# SPDX-License-Identifier: MIT
# cmocka tests, run by ctest. vit158_add_test(name sources...) links the library and cmocka.
find_library(VIT158_CMOCKA cmocka REQUIRED)

function(vit158_add_test name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE tests)
  target_include_directories(${name} SYSTEM PRIVATE ${VIT158_SIMDE_INCLUDE})
  target_compile_options(${name} PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
  target_compile_definitions(${name} PRIVATE
                             VIT158_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
                             VIT158_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE vit158 ${VIT158_CMOCKA})
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# One list of tests an area; each file adds its own.
file(GLOB VIT158_TEST_LISTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*/tests_*.cmake)
foreach(list ${VIT158_TEST_LISTS})
  include(${list})
endforeach()

# Checks that run here and as wasm; those of kernels run here once for each set of instructions.
function(vit158_add_native_check name)
  add_executable(${name} ${ARGN} tests/check.c tests/check_main.c tests/check_pages_native.c)
  target_include_directories(${name} PRIVATE tests)
  target_compile_options(${name} PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
  target_compile_definitions(${name} PRIVATE _DEFAULT_SOURCE) # mmap
  target_link_libraries(${name} PRIVATE vit158)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
function(vit158_add_check name)
  vit158_add_native_check(check_${name} ${ARGN})
  if(TARGET vit158_kernels_avx2 AND name MATCHES "^(elementwise|gemm|attention|merge)$")
    vit158_add_native_check(check_${name}_avx2 ${ARGN})
    target_compile_definitions(check_${name}_avx2 PRIVATE VIT158_CHECK_AVX2=1)
    set_tests_properties(check_${name}_avx2 PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endfunction()
include(tests/checks.cmake)
