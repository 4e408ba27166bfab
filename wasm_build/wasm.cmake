# SPDX-License-Identifier: MIT
# The WebAssembly modules, by Debian's emcc 3.1.6: pure .wasm files that import nothing. Included by
# the top CMakeLists.txt when Emscripten is the toolchain. flags.cmake says why each flag is there.
include(wasm_build/flags.cmake)

# vit158_add_module(name
#   SMALL sources...      built for size
#   FAST sources...       built for speed
#   OTHERS sources...     other people's: built for speed, without our warnings
#   EXPORTS file          one C symbol a line
#   FLAGS flags...        compile flags of both
#   LINK flags...         link flags besides the common ones
#   STACK bytes, INITIAL_MEMORY bytes)
function(vit158_add_module name)
  cmake_parse_arguments(MODULE "" "EXPORTS;STACK;INITIAL_MEMORY" "SMALL;FAST;OTHERS;FLAGS;LINK" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MODULE_EXPORTS})
  file(STRINGS ${MODULE_EXPORTS} symbols REGEX "^[a-z]")
  list(TRANSFORM symbols PREPEND _)
  list(JOIN symbols "," exported)

  set(objects)
  foreach(part small fast others)
    string(TOUPPER ${part} PART)
    if(NOT MODULE_${PART})
      continue()
    endif()
    add_library(${name}_${part} OBJECT ${MODULE_${PART}})
    target_include_directories(${name}_${part} PRIVATE src)
    target_compile_options(${name}_${part} PRIVATE ${VIT158_WASM_COMPILE_FLAGS}
                           ${VIT158_WASM_${PART}_FLAGS} ${VIT158_NUMERIC_FLAGS} ${MODULE_FLAGS})
    if(NOT part STREQUAL others)
      target_compile_options(${name}_${part} PRIVATE ${VIT158_WARNING_FLAGS})
    endif()
    list(APPEND objects $<TARGET_OBJECTS:${name}_${part}>)
  endforeach()

  add_executable(${name} ${objects})
  set_target_properties(${name} PROPERTIES SUFFIX .wasm LINKER_LANGUAGE C)
  target_link_options(${name} PRIVATE ${VIT158_WASM_LINK_FLAGS}
                      "SHELL:-s TOTAL_STACK=${MODULE_STACK}"
                      "SHELL:-s INITIAL_MEMORY=${MODULE_INITIAL_MEMORY}"
                      "SHELL:-s EXPORTED_FUNCTIONS=${exported}" ${MODULE_LINK})
endfunction()

set(engine_sources ${VIT158_BASE_SOURCES} ${VIT158_MODEL_SOURCES} ${VIT158_PREDICT_SOURCES}
                   ${VIT158_ENGINE_SOURCES} ${VIT158_API_SOURCES} ${VIT158_WASM_ENGINE_SOURCES})
set(exports ${PROJECT_SOURCE_DIR}/wasm_build)

vit158_add_module(vit158
  SMALL ${engine_sources}
  FAST ${VIT158_IMAGE_SOURCES} ${VIT158_IMAGE_SIMD128_SOURCES}
       ${VIT158_KERNELS_SOURCES} ${VIT158_KERNELS_SIMD128_SOURCES}
  EXPORTS ${exports}/exports_engine.txt
  FLAGS -msimd128 -DVIT158_HAVE_SIMD128=1 -DVIT158_SIMD128_ONLY=1
  LINK ${VIT158_WASM_OPT_LINK_FLAGS}
  STACK 65536 INITIAL_MEMORY 262144)

vit158_add_module(vit158-threads
  SMALL ${engine_sources} ${VIT158_POOL_SOURCES} ${VIT158_POOL_WASM_SOURCES}
        ${VIT158_WASM_THREADS_SOURCES}
  FAST ${VIT158_IMAGE_SOURCES} ${VIT158_IMAGE_SIMD128_SOURCES}
       ${VIT158_KERNELS_SOURCES} ${VIT158_KERNELS_SIMD128_SOURCES}
  EXPORTS ${exports}/exports_threads.txt
  FLAGS -msimd128 -DVIT158_HAVE_SIMD128=1 -DVIT158_SIMD128_ONLY=1 -DVIT158_SHARED_POOL=1
        ${VIT158_WASM_THREADS_FLAGS}
  LINK ${VIT158_WASM_OPT_LINK_FLAGS} ${VIT158_WASM_THREADS_LINK_FLAGS}
  STACK 65536 INITIAL_MEMORY 262144)

vit158_add_module(vit158-scalar
  SMALL ${engine_sources}
  FAST ${VIT158_IMAGE_SOURCES} ${VIT158_KERNELS_SOURCES}
  EXPORTS ${exports}/exports_engine.txt
  LINK ${VIT158_WASM_OPT_LINK_FLAGS}
  STACK 65536 INITIAL_MEMORY 262144)

# The passes over pixels are in resample_*.c; around them -O3 gains nothing and is 2 kB larger.
set_property(SOURCE src/image/preprocess.c src/image/resample.c APPEND
             PROPERTY COMPILE_OPTIONS -Oz)
