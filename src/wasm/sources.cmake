# SPDX-License-Identifier: MIT
# vit158.wasm and vit158-scalar.wasm: engine_abi.c over the engine's folders.
set(VIT158_WASM_ENGINE_SOURCES
    src/wasm/engine_abi.c
    src/wasm/memory_growth.c)
# vit158-threads.wasm has these besides, and the shared pool of base/.
set(VIT158_WASM_THREADS_SOURCES
    src/wasm/threads_abi.c)
# vit158-import.wasm: import_abi.c over VIT158_IMPORT_SOURCES.
set(VIT158_WASM_IMPORT_SOURCES
    src/base/error.c
    src/base/sha256.c
    src/base/text.c
    src/model/decimal.c
    src/model/encoding.c
    src/model/encodings.c
    src/model/geometry.c
    src/model/header.c
    src/model/json_in.c
    src/model/layout.c
    src/model/linear_parts.c
    src/model/metadata.c
    src/model/metadata_json.c
    src/model/names.c
    src/model/ternary.c
    src/model/variant.c
    src/wasm/import_abi.c
    src/wasm/memory_growth.c)
# vit158-decode.wasm: decode_abi.c over VIT158_DECODE_SOURCES.
set(VIT158_WASM_DECODE_SOURCES
    src/wasm/decode_abi.c
    src/wasm/memory_growth.c)
