# SPDX-License-Identifier: MIT
vit158_add_test(test_tiny_goldens tests/golden/test_tiny_goldens.c tests/golden/step_goldens.c)
target_link_libraries(test_tiny_goldens PRIVATE vit158_cli)
vit158_add_test(test_variants tests/golden/test_variants.c tests/golden/step_goldens.c)
target_link_libraries(test_variants PRIVATE vit158_cli)
vit158_add_test(test_reference_goldens tests/golden/test_reference_goldens.c
                tests/golden/reference_file.c)
target_link_libraries(test_reference_goldens PRIVATE vit158_cli)
