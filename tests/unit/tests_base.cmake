# SPDX-License-Identifier: MIT
vit158_add_test(test_base tests/unit/test_base.c)
vit158_add_test(test_file tests/unit/test_file.c)
