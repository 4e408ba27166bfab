# SPDX-License-Identifier: MIT
vit158_add_test(test_pool tests/unit/test_pool.c)
target_link_options(test_pool PRIVATE -Wl,--wrap=pthread_create)
vit158_add_test(test_sharing tests/unit/test_sharing.c)
vit158_add_test(test_session tests/unit/test_session.c tests/unit/session_fixture.c
                tests/unit/naive_forward.c tests/unit/random_model.c)
vit158_add_test(test_merge tests/unit/test_merge.c tests/unit/session_fixture.c
                tests/unit/naive_forward.c tests/unit/random_model.c)
vit158_add_test(test_session_edges tests/unit/test_session_edges.c tests/unit/session_fixture.c
                tests/unit/random_model.c)
target_link_options(test_session_edges PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
vit158_add_test(test_observe tests/unit/test_observe.c tests/unit/session_fixture.c
                tests/unit/naive_forward.c tests/unit/random_model.c)
vit158_add_test(test_top_k tests/unit/test_top_k.c)
vit158_add_test(test_numeric_edges tests/unit/test_numeric_edges.c tests/unit/session_fixture.c
                tests/unit/ball_watch.c tests/unit/random_model.c)
vit158_add_test(test_near_ties tests/unit/test_near_ties.c tests/unit/session_fixture.c
                tests/unit/ball_watch.c tests/unit/naive_forward.c tests/unit/random_model.c)
