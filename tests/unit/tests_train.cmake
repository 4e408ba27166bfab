# SPDX-License-Identifier: MIT
if(VIT158_BUILD_TRAIN)
  function(vit158_add_train_test name)
    vit158_add_test(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE vit158_train)
  endfunction()
  set(fixture tests/unit/train_fixture.c)
  vit158_add_train_test(test_train_compute tests/unit/test_train_compute.c)
  vit158_add_train_test(test_train_gradient tests/unit/test_train_gradient.c
                        tests/unit/train_naive.c ${fixture})
  vit158_add_train_test(test_train_optimiser tests/unit/test_train_optimiser.c ${fixture})
  vit158_add_train_test(test_train_run tests/unit/test_train_run.c ${fixture})
endif()
