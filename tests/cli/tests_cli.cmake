# SPDX-License-Identifier: MIT
vit158_add_test(test_options tests/cli/test_options.c)
target_link_libraries(test_options PRIVATE vit158_cli)
vit158_add_test(test_json_writer tests/cli/test_json_writer.c)
target_link_libraries(test_json_writer PRIVATE vit158_cli)
