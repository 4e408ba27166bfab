/* SPDX-License-Identifier: MIT
 *
 * From a checkpoint with float matrices to a model file: the four matrices of each block become
 * trit codes and a scale (or int8, or stay float), everything else F16 or F32, metadata is kept and
 * completed.
 */
#ifndef VIT158_MODEL_PACK_H
#define VIT158_MODEL_PACK_H

#include <stdbool.h>

#include "model/draft.h"
#include "model/safetensors.h"

typedef enum vit158_pack_matrices {
    VIT158_PACK_TRAINED,   /* trits; the matrices must have been trained to be ternary */
    VIT158_PACK_TERNARIZE, /* trits whatever they were trained for; may lose all accuracy */
    VIT158_PACK_INT8,      /* int8 and a scale an output; they must not be latent weights */
    VIT158_PACK_FLOAT      /* stay float, stored as the rest; the same holds */
} vit158_pack_matrices;

typedef struct vit158_pack_options {
    vit158_pack_matrices matrices;
    vit158_dtype rest; /* VIT158_DTYPE_F16, _BF16 or _F32 */
    /* A JSON object of strings that replaces or adds metadata, such as {"heads":"3"} for a
     * checkpoint that does not say; NULL for none. */
    const char *metadata_json;
} vit158_pack_options;

typedef struct vit158_pack_report {
    vit158_model_info info; /* of the packed model */
    uint64_t zeros;         /* of its ternary weights */
    bool untrained;         /* matrices that were not trained to be ternary lost something */
    uint32_t kept;          /* matrices that were ternary already: their scales are kept */
} vit158_pack_report;

/* The packed model as a draft, which the caller ends whatever happens; report->info stays empty.
 * Errors: those below but for opening and writing files. */
vit158_status vit158_pack_draft(vit158_draft *draft, vit158_pack_report *report,
                                const vit158_safetensors *in, const vit158_pack_options *options,
                                vit158_error *error);

/* Native (pack_file.c): packs the file `in` into the file `out` (which appears, or is replaced,
 * only when complete and read back). Matrices trained to be ternary get absmean codes and scale
 * (METHODS.md 1.2): those of a checkpoint without `encodings` that are latent weights
 * (vit158_layout_is_latent). Others get thresholded codes (vit158_ternarize_untrained). Matrices
 * that are ternary already keep their scales (vit158_find_trits). `report` may be NULL. Errors:
 * those of vit158_safetensors_open, vit158_layout_geometry and vit158_draft_write;
 * VIT158_E_UNSUPPORTED for matrices that are packed already or not what options->matrices says;
 * VIT158_E_JSON for the additional metadata. */
vit158_status vit158_pack_file(const char *in, const char *out, const vit158_pack_options *options,
                               vit158_pack_report *report, vit158_error *error);

#endif
