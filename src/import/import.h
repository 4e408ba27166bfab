/* SPDX-License-Identifier: MIT
 *
 * From a Vision Transformer as others store it to a model of ours: `vit158 import`. Takes a folder
 * or a file through import_files.h, leaves a draft that can be written, and a report of one
 * paragraph. Nothing is guessed without being said, and every tensor of the source is used exactly
 * once or listed as without use.
 */
#ifndef VIT158_IMPORT_IMPORT_H
#define VIT158_IMPORT_IMPORT_H

#include "import/import_files.h"
#include "model/draft.h"

typedef enum vit158_import_weights {
    VIT158_IMPORT_F16,
    VIT158_IMPORT_I8, /* matrices, patch embedding and head as int8 with a scale an output, the rest
                         F16 */
    VIT158_IMPORT_F32
} vit158_import_weights;

typedef struct vit158_import_options {
    const char *file; /* the source's file; NULL: the source is a folder */
    vit158_import_weights weights;
    uint32_t heads;      /* 0: as the source says */
    uint32_t image_size; /* 0: as the source says; positions are resized for another */
    const char *labels;  /* a text, one label a line or a JSON array; NULL: the source's */
    size_t labels_bytes;
    /* A JSON object of strings that replaces or adds metadata; NULL for none. */
    const char *metadata_json;
} vit158_import_options;

typedef struct vit158_import_report {
    char text[2048];    /* a paragraph of UTF-8 */
    uint64_t f16_bytes; /* about the file's size with each kind of weights */
    uint64_t i8_bytes;
    uint64_t f32_bytes;
} vit158_import_report;

/* Fills the draft (started here, ended by the caller with vit158_draft_clear whatever happens) and
 * the report. Errors: VIT158_E_IO, _FORMAT, _TRUNCATED, _LIMIT, _JSON, _METADATA, _TENSOR, _VALUE,
 * _UNSUPPORTED, _MEMORY. */
vit158_status vit158_import_run(vit158_draft *draft, vit158_import_report *report,
                                const vit158_import_files *files,
                                const vit158_import_options *options, vit158_error *error);

#endif
