# SPDX-License-Identifier: MIT
vit158_add_test(test_model_ternary tests/unit/test_model_ternary.c)
