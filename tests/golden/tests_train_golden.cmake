# SPDX-License-Identifier: MIT
if(VIT158_BUILD_TRAIN)
  vit158_add_test(test_train_torch tests/golden/test_train_torch.c tests/unit/train_fixture.c)
  target_link_libraries(test_train_torch PRIVATE vit158_train)
  # Speed of a step; run by hand or by tests/bench/bench_train.mjs.
  add_executable(bench_train tests/bench/bench_train.c)
  target_compile_options(bench_train PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
  target_link_libraries(bench_train PRIVATE vit158_train)
endif()
