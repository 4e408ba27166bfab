# SPDX-License-Identifier: MIT
set(VIT158_MODEL_SOURCES
    src/model/decimal.c
    src/model/encoding.c
    src/model/encodings.c
    src/model/facts.c
    src/model/facts_json.c
    src/model/geometry.c
    src/model/header.c
    src/model/json_in.c
    src/model/json_out.c
    src/model/layout.c
    src/model/loader.c
    src/model/metadata.c
    src/model/metadata_json.c
    src/model/model.c
    src/model/names.c
    src/model/recipe_read.c
    src/model/ternary.c
    src/model/variant.c
    src/model/views.c
    src/model/weights.c)
# Used by tools, tests and the trainer; not in the wasm modules.
# Making models without files: native, and in the import module.
set(VIT158_MODEL_DRAFT_SOURCES
    src/model/draft.c
    src/model/pack.c
    src/model/safetensors.c
    src/model/what_is.c
    src/model/writer_head.c)
set(VIT158_MODEL_NATIVE_SOURCES
    ${VIT158_MODEL_DRAFT_SOURCES}
    src/model/draft_write.c
    src/model/latent_facts.c
    src/model/pack_file.c
    src/model/safetensors_open.c
    src/model/synth.c
    src/model/writer.c)
