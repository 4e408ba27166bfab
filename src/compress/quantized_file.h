/* SPDX-License-Identifier: MIT
 *
 * A quantized network as a model file (FORMAT.md): sums of ternary rows or int8 for the blocks'
 * matrices, int8 ends, everything else F16, the float model's metadata kept and completed.
 */
#ifndef VIT158_COMPRESS_QUANTIZED_FILE_H
#define VIT158_COMPRESS_QUANTIZED_FILE_H

#include "compress/ends.h"
#include "compress/quantizer.h"
#include "model/draft.h"

typedef struct vit158_quantized_file {
    const vit158_model *model; /* the float one */
    const vit158_ends *ends;
    const vit158_rounded *matrices; /* [depth * 4]; for the size only `rows` and whether there is a
                                     * `step` count */
    const char *weights;            /* what the metadata key `weights` says */
    bool wide_scales;               /* scales of the blocks are F32, whatever they are */
    const vit158_header *extra;     /* metadata that replaces or adds to the model's; NULL: none */
} vit158_quantized_file;

/* Bytes of the finished file, header included: it depends on the numbers of rows alone. */
vit158_status vit158_quantized_bytes(uint64_t *n_bytes, const vit158_quantized_file *file,
                                     vit158_error *error);

/* Writes it; appears under its name only when complete and read back. Errors: those of
 * vit158_draft_write. */
vit158_status vit158_quantized_write(const char *path, const vit158_quantized_file *file,
                                     vit158_model_info *info, vit158_error *error);

/* Bytes that one more row costs an output of n_in weights: its codes and its scale. */
uint64_t vit158_row_bytes(uint32_t n_in);

#endif
