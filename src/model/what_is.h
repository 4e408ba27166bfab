/* SPDX-License-Identifier: MIT
 *
 * What a file is that somebody gave as a model, by its first bytes, and the command that helps:
 * "is a Git LFS pointer: run git lfs pull". The JavaScript side has the same table in
 * web/lib/what_is.js, and a test compares the two.
 */
#ifndef VIT158_MODEL_WHAT_IS_H
#define VIT158_MODEL_WHAT_IS_H

#include <stddef.h>
#include <stdint.h>

#include "model/header.h"

typedef enum vit158_content_kind {
    VIT158_CONTENT_MODEL, /* may be a safetensors file */
    VIT158_CONTENT_EMPTY,
    VIT158_CONTENT_LFS,
    VIT158_CONTENT_ZIP,
    VIT158_CONTENT_PICKLE,
    VIT158_CONTENT_GGUF,
    VIT158_CONTENT_TFLITE,
    VIT158_CONTENT_HDF5,
    VIT158_CONTENT_GZIP,
    VIT158_CONTENT_ONNX,
    VIT158_CONTENT_HTML,
    VIT158_CONTENT_JSON,
    VIT158_CONTENT_IMAGE,
    VIT158_CONTENT_TEXT,
    VIT158_CONTENT_UNKNOWN
} vit158_content_kind;

/* `head` holds the file's first bytes: 512, or all of a shorter one. */
vit158_content_kind vit158_what_is(const uint8_t *head, size_t n_bytes);

/* "is a Git LFS pointer, not the model: ...", to follow the file's name; static. */
const char *vit158_what_is_sentence(vit158_content_kind kind);

/* Whose names a file's tensors bear, if not timm's alone, and what to do: "these are Hugging Face's
 * names: vit158 import FOLDER ..."; static, NULL if nothing is recognised. */
const char *vit158_names_advice(const vit158_header *header);

#endif