# -O3 unrolls the exponentials and the decoding of tiles once more: 5.5 kB, and no faster (CPU time of
# interleaved passes of a ViT-Ti, quantiles 0.98 to 1.01).
set_property(SOURCE src/kernels/softmax_simd128.c src/kernels/gemm_dot_simd128.c APPEND
             PROPERTY COMPILE_OPTIONS -O2)
# It only copies, once an image.
set_property(SOURCE src/kernels/patches_scalar.c APPEND PROPERTY COMPILE_OPTIONS -Oz)
# Merges run a few times an image and take about a hundredth of it.
set_property(SOURCE src/kernels/merge_rows_scalar.c APPEND PROPERTY COMPILE_OPTIONS -Oz)
# Their loops are written out where it pays; the compiler would unroll those that pack weights and
# store results, too: 3.4 kB. The tile's own loop is the same instructions either way.
set_property(SOURCE src/kernels/gemm_f32_simd128.c src/kernels/merge_simd128.c APPEND
             PROPERTY COMPILE_OPTIONS -fno-unroll-loops)
# Unrolling the norms' loops and those that make int16 costs 1.9 kB and gains nothing.
set_property(SOURCE src/kernels/norm_simd128.c src/kernels/quantize_i16_simd128.c APPEND
             PROPERTY COMPILE_OPTIONS -fno-unroll-loops)

# Only stb_image and orient.c work on every byte; what checks a file first does not. At -O3 they are
# larger and no faster, at -Os slower.
set(decode_checks ${VIT158_DECODE_SOURCES})
list(REMOVE_ITEM decode_checks src/image/stb.c src/image/orient.c)
set_property(SOURCE src/image/stb.c src/image/orient.c APPEND PROPERTY COMPILE_OPTIONS -O2)
vit158_add_module(vit158-decode
  SMALL src/base/crc32.c src/base/error.c src/base/text.c ${decode_checks}
        ${VIT158_WASM_DECODE_SOURCES}
  FAST src/image/stb.c src/image/orient.c
  EXPORTS ${exports}/exports_decode.txt
  LINK -O3 # wasm-opt: 6 kB less, and no slower here
  STACK 65536 INITIAL_MEMORY 262144)

# WebP, for Node (browsers decode it): the decoding half of libwebp, from Debian's source package, which
# carries its security patches. wasm_build/libwebp.mjs has put it here.
set(libwebp ${PROJECT_SOURCE_DIR}/build/libwebp/source)
if(EXISTS ${libwebp}/src/webp/decode.h)
  file(GLOB libwebp_sources ${libwebp}/src/dec/*.c)
  foreach(file dsp/alpha_processing dsp/cpu dsp/dec dsp/dec_clip_tables dsp/filters dsp/lossless
               dsp/rescaler dsp/upsampling dsp/yuv utils/bit_reader_utils utils/color_cache_utils
               utils/filters_utils utils/huffman_utils utils/quant_levels_dec_utils utils/random_utils
               utils/rescaler_utils utils/thread_utils utils/utils)
    list(APPEND libwebp_sources ${libwebp}/src/${file}.c)
  endforeach()
  vit158_add_module(vit158-webp
    SMALL src/base/error.c src/base/text.c src/image/decode_webp.c src/image/decoded.c
          src/image/exif.c src/image/orient.c ${VIT158_WEBP_SOURCES} ${VIT158_WASM_DECODE_SOURCES}
    OTHERS ${libwebp_sources}
    EXPORTS ${exports}/exports_decode.txt
    # No rescaling: we ask for images as they are. One block of memory is at most 1 GiB.
    FLAGS "SHELL:-I ${libwebp} -I ${libwebp}/src" -DWEBP_REDUCE_SIZE -DWEBP_DISABLE_STATS
          -DWEBP_MAX_ALLOCABLE_MEMORY=1073741824
    LINK -O3 # wasm-opt
    STACK 65536 INITIAL_MEMORY 262144)
else()
  message(WARNING "vit158-webp.wasm is not built: libwebp's source is missing; "
          "`node wasm_build/libwebp.mjs` fetches it")
endif()

# `vit158 import` of the npm command. It asks its caller for files: two imports.
vit158_add_module(vit158-import
  SMALL ${VIT158_WASM_IMPORT_SOURCES} ${VIT158_MODEL_DRAFT_SOURCES} ${VIT158_IMPORT_SOURCES}
  EXPORTS ${exports}/exports_import.txt
  LINK ${VIT158_WASM_OPT_LINK_FLAGS}
       "SHELL:-s ERROR_ON_UNDEFINED_SYMBOLS=0" "SHELL:-s WARN_ON_UNDEFINED_SYMBOLS=0"
       "SHELL:-s MAXIMUM_MEMORY=4294967296"
  STACK 131072 INITIAL_MEMORY 262144)

# Kernel and stage checks that run under Node.
if(VIT158_BUILD_TESTS)
  include(wasm_build/wasm_checks.cmake)
endif()
