/* SPDX-License-Identifier: MIT
 *
 * A rebuild while it runs, and what its forms share.
 */
#ifndef VIT158_COMPRESS_REBUILD_STATE_H
#define VIT158_COMPRESS_REBUILD_STATE_H

#include "compress/rebuild.h"

typedef struct vit158_rebuild {
    vit158_quantizer *q;
    const vit158_quantizer_start *start;
    const vit158_rebuild_settings *settings;
    vit158_rebuild_outcome *outcome;
    vit158_quantizer_hook hook;
    void *context;
    uint32_t modules;
    uint32_t done, total; /* as the hook is told */
    double limit_ms;      /* vit158_now_ms after which no update begins */
    float *logits;        /* [known.images][ld] of the teacher, owned */
    size_t ld;
} vit158_rebuild;

/* Units of the distillation in what the hook is told. */
#define VIT158_DISTIL_UNITS 1000U

/* First block of a module; of modules: the depth. */
uint32_t vit158_rebuild_first(const vit158_rebuild *rebuild, uint32_t module);

/* The teacher's logits of all images, its streams being behind the last block. Errors:
 * VIT158_E_MEMORY. */
vit158_status vit158_rebuild_logits(vit158_rebuild *rebuild, vit158_error *error);

/* The student's streams, from `inputs` before block `first`, to behind block end - 1. */
void vit158_rebuild_advance(vit158_quantizer *q, const float *inputs, uint32_t first, uint32_t end);

/* Says that `more` units of total are done. Errors: VIT158_E_ABORTED if the hook stops it. */
vit158_status vit158_rebuild_report(vit158_rebuild *rebuild, uint32_t more, vit158_error *error);

#endif
