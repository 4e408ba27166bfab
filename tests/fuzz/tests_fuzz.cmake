# SPDX-License-Identifier: MIT
# Fuzz targets. Every build replays their corpora in ctest; the preset `fuzz` (clang) also builds
# them with libFuzzer. `npm run fuzz -- --minutes 10` builds and runs them all, tests/fuzz/README.md
# says more. Inputs that failed go to tests/data/fuzz/<target> with the fix.
option(VIT158_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)
if(VIT158_FUZZ)
  foreach(library vit158 vit158_cli vit158_train vit158_compress)
    if(TARGET ${library})
      target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endforeach()
endif()

# vit158_add_fuzzer(name SOURCES file... CORPORA folder... [MUTATOR file] [LIBRARY target] [DISK]):
# paths from the root. MUTATOR is linked with libFuzzer only; DISK puts files into memory.
function(vit158_add_fuzzer name)
  cmake_parse_arguments(F DISK "MUTATOR;LIBRARY" "SOURCES;CORPORA" ${ARGN})
  if(F_DISK)
    list(APPEND F_SOURCES tests/fuzz/memory_disk.c)
  endif()
  set(targets replay_${name})
  add_executable(replay_${name} ${F_SOURCES} tests/fuzz/replay.c)
  add_test(NAME replay_${name} COMMAND replay_${name} ${F_CORPORA}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(VIT158_FUZZ)
    add_executable(${name} ${F_SOURCES} ${F_MUTATOR})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    list(APPEND targets ${name})
    # What tests/fuzz/run.mjs runs: a line a target, its name and its corpora.
    list(JOIN F_CORPORA " " corpora)
    set_property(GLOBAL APPEND PROPERTY VIT158_FUZZERS "${name} ${corpora}")
  endif()
  foreach(target ${targets})
    target_include_directories(${target} PRIVATE tests)
    target_compile_options(${target} PRIVATE ${VIT158_WARNING_FLAGS})
    target_link_libraries(${target} PRIVATE vit158 ${F_LIBRARY})
    if(F_DISK)
      target_link_options(${target} PRIVATE -Wl,--wrap=fopen)
    endif()
  endforeach()
endfunction()

set(data tests/data/fuzz)
vit158_add_fuzzer(fuzz_image SOURCES tests/fuzz/fuzz_image.c MUTATOR tests/fuzz/mutate_image.c
                  CORPORA tests/data/images ${data}/fuzz_image)
vit158_add_fuzzer(fuzz_model SOURCES tests/fuzz/fuzz_model.c MUTATOR tests/fuzz/mutate_model.c
                  CORPORA ${data}/fuzz_model tests/data/tiny)
vit158_add_fuzzer(fuzz_pickle SOURCES tests/fuzz/fuzz_pickle.c CORPORA ${data}/fuzz_pickle)
vit158_add_fuzzer(fuzz_config SOURCES tests/fuzz/fuzz_config.c CORPORA ${data}/fuzz_config)
vit158_add_fuzzer(fuzz_index SOURCES tests/fuzz/fuzz_index.c CORPORA ${data}/fuzz_index)
vit158_add_fuzzer(fuzz_import SOURCES tests/fuzz/fuzz_import.c CORPORA ${data}/fuzz_import)
vit158_add_fuzzer(fuzz_round SOURCES tests/fuzz/fuzz_round.c MUTATOR tests/fuzz/mutate_model.c
                  CORPORA ${data}/fuzz_model DISK)
vit158_add_fuzzer(fuzz_pack SOURCES tests/fuzz/fuzz_pack.c MUTATOR tests/fuzz/mutate_model.c
                  CORPORA ${data}/fuzz_pack DISK)
if(VIT158_BUILD_TOOLS)
  vit158_add_fuzzer(fuzz_golden SOURCES tests/fuzz/fuzz_golden.c LIBRARY vit158_cli
                    CORPORA ${data}/fuzz_golden DISK)
  vit158_add_fuzzer(fuzz_classes SOURCES tests/fuzz/fuzz_classes.c LIBRARY vit158_cli
                    CORPORA ${data}/fuzz_classes)
  vit158_add_fuzzer(fuzz_json SOURCES tests/fuzz/fuzz_json.c LIBRARY vit158_cli
                    CORPORA ${data}/fuzz_json)
endif()
if(VIT158_BUILD_TRAIN)
  vit158_add_fuzzer(fuzz_recipe SOURCES tests/fuzz/fuzz_recipe.c LIBRARY vit158_train
                    CORPORA ${data}/fuzz_recipe models/recipes)
  vit158_add_fuzzer(fuzz_data SOURCES tests/fuzz/fuzz_data.c LIBRARY vit158_train
                    CORPORA ${data}/fuzz_data DISK)
  vit158_add_fuzzer(fuzz_checkpoint SOURCES tests/fuzz/fuzz_checkpoint.c LIBRARY vit158_train
                    MUTATOR tests/fuzz/mutate_model.c CORPORA ${data}/fuzz_checkpoint DISK)
endif()
if(VIT158_FUZZ)
  get_property(fuzzers GLOBAL PROPERTY VIT158_FUZZERS)
  list(JOIN fuzzers "\n" fuzzers)
  file(WRITE ${PROJECT_BINARY_DIR}/fuzzers.txt "${fuzzers}\n")
endif()
