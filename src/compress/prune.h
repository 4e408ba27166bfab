/* SPDX-License-Identifier: MIT
 *
 * Structured pruning: channels of the MLPs and heads of attention are taken out of a float model,
 * and what is left of fc2 and proj is fitted to the outputs that the model had on calibration
 * images. Matrices become smaller; nothing is masked in the file. METHODS.md has the formulas.
 */
#ifndef VIT158_COMPRESS_PRUNE_H
#define VIT158_COMPRESS_PRUNE_H

#include "compress/compress_run.h"

typedef enum vit158_prune_score {
    VIT158_PRUNE_OBS,        /* optimal brain surgeon, the rest fitted by least squares */
    VIT158_PRUNE_ACTIVATION, /* size of the weights times that of what they multiply */
    VIT158_PRUNE_MAGNITUDE,  /* size of the weights */
    VIT158_PRUNE_RANDOM,     /* these last three are baselines: the rest stays as it is */
    VIT158_PRUNE_SCORES
} vit158_prune_score;

typedef struct vit158_prune_settings {
    double mlp_share; /* of each MLP's channels, 0 to 1: what stays is a multiple of 16 of them */
    uint32_t heads;   /* over all blocks; each keeps one */
    vit158_prune_score score;
    float damping; /* added to the diagonal of H, in means of it */
    uint64_t seed; /* of VIT158_PRUNE_RANDOM */
} vit158_prune_settings;

vit158_prune_settings vit158_prune_defaults(void);

/* What is left of a block. */
typedef struct vit158_pruned_block {
    bool *heads;    /* [heads] kept */
    bool *channels; /* [mlp] kept */
    uint32_t heads_before, channels_before;
    uint32_t kept_heads, kept_channels;
    float *proj, *fc2; /* [d][inputs of the model], zeros for what is gone; NULL: the model's */
    float *proj_bias, *fc2_bias;  /* [d] with them */
    double proj_error, fc2_error; /* share of the outputs' variance that removing them costs */
} vit158_pruned_block;

typedef struct vit158_prune_job {
    const vit158_model *model;
    vit158_embedder *images;
    uint32_t learned; /* the first so many images calibrate, the rest judge */
    vit158_prune_settings settings;
    vit158_pool *pool;
    /* Called as work is done, in thousandths of the whole; non-zero stops. */
    int (*progress)(void *context, uint32_t thousandths);
    void *context;
} vit158_prune_job;

typedef struct vit158_prune_result {
    vit158_pruned_block *blocks; /* [depth] */
    uint32_t depth;
    uint32_t removed_heads;
    vit158_nearness learned, held; /* to the model as it was */
    double seconds;
} vit158_prune_result;

/* Decides what goes and fits the rest. `result` is to be freed by the caller, on failure too.
 * Errors: VIT158_E_ARGUMENT (more heads than may go), VIT158_E_UNSUPPORTED (see
 * vit158_prune_check), VIT158_E_MEMORY, VIT158_E_NUMERIC, VIT158_E_ABORTED. */
vit158_status vit158_prune_run(vit158_prune_result *result, const vit158_prune_job *job,
                               vit158_error *error);
void vit158_prune_result_free(vit158_prune_result *result);

/* Whether a model can be pruned: float, plain, without norms between attention and proj or GELU
 * and fc2, whose statistics would change. Errors: VIT158_E_UNSUPPORTED. */
vit158_status vit158_prune_check(const vit158_model *model, vit158_error *error);

/* Channels that stay of `mlp` when the share goes. */
uint32_t vit158_prune_kept(uint32_t mlp, double share);

/* Writes the file: tensors of `model`'s file `in`, in its order and element types, those of
 * blocks as `result` has them (pruned_file.c). If nothing was removed it is a copy of `in`.
 * `info` gets what the loader finds. Errors: those of vit158_draft_write and of reading. */
vit158_status vit158_pruned_write(const char *path, const char *in, const vit158_model *model,
                                  const vit158_prune_result *result, const char *described,
                                  vit158_model_info *info, vit158_error *error);

#endif
