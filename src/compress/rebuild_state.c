/* SPDX-License-Identifier: MIT */
#include "compress/rebuild_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

uint32_t vit158_rebuild_first(const vit158_rebuild *r, uint32_t module)
{
    return r->q->model->info.depth * module / r->modules;
}

vit158_status vit158_rebuild_report(vit158_rebuild *r, uint32_t more, vit158_error *error)
{
    r->done += more;
    if (r->hook != NULL && r->hook(r->context, r->done, r->total) != 0)
        return vit158_fail(error, VIT158_E_ABORTED, "stopped");
    return VIT158_OK;
}

static void teacher_logits(void *context, uint32_t image, uint32_t worker)
{
    const vit158_rebuild *const r = context;
    vit158_quantizer *const q = r->q;
    vit158_shadow_logits(&q->teacher, &q->works[worker], q->known.values + image * q->known.stride,
                         r->logits + image * r->ld);
}

vit158_status vit158_rebuild_logits(vit158_rebuild *r, vit158_error *error)
{
    r->ld = vit158_train_round_up(r->q->model->info.classes, VIT158_TRAIN_TILE_COLS);
    if (r->logits == NULL)
        r->logits = calloc(r->ld * r->q->known.images, sizeof *r->logits);
    if (r->logits == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the logits");
    r->q->pool->run(r->q->pool, teacher_logits, r, r->q->known.images);
    return VIT158_OK;
}

typedef struct advance_job {
    vit158_quantizer *q;
    uint32_t first, end;
} advance_job;

static void advance_image(void *context, uint32_t image, uint32_t worker)
{
    const advance_job *const job = context;
    vit158_quantizer *const q = job->q;
    for (uint32_t half = 2 * job->first; half < 2 * job->end; half++)
        vit158_shadow_add_branch(&q->student, &q->works[worker],
                                 q->rounded.values + image * q->rounded.stride, half / 2, half % 2);
}

void vit158_rebuild_advance(vit158_quantizer *q, const float *inputs, uint32_t first, uint32_t end)
{
    advance_job job = {q, first, end};
    memcpy(q->rounded.values, inputs,
           q->rounded.stride * q->rounded.images * sizeof *q->rounded.values);
    q->pool->run(q->pool, advance_image, &job, q->rounded.images);
}
