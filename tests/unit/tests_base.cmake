vit158_add_test(test_base tests/unit/test_base.c)
