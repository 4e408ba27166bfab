/* SPDX-License-Identifier: MIT */
#include "compress/rebuild_parallel.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "compress/input_queue.h"
#include "compress/module.h"

#define QUEUE_IMAGES 64U

/* One module and what leads to it. */
typedef struct part {
    vit158_module module;
    vit158_input_queue queue; /* of the module before; none for the first */
    vit158_streams known;     /* the teacher's before it; none for the first */
    float *inputs;            /* [VIT158_MODULE_BATCH][stride] of the present round */
    uint32_t images[VIT158_MODULE_BATCH];
    vit158_rng rng;
} part;

typedef struct parallel {
    vit158_rebuild *r;
    part *parts;
    uint64_t t;
} parallel;

/* ---- Start ---------------------------------------------------------------------------------- */

static void know_image(void *context, uint32_t image, uint32_t worker)
{
    const parallel *const p = context;
    vit158_quantizer *const q = p->r->q;
    const vit158_streams *from = p->r->start->known;
    for (uint32_t n = 1; n < p->r->modules; n++) {
        vit158_streams *const to = &p->parts[n].known;
        float *const x = to->values + image * to->stride;
        memcpy(x, from->values + image * from->stride, to->stride * sizeof *x);
        for (uint32_t half = 2 * vit158_rebuild_first(p->r, n - 1);
             half < 2 * vit158_rebuild_first(p->r, n); half++)
            vit158_shadow_add_branch(&q->teacher, &q->works[worker], x, half / 2, half % 2);
        from = to;
    }
}

/* Queues begin with what the rounded network gives for the first images. */
static void fill_queues(const parallel *p, float *x)
{
    vit158_quantizer *const q = p->r->q;
    const vit158_streams *const from = p->r->start->rounded;
    for (uint32_t i = 0; i < q->learned && i < QUEUE_IMAGES; i++) {
        memcpy(x, from->values + i * from->stride, from->stride * sizeof *x);
        for (uint32_t n = 1; n < p->r->modules; n++) {
            for (uint32_t half = 2 * vit158_rebuild_first(p->r, n - 1);
                 half < 2 * vit158_rebuild_first(p->r, n); half++)
                vit158_shadow_add_branch(&q->student, &q->works[0], x, half / 2, half % 2);
            vit158_input_queue_push(&p->parts[n].queue, i, x);
        }
    }
}

static vit158_status create_part(const parallel *p, uint32_t n, vit158_error *error)
{
    vit158_rebuild *const r = p->r;
    part *const to = &p->parts[n];
    const size_t stride = r->q->known.stride;
    to->rng = vit158_rng_seed(r->settings->seed * 1000 + vit158_rebuild_first(r, n));
    VIT158_RETURN_IF_ERROR(vit158_module_create(&to->module, r->q, vit158_rebuild_first(r, n),
                                                vit158_rebuild_first(r, n + 1),
                                                r->settings->class_weight, error));
    to->inputs = malloc(VIT158_MODULE_BATCH * stride * sizeof *to->inputs);
    if (to->inputs == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a module's inputs");
    if (n == 0)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_input_queue_create(&to->queue, QUEUE_IMAGES, stride, error));
    return vit158_streams_create(&to->known, r->q->model, r->q->learned, error);
}

/* ---- A round -------------------------------------------------------------------------------- */

static void take_inputs(const parallel *p, uint32_t n)
{
    const vit158_rebuild *const r = p->r;
    part *const own = &p->parts[n];
    const size_t stride = r->q->known.stride;
    const uint64_t forced = r->settings->forcing ? r->settings->updates / 2 : 0;
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
        float *const to = own->inputs + i * stride;
        if (n == 0) {
            own->images[i] = vit158_rng_below(&own->rng, r->q->learned);
            memcpy(to, r->start->rounded->values + own->images[i] * stride, stride * sizeof *to);
        } else {
            const uint32_t entry = vit158_rng_below(&own->rng, own->queue.count);
            own->images[i] = own->queue.images[entry];
            vit158_force_input(to, own->known.values + own->images[i] * stride,
                               own->queue.values + entry * stride, stride,
                               vit158_teacher_share(p->t, forced));
        }
    }
}

static void update_part(void *context, uint32_t n, uint32_t worker)
{
    (void)worker;
    const parallel *const p = context;
    const vit158_rebuild *const r = p->r;
    part *const own = &p->parts[n];
    const size_t stride = r->q->known.stride;
    const bool last = n + 1 == r->modules;
    vit158_pool serial = vit158_pool_serial();
    vit158_module_example batch[VIT158_MODULE_BATCH];
    take_inputs(p, n);
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
        const size_t image = own->images[i];
        batch[i] = (vit158_module_example){own->inputs + i * stride,
                                           last ? r->logits + image * r->ld
                                                : p->parts[n + 1].known.values + image * stride};
    }
    const float left = 1.0F - (float)p->t / (float)r->settings->updates;
    vit158_module_step(&own->module, &serial, batch, r->settings->rate * left, p->t + 1);
}

static void pass_on(const parallel *p)
{
    const size_t stride = p->r->q->known.stride;
    for (uint32_t n = 0; n + 1 < p->r->modules; n++)
        for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
            const vit158_train_workspace *const lane =
                &p->parts[n].module.lanes[i / VIT158_MODULE_LANE_IMAGES];
            vit158_input_queue_push(&p->parts[n + 1].queue, p->parts[n].images[i],
                                    lane->last + i % VIT158_MODULE_LANE_IMAGES * stride);
        }
}

static vit158_status run_rounds(parallel *p, vit158_error *error)
{
    vit158_rebuild *const r = p->r;
    for (p->t = 0; p->t < r->settings->updates; p->t++) {
        if (vit158_now_ms() < r->limit_ms) {
            r->q->pool->run(r->q->pool, update_part, p, r->modules);
            pass_on(p);
            r->outcome->updates = (uint32_t)p->t + 1;
        }
        VIT158_RETURN_IF_ERROR(vit158_rebuild_report(r, 1, error));
    }
    for (uint32_t n = 0; n < r->modules; n++)
        vit158_module_finish(&p->parts[n].module);
    return VIT158_OK;
}

vit158_status vit158_rebuild_parallel(vit158_rebuild *r, vit158_error *error)
{
    parallel p = {.r = r, .parts = calloc(r->modules, sizeof *p.parts)};
    const size_t spare = (size_t)VIT158_TRAIN_TILE_ROWS * r->q->model->info.dim;
    float *const x = calloc(r->q->known.stride + spare, sizeof *x);
    vit158_status status = p.parts != NULL && x != NULL
                               ? vit158_rebuild_logits(r, error)
                               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory to train");
    for (uint32_t n = 0; n < r->modules && status == VIT158_OK; n++)
        status = create_part(&p, n, error);
    if (status == VIT158_OK) {
        r->q->pool->run(r->q->pool, know_image, &p, r->q->learned);
        fill_queues(&p, x);
        status = run_rounds(&p, error);
    }
    for (uint32_t n = 0; p.parts != NULL && n < r->modules; n++) {
        vit158_module_free(&p.parts[n].module);
        vit158_input_queue_free(&p.parts[n].queue);
        vit158_streams_free(&p.parts[n].known);
        free(p.parts[n].inputs);
    }
    free(p.parts);
    free(x);
    return status;
}
