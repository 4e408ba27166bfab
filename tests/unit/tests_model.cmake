# SPDX-License-Identifier: MIT
vit158_add_test(test_model_ternary tests/unit/test_model_ternary.c)
vit158_add_test(test_model_text tests/unit/test_model_text.c)
vit158_add_test(test_model_safetensors tests/unit/test_model_safetensors.c)
vit158_add_test(test_model_shared tests/unit/test_model_shared.c tests/unit/model_files.c)
set(model_helpers tests/unit/model_files.c tests/unit/model_parts.c)
vit158_add_test(test_model_container tests/unit/test_model_container.c ${model_helpers})
vit158_add_test(test_model_rules tests/unit/test_model_rules.c ${model_helpers})
vit158_add_test(test_model_loader tests/unit/test_model_loader.c ${model_helpers})
vit158_add_test(test_model_memory tests/unit/test_model_memory.c ${model_helpers})
target_link_options(test_model_memory PRIVATE
                    -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free)
vit158_add_test(test_model_pack tests/unit/test_model_pack.c ${model_helpers})
