# SPDX-License-Identifier: MIT
# A sanitized library would need the sanitizers in the consumer too.
if(NOT VIT158_SANITIZE)
  get_target_property(library_sources vit158 SOURCES)
  list(FILTER library_sources EXCLUDE REGEX "TARGET_OBJECTS") # what is compiled a second time, with other flags
  list(TRANSFORM library_sources PREPEND ${PROJECT_SOURCE_DIR}/)
  list(JOIN library_sources "|" library_sources)
  add_test(NAME install_and_consume
           COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR}
                   -DSOURCE=${PROJECT_SOURCE_DIR}/tests/consumer
                   -DWORK=${PROJECT_BINARY_DIR}/consumer
                   -DMODEL=${PROJECT_SOURCE_DIR}/tests/data/tiny/ternary-6.safetensors
                   -DLIBRARY=${PROJECT_SOURCE_DIR}/src -DHAVE_WEBP=${VIT158_HAVE_WEBP} "-DLIBRARY_SOURCES=${library_sources}"
                   -P ${PROJECT_SOURCE_DIR}/tests/consumer/run.cmake)
endif()
