# SPDX-License-Identifier: MIT
if(VIT158_BUILD_TRAIN)
  function(vit158_add_compress_test name)
    vit158_add_test(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE vit158_compress)
  endfunction()
  vit158_add_compress_test(test_compress_allocate tests/unit/test_compress_allocate.c)
  vit158_add_compress_test(test_compress_net tests/unit/test_compress_net.c
                           tests/unit/random_model.c)
  vit158_add_compress_test(test_compress_round tests/unit/test_compress_round.c)
endif()
