/* SPDX-License-Identifier: MIT
 *
 * What a file is that somebody gave as a model, by its first bytes, and the command that helps:
 * "is a Git LFS pointer: run git lfs pull". The JavaScript side has the same table in
 * web/lib/what_is.js, and a test compares the two.
 */
#ifndef VIT158_MODEL_WHAT_IS_H
#define VIT158_MODEL_WHAT_IS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/header.h"

typedef enum vit158_content_kind {
    VIT158_CONTENT_MODEL, /* may be a safetensors file */
    VIT158_CONTENT_EMPTY,
    VIT158_CONTENT_LFS,
    VIT158_CONTENT_ZIP,
    VIT158_CONTENT_TORCH, /* a ZIP archive that torch.save wrote */
    VIT158_CONTENT_NUMPY, /* .npy and .npz */
    VIT158_CONTENT_PICKLE,
    VIT158_CONTENT_GGUF,
    VIT158_CONTENT_TFLITE,
    VIT158_CONTENT_SAVED, /* TensorFlow's SavedModel */
    VIT158_CONTENT_HDF5,
    VIT158_CONTENT_GZIP,
    VIT158_CONTENT_PACKED, /* by another program than gzip and ZIP */
    VIT158_CONTENT_ONNX,
    VIT158_CONTENT_HTML,
    VIT158_CONTENT_JSON,
    VIT158_CONTENT_IMAGE,
    VIT158_CONTENT_PDF,
    VIT158_CONTENT_UTF16,
    VIT158_CONTENT_TEXT,
    VIT158_CONTENT_UNKNOWN
} vit158_content_kind;

/* `head` holds the file's first bytes: 512, or all of a shorter one. */
vit158_content_kind vit158_what_is(const uint8_t *head, size_t n_bytes);

/* Whether a reader of ZIP archives takes it. */
bool vit158_is_archive(vit158_content_kind kind);

#define VIT158_SENTENCE_BYTES 200U

/* "is a Git LFS pointer, not the model: ...", to follow the file's name. Of text and of what is not
 * known it shows the beginning. `head` as above. */
void vit158_what_is_sentence(char out[VIT158_SENTENCE_BYTES], const uint8_t *head, size_t n_bytes);

/* Whose names the tensors bear of a file that vit158 did not write, and what to do: "these are
 * Hugging Face's names: vit158 import FOLDER ..."; static. */
const char *vit158_names_advice(const vit158_header *header);

#endif
