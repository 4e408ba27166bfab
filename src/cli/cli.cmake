# SPDX-License-Identifier: MIT
# The native `vit158` command: its parts as a library, so that tests can call them.
add_library(vit158_cli STATIC
  src/cli/files.c
  src/cli/json_writer.c
  src/cli/options.c)
target_compile_options(vit158_cli PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(vit158_cli PUBLIC vit158)
