# SPDX-License-Identifier: MIT
if(VIT158_BUILD_TRAIN)
  function(vit158_add_compress_test name)
    vit158_add_test(${name} ${ARGN})
    target_link_libraries(${name} PRIVATE vit158_compress)
  endfunction()
  vit158_add_compress_test(test_compress_allocate tests/unit/test_compress_allocate.c)
  set(COMPRESS_FIXTURE tests/unit/compress_fixture.c tests/unit/random_model.c)
  vit158_add_compress_test(test_compress_net tests/unit/test_compress_net.c ${COMPRESS_FIXTURE})
  vit158_add_compress_test(test_compress_rebuild tests/unit/test_compress_rebuild.c
                           ${COMPRESS_FIXTURE})
  vit158_add_compress_test(test_compress_distil tests/unit/test_compress_distil.c ${COMPRESS_FIXTURE})
  vit158_add_compress_test(test_compress_round tests/unit/test_compress_round.c)
  vit158_add_compress_test(test_compress_static tests/unit/test_compress_static.c
                           ${COMPRESS_FIXTURE})
  vit158_add_compress_test(test_compress_ptq tests/unit/test_compress_ptq.c ${COMPRESS_FIXTURE})
  vit158_add_compress_test(test_compress_similarity tests/unit/test_compress_similarity.c)
  vit158_add_compress_test(test_compress_worth tests/unit/test_compress_worth.c ${COMPRESS_FIXTURE})
endif()
