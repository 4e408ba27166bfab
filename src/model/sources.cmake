# SPDX-License-Identifier: MIT
set(VIT158_MODEL_SOURCES
    src/model/decimal.c
    src/model/header.c
    src/model/json_in.c
    src/model/ternary.c)
# Used by tools, tests and the trainer; not in the wasm modules.
set(VIT158_MODEL_NATIVE_SOURCES
    src/model/safetensors.c
    src/model/writer.c)
