# SPDX-License-Identifier: MIT
vit158_add_test(test_pool tests/unit/test_pool.c)
