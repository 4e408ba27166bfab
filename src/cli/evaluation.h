/* SPDX-License-Identifier: MIT
 *
 * What `eval` finds out: the answer to every image of a folder, or of one shard of it, and all that
 * the report says besides. A shard's is written to a file, a part; the parts of all shards make the
 * evaluation that one run would have been. web/FILES.md describes the file; web/cli/eval_part.mjs
 * reads and writes the same.
 */
#ifndef VIT158_CLI_EVALUATION_H
#define VIT158_CLI_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/class_names.h"
#include "vit158.h"

/* Of the images 0, 1, 2, ... shard I of N has those whose number is I - 1 modulo N. */
typedef struct vit158_shard {
    uint32_t index; /* I: 1 .. count */
    uint32_t count; /* N */
} vit158_shard;

#define VIT158_MAX_SHARDS 1000000

/* "2/8". False unless both are whole numbers in range. */
bool vit158_shard_parse(vit158_shard *out, const char *text);

/* How many of `images` are in the shard. */
size_t vit158_shard_size(vit158_shard shard, size_t images);

typedef struct vit158_eval_answer {
    char *path;
    char *problem;      /* why the image failed; NULL: it was classified, and then: */
    uint32_t truth;     /* its class; of failed images, too */
    uint32_t predicted; /* the best class */
    uint32_t rank;      /* of `truth` among the five best, from 1; 0: not among them */
    float score;        /* of `predicted` */
    double ms;          /* all stages */
} vit158_eval_answer;

/* All memory is the evaluation's own. */
typedef struct vit158_evaluation {
    char *model; /* its name */
    char model_sha256[65];
    char *merge;  /* what vit158_session_merges says */
    char *engine; /* of combined parts those of all, in the order of shards: "avx2+simd128" */
    uint32_t numerics_version;
    double memory_bytes; /* of combined parts the largest */
    vit158_class_labels labels;
    vit158_shard shard; /* 1 of 1: everything */
    size_t images;      /* of all shards */
    char list_sha256[65];
    char **unknown; /* [unknown_count] folders that name no class */
    size_t unknown_count;
    vit158_eval_answer *answers; /* [count] those of the shard, in order */
    size_t count;
} vit158_evaluation;

void vit158_evaluation_free(vit158_evaluation *e);

/* Writes a part; the file appears when it is complete. Errors: VIT158_E_IO, VIT158_E_MEMORY. */
vit158_status vit158_part_write(const vit158_evaluation *e, const char *path, vit158_error *error);

/* Reads a part, checking everything. On failure nothing is left to free. Errors: VIT158_E_IO,
 * VIT158_E_FORMAT (no part, or a damaged one), VIT158_E_UNSUPPORTED (of another version),
 * VIT158_E_LIMIT, VIT158_E_MEMORY. */
vit158_status vit158_part_parse(vit158_evaluation *out, const void *text, size_t n_bytes,
                                vit158_error *error);
vit158_status vit158_part_read(vit158_evaluation *out, const char *path, vit158_error *error);

/* One evaluation of the parts of all shards, in any order. *subject is the path that an error is
 * about, NULL if it is about none. On failure nothing is left to free. Errors: those of
 * vit158_part_read; VIT158_E_ARGUMENT for parts that do not belong together. */
vit158_status vit158_parts_combine(vit158_evaluation *out, const char **subject, char *const *paths,
                                   size_t path_count, vit158_error *error);

typedef struct vit158_eval_output {
    const char *wrong; /* list of wrong images to write; NULL: none */
    bool confusion;
    bool json;
} vit158_eval_output;

/* What `eval` prints on stdout, and the list of wrong images. Errors, of that list: VIT158_E_IO;
 * VIT158_E_MEMORY. */
vit158_status vit158_eval_report(const vit158_evaluation *e, const vit158_eval_output *o,
                                 vit158_error *error);

/* How many images failed, and folders. */
size_t vit158_eval_failed(const vit158_evaluation *e);

#endif
