# SPDX-License-Identifier: MIT
vit158_add_test(test_base tests/unit/test_base.c)
