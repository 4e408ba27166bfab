# SPDX-License-Identifier: MIT
# A sanitized library would need the sanitizers in the consumer too.
if(NOT VIT158_SANITIZE)
  add_test(NAME install_and_consume
           COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR}
                   -DSOURCE=${PROJECT_SOURCE_DIR}/tests/consumer
                   -DWORK=${PROJECT_BINARY_DIR}/consumer
                   -DMODEL=${PROJECT_SOURCE_DIR}/tests/data/tiny/ternary-6.safetensors
                   -P ${PROJECT_SOURCE_DIR}/tests/consumer/run.cmake)
endif()
