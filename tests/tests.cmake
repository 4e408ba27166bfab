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

# Checks that run here and as wasm.
function(vit158_add_check name)
  add_executable(check_${name} ${ARGN} tests/check.c tests/check_main.c
                               tests/check_pages_native.c)
  target_include_directories(check_${name} PRIVATE tests)
  target_compile_options(check_${name} PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
  target_compile_definitions(check_${name} PRIVATE _DEFAULT_SOURCE) # mmap
  target_link_libraries(check_${name} PRIVATE vit158)
  add_test(NAME check_${name} COMMAND check_${name})
endfunction()
include(tests/checks.cmake)
