# SPDX-License-Identifier: MIT
vit158_add_test(test_options tests/cli/test_options.c)
target_link_libraries(test_options PRIVATE vit158_cli)
vit158_add_test(test_golden_file tests/cli/test_golden_file.c)
target_link_libraries(test_golden_file PRIVATE vit158_cli)
vit158_add_test(test_eval_part tests/cli/test_eval_part.c)
target_link_libraries(test_eval_part PRIVATE vit158_cli)
add_executable(hash_ppm tests/cli/hash_ppm.c)
target_include_directories(hash_ppm PRIVATE tests)
target_compile_options(hash_ppm PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(hash_ppm PRIVATE vit158_cli)
vit158_add_test(test_import_layouts tests/cli/test_import_layouts.c)
target_link_libraries(test_import_layouts PRIVATE vit158_cli)
if(VIT158_BUILD_TRAIN)
  foreach(name command_memory trainer_memory)
    vit158_add_test(test_${name} tests/cli/test_${name}.c tests/cli/short_memory.c)
    target_sources(test_${name} PRIVATE src/cli/cmd_plot.c src/cli/cmd_train.c)
    target_link_libraries(test_${name} PRIVATE vit158_cli vit158_compress)
    target_link_options(test_${name} PRIVATE
                        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
  endforeach()
  target_sources(test_trainer_memory PRIVATE
                 src/cli/cmd_finetune.c src/cli/cmd_quantize.c src/cli/finetune_card.c
                 src/cli/finetune_judge.c src/cli/folder_report.c src/cli/image_source.c
                 src/cli/quantize_report.c src/cli/stage_log.c src/cli/unpack_zip.c)
endif()
