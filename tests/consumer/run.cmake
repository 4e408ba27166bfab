# SPDX-License-Identifier: MIT
# Installs a build, moves the installed tree, and builds and runs the consumer against it: by
# find_package and by pkg-config; and once more with the library's sources in one plain cc line,
# which needs no build system. Called by tests_consumer.cmake.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE out
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  message("$ ${ARGV}\n${out}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "ended with ${result}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

function(expect pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "expected ${pattern}, got: ${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/prefix)
set(prefix ${WORK}/prefix)

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer ${MODEL})
expect("^vit158 [0-9.]+ says class [0-6]$")
set(first "${output}")

foreach(licence LICENSE THIRD-PARTY.md)
  if(NOT EXISTS ${prefix}/share/doc/vit158/${licence})
    message(FATAL_ERROR "${licence} is not installed")
  endif()
endforeach()

file(GLOB_RECURSE pc ${prefix}/vit158.pc)
get_filename_component(folder ${pc} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${folder})
run(pkg-config --cflags --libs vit158)
separate_arguments(flags UNIX_COMMAND "${output}")
run(cc -std=c11 -Wall -Wextra -Werror ${SOURCE}/consumer.c -o ${WORK}/consumer ${flags})
run(${WORK}/consumer ${MODEL})
if(NOT output STREQUAL first)
  message(FATAL_ERROR "pkg-config's consumer says something else: ${output}")
endif()

string(REPLACE "|" ";" library_sources "${LIBRARY_SOURCES}")
run(cc -std=c11 -ffp-contract=off -DVIT158_HAVE_SIMD128=1 -DVIT158_HAVE_THREADS=1 -I${LIBRARY}
    ${SOURCE}/consumer.c ${library_sources} -lm -pthread -o ${WORK}/plain)
run(${WORK}/plain ${MODEL})
if(NOT output STREQUAL first)
  message(FATAL_ERROR "the plain build says something else: ${output}")
endif()

run(${prefix}/bin/vit158 --version)
expect("^vit158 [0-9.]+ \\(numerics [0-9]+\\)$")
run(${prefix}/bin/vit158 info --json --model ${MODEL})
expect("\"model\":\"ternary-6\"")
run(${prefix}/bin/vit158 info)
expect("memory_bytes")
file(GLOB models RELATIVE ${prefix}/share/vit158/models ${prefix}/share/vit158/models/*)
if(NOT models MATCHES "manifest.json.*safetensors" OR models MATCHES "samples|recipes")
  message(FATAL_ERROR "the installed collection is: ${models}")
endif()
file(GLOB_RECURSE headers RELATIVE ${prefix}/include ${prefix}/include/*)
if(NOT headers STREQUAL "vit158.h;vit158_observe.h")
  message(FATAL_ERROR "the two public headers are installed, not: ${headers}")
endif()
