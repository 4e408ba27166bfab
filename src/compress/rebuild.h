/* SPDX-License-Identifier: MIT
 *
 * Rounding with reconstruction error minimisation (MREM, Bai et al. 2022, METHODS.md 3): after the
 * matrices are rounded, latent weights are trained so that modules give what the float network's
 * do; at last, if asked for, so that the logits are the float network's. No labels anywhere.
 */
#ifndef VIT158_COMPRESS_REBUILD_H
#define VIT158_COMPRESS_REBUILD_H

#include "compress/fresh_views.h"
#include "compress/quantizer.h"

typedef enum vit158_rebuild_kind {
    VIT158_REBUILD_NONE,
    VIT158_REBUILD_LAYERS,     /* REM: every matrix by itself */
    VIT158_REBUILD_SEQUENTIAL, /* MREM-S: a module on the outputs of those before it, as trained */
    VIT158_REBUILD_PARALLEL    /* MREM-P: all modules at once, input queues between them */
} vit158_rebuild_kind;

typedef struct vit158_rebuild_settings {
    vit158_rebuild_kind kind;
    uint32_t modules;        /* of equal numbers of blocks; at most as many as there are blocks */
    uint32_t updates;        /* of each module */
    float rate;              /* of latent weights at first, in gaps between levels; falls to 0 */
    float class_weight;      /* how many tokens the class token counts for */
    bool forcing;            /* MREM-P: teacher forcing over the first half of the updates */
    double minutes;          /* no update of a module begins after so long, 0 = no limit */
    double distil_minutes;   /* of logits at the end, 0 = none; schedule and end go by the clock */
    uint32_t distil_updates; /* so many instead, whatever the clock says; 0 = by minutes */
    /* Of the images that are learned from, for fresh views of them in the distillation; NULL: they
     * stay as they were embedded. */
    const vit158_image_reader *reader;
    uint64_t seed;
} vit158_rebuild_settings;

vit158_rebuild_settings vit158_rebuild_defaults(void);

static inline bool vit158_rebuild_distils(const vit158_rebuild_settings *settings)
{
    return settings->distil_minutes > 0 || settings->distil_updates > 0;
}

/* Losses before and after, on the images that the updates do not see. */
typedef struct vit158_rebuild_outcome {
    uint32_t modules, updates; /* done, of each module */
    uint32_t distilled;        /* updates of the last stage */
    uint32_t kept; /* those after which held-out images were nearest, which the file has */
} vit158_rebuild_outcome;

/* Rounds all matrices of a fresh quantizer by its own method and then trains. `start` is what the
 * quantizer was made of. Hook and errors as vit158_quantizer_run. */
vit158_status vit158_rebuild_run(vit158_quantizer *q, const vit158_quantizer_start *start,
                                 const vit158_rebuild_settings *settings,
                                 vit158_rebuild_outcome *outcome, vit158_quantizer_hook hook,
                                 void *context, vit158_error *error);

#endif
