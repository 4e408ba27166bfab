/* SPDX-License-Identifier: MIT
 *
 * Sources of an import put together from parts: a Vision Transformer of two blocks with timm's or
 * Hugging Face's names, from which tensors are taken, to which others are added.
 */
#ifndef VIT158_TESTS_IMPORT_PARTS_H
#define VIT158_TESTS_IMPORT_PARTS_H

#include "import/import.h"
#include "unit/memory_files.h"

typedef struct part_tensor {
    const char *name;
    const char *shape; /* "Q,D,4": D is the width, Q three times that */
    const char *dtype; /* NULL: F32 */
} part_tensor;

typedef enum part_values {
    PART_FLOATS,       /* the third row of a matrix is 0 */
    PART_TERNARY,      /* one scale */
    PART_TERNARY_ROWS, /* a scale each row */
    PART_ZEROS
} part_values;

typedef struct parts_case {
    const char *what; /* NULL: what it must say */
    vit158_status status;
    const char *sentence; /* a part of the error, or of the report */
    const char *config;   /* NULL: the weight file alone is given */
    const char *preprocessor;
    const char *metadata; /* members of the file's __metadata__ */
    const char *file;     /* NULL: "model.safetensors" */
    bool hugging_face;
    uint32_t dim; /* 0: 16 */
    part_values values;
    const char *without[4]; /* parts of names that are left out */
    part_tensor with[8];    /* instead of those of the same name, or added at the end */
    const char *extra;      /* metadata_json */
    const char *labels;
    uint32_t heads; /* 0: 2 for a file alone; NO_HEADS: not said */
    uint32_t image_size;
    vit158_import_weights weights;
} parts_case;

#define NO_HEADS UINT32_MAX

/* The case's files, the caller's to give back with parts_release; and its options. */
void parts_make(memory_files *out, const parts_case *from);
void parts_release(memory_files *files);
vit158_import_options parts_options(const parts_case *from);

/* Imports it from these files. *said [2048] becomes the error's sentence or the report. */
vit158_status parts_import(const vit158_import_files *files, const parts_case *from,
                           char said[2048]);

/* Fails the test unless a case ends with its status and says its sentence. */
void parts_check(const parts_case *cases, size_t count);

#endif
