# SPDX-License-Identifier: MIT
vit158_add_test(test_base tests/unit/test_base.c)
vit158_add_test(test_file tests/unit/test_file.c)
vit158_add_test(test_folder tests/unit/test_folder.c)
vit158_add_test(test_pool_model tests/unit/test_pool_model.c)
vit158_add_test(test_sharing_model tests/unit/test_sharing_model.c)
