# SPDX-License-Identifier: MIT
# Fuzz targets. Every build replays their corpora in ctest; the preset `fuzz` (clang) also builds
# them with libFuzzer. To look for new failures for ten minutes:
#   cmake --preset fuzz && cmake --build --preset fuzz && mkdir -p build/corpus
#   build/fuzz/fuzz_image -max_total_time=600 build/corpus tests/data/images
# Inputs that failed go to tests/data/fuzz/<target> with the fix.
option(VIT158_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)
if(VIT158_FUZZ)
  target_compile_options(vit158 PRIVATE -fsanitize=fuzzer-no-link)
endif()

# vit158_add_fuzzer(name source corpus-folder...): paths from the root.
function(vit158_add_fuzzer name source)
  add_executable(replay_${name} ${source} tests/fuzz/replay.c)
  target_include_directories(replay_${name} PRIVATE tests)
  target_compile_options(replay_${name} PRIVATE ${VIT158_WARNING_FLAGS})
  target_link_libraries(replay_${name} PRIVATE vit158)
  add_test(NAME replay_${name} COMMAND replay_${name} ${ARGN}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(VIT158_FUZZ)
    add_executable(${name} ${source})
    target_include_directories(${name} PRIVATE tests)
    target_compile_options(${name} PRIVATE ${VIT158_WARNING_FLAGS} -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE vit158)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()

vit158_add_fuzzer(fuzz_image tests/fuzz/fuzz_image.c tests/data/images)

vit158_add_fuzzer(fuzz_model tests/fuzz/fuzz_model.c tests/data/fuzz/fuzz_model tests/data/tiny)
if(VIT158_FUZZ)
  target_sources(fuzz_model PRIVATE tests/fuzz/mutate_model.c)
endif()

vit158_add_fuzzer(fuzz_pickle tests/fuzz/fuzz_pickle.c tests/data/fuzz/fuzz_pickle)
vit158_add_fuzzer(fuzz_import tests/fuzz/fuzz_import.c tests/data/fuzz/fuzz_import)
