# SPDX-License-Identifier: MIT
vit158_add_test(test_model_ternary tests/unit/test_model_ternary.c)
vit158_add_test(test_model_text tests/unit/test_model_text.c)
vit158_add_test(test_model_safetensors tests/unit/test_model_safetensors.c)
vit158_add_test(test_model_shared tests/unit/test_model_shared.c tests/unit/model_files.c)
