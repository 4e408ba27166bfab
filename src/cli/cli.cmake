# SPDX-License-Identifier: MIT
# The native `vit158` command: its parts as a library, so that tests can call them.
add_library(vit158_cli STATIC
  src/cli/bench_profile.c
  src/cli/class_names.c
  src/cli/classes_read.c
  src/cli/cmd_bench.c
  src/cli/cmd_classify.c
  src/cli/cmd_completion.c
  src/cli/cmd_eval.c
  src/cli/cmd_import.c
  src/cli/cmd_info.c
  src/cli/cmd_inspect.c
  src/cli/cmd_merge_search.c
  src/cli/cmd_pack.c
  src/cli/cmd_record.c
  src/cli/cmd_synth.c
  src/cli/cmd_verify.c
  src/cli/confusion.c
  src/cli/console.c
  src/cli/eval_report.c
  src/cli/evaluation.c
  src/cli/facts_text.c
  src/cli/files.c
  src/cli/find_model.c
  src/cli/golden_read.c
  src/cli/golden_run.c
  src/cli/golden_write.c
  src/cli/import_accuracy.c
  src/cli/import_folder.c
  src/cli/import_verify.c
  src/cli/json_file.c
  src/cli/json_read.c
  src/cli/labelled_images.c
  src/cli/model_advice.c
  src/cli/nearest.c
  src/cli/options.c
  src/cli/own_classes.c
  src/cli/image_classifier.c
  src/cli/image_source.c
  src/cli/merge_report.c
  src/cli/merge_search.c
  src/cli/part_combine.c
  src/cli/part_read.c
  src/cli/part_write.c
  src/cli/path_list.c
  src/cli/image_team.c
  src/cli/profile.c
  src/cli/run_command.c
  src/cli/statistics.c)
target_compile_options(vit158_cli PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(vit158_cli PUBLIC vit158 PRIVATE Threads::Threads)

# The collection of models and the one that runs when none is named.
set(manifest ${PROJECT_SOURCE_DIR}/models/manifest.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
file(READ ${manifest} manifest_text)
string(JSON default_model GET ${manifest_text} default)
set_source_files_properties(src/cli/find_model.c PROPERTIES COMPILE_DEFINITIONS
  "VIT158_MODELS_FOLDER=\"${PROJECT_SOURCE_DIR}/models\";VIT158_DEFAULT_MODEL=\"${default_model}\"")

# Commands that train and quantize; their tests link these too.
set(vit158_train_commands
  src/cli/cmd_finetune.c src/cli/cmd_plot.c src/cli/cmd_prune.c src/cli/cmd_quantize.c src/cli/cmd_train.c
  src/cli/finetune_card.c src/cli/finetune_judge.c src/cli/folder_report.c
  src/cli/quantize_images.c src/cli/quantize_report.c src/cli/stage_log.c src/cli/unpack_zip.c)

add_executable(vit158_command src/cli/main.c)
set_target_properties(vit158_command PROPERTIES OUTPUT_NAME vit158)
target_compile_options(vit158_command PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(vit158_command PRIVATE vit158_cli)
if(VIT158_BUILD_TRAIN)
  target_sources(vit158_command PRIVATE ${vit158_train_commands})
  target_compile_definitions(vit158_command PRIVATE VIT158_HAVE_TRAIN=1)
  target_link_libraries(vit158_command PRIVATE vit158_compress)
endif()
