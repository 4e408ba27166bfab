/* SPDX-License-Identifier: MIT
 *
 * A module: consecutive blocks of a network being quantized, whose latent weights are trained so
 * that its output on given inputs is what the float network has there (MREM, METHODS.md 3.1). Its
 * forward and backward passes are the trainer's. The last module ends in logits, and its loss is
 * their divergence from the float network's.
 */
#ifndef VIT158_COMPRESS_MODULE_H
#define VIT158_COMPRESS_MODULE_H

#include "compress/latent.h"
#include "train/pass.h"

/* A batch is cut into as many lanes of as many images, whatever the number of threads: gradients
 * are summed lane by lane, so results do not depend on it. */
#define VIT158_MODULE_LANES 4U
#define VIT158_MODULE_LANE_IMAGES 2U
#define VIT158_MODULE_BATCH (VIT158_MODULE_LANES * VIT158_MODULE_LANE_IMAGES)

typedef struct vit158_module {
    vit158_quantizer *q;
    uint32_t first, end;  /* blocks first .. end - 1 */
    float class_weight;   /* how many tokens the class token counts for in the loss */
    vit158_train_net net; /* of these blocks alone */
    float *parameters;
    vit158_train_packed packed;
    vit158_train_workspace lanes[VIT158_MODULE_LANES];
    vit158_latent *latents; /* [(end - first) * 4] */
    void *block;            /* owned memory of parameters, packed and lanes */
} vit158_module;

/* What the module takes and should give for one image. */
typedef struct vit158_module_example {
    const float *input;  /* [tokens][d] stream before its first block */
    const float *target; /* [tokens][d] behind its last one; of the last module: logits [classes] */
} vit158_module_example;

/* Of blocks that q has rounded already. Errors: VIT158_E_MEMORY, those of
 * vit158_train_net_create. */
vit158_status vit158_module_create(vit158_module *module, vit158_quantizer *q, uint32_t first,
                                   uint32_t end, float class_weight, vit158_error *error);
void vit158_module_free(vit158_module *module);

/* Mean loss over VIT158_MODULE_BATCH examples; with a rate above 0 an update (vit158_latent_step)
 * follows. `pool` may be serial. */
double vit158_module_step(vit158_module *module, vit158_pool *pool,
                          const vit158_module_example *batch, float rate, uint64_t step);

/* What has been learnt, [vit158_module_size] floats: to be kept, and to go back to. */
size_t vit158_module_size(const vit158_module *module);
void vit158_module_keep(const vit158_module *module, float *kept);
void vit158_module_go_back(const vit158_module *module, const float *kept);

/* The quantizer's student multiplies by what was learnt from now on. */
void vit158_module_finish(const vit158_module *module);

#endif
