# SPDX-License-Identifier: MIT
vit158_add_test(test_options tests/cli/test_options.c)
target_link_libraries(test_options PRIVATE vit158_cli)
vit158_add_test(test_json_writer tests/cli/test_json_writer.c)
target_link_libraries(test_json_writer PRIVATE vit158_cli)
add_executable(hash_ppm tests/cli/hash_ppm.c)
target_include_directories(hash_ppm PRIVATE tests)
target_compile_options(hash_ppm PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(hash_ppm PRIVATE vit158_cli)
