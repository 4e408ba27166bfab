/* SPDX-License-Identifier: MIT */
#include "compress/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "compress/distil.h"
#include "compress/layer_round.h"
#include "compress/module.h"
#include "compress/rebuild_parallel.h"

vit158_rebuild_settings vit158_rebuild_defaults(void)
{
    return (vit158_rebuild_settings){.kind = VIT158_REBUILD_NONE,
                                     .modules = 4,
                                     .updates = 400,
                                     .rate = 0.002F,
                                     .class_weight = 10.0F,
                                     .forcing = true};
}

static double limit_of(double minutes)
{
    return minutes > 0 ? vit158_now_ms() + 60e3 * minutes : 1e300;
}

/* ---- Training one module -------------------------------------------------------------------- */

/* Images drawn with replacement, from `inputs`, to the teacher's streams now or to its logits. */
static void draw(const vit158_rebuild *r, const float *inputs, bool last, vit158_rng *rng,
                 vit158_module_example batch[VIT158_MODULE_BATCH])
{
    const size_t stride = r->q->known.stride;
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
        const size_t image = vit158_rng_below(rng, r->q->learned);
        batch[i] = (vit158_module_example){inputs + image * stride,
                                           last ? r->logits + image * r->ld
                                                : r->q->known.values + image * stride};
    }
}

static vit158_status train_module(vit158_rebuild *r, vit158_module *m, const float *inputs,
                                  vit158_error *error)
{
    const vit158_rebuild_settings *const s = r->settings;
    const bool last = m->end == r->q->model->info.depth;
    vit158_rng rng = vit158_rng_seed(s->seed * 1000 + m->first);
    vit158_module_example batch[VIT158_MODULE_BATCH];
    for (uint32_t t = 0; t < s->updates; t++) {
        if (vit158_now_ms() < r->limit_ms) {
            const float left = 1.0F - (float)t / (float)s->updates;
            draw(r, inputs, last, &rng, batch);
            vit158_module_step(m, r->q->pool, batch, s->rate * left, (uint64_t)t + 1);
            r->outcome->updates = t + 1;
        }
        VIT158_RETURN_IF_ERROR(vit158_rebuild_report(r, 1, error));
    }
    return VIT158_OK;
}

/* Blocks first .. end - 1 rounded on the streams as they are, then trained, then passed again. */
static vit158_status rebuild_module(vit158_rebuild *r, uint32_t first, uint32_t end, float *inputs,
                                    vit158_error *error)
{
    vit158_quantizer *const q = r->q;
    memcpy(inputs, q->rounded.values, q->rounded.stride * q->rounded.images * sizeof *inputs);
    for (uint32_t i = first * VIT158_BLOCK_LINEARS; i < end * VIT158_BLOCK_LINEARS; i++) {
        VIT158_RETURN_IF_ERROR(vit158_quantizer_layer(q, i, error));
        VIT158_RETURN_IF_ERROR(vit158_rebuild_report(r, 1, error));
    }
    if (end == q->model->info.depth)
        VIT158_RETURN_IF_ERROR(vit158_rebuild_logits(r, error));
    vit158_module m;
    VIT158_RETURN_IF_ERROR(
        vit158_module_create(&m, q, first, end, r->settings->class_weight, error));
    const vit158_status status = train_module(r, &m, inputs, error);
    if (status == VIT158_OK) {
        vit158_module_finish(&m);
        vit158_rebuild_advance(q, inputs, first, end);
    }
    vit158_module_free(&m);
    return status;
}

static vit158_status run_sequential(vit158_rebuild *r, vit158_error *error)
{
    const vit158_streams *const streams = &r->q->rounded;
    float *const inputs = malloc(streams->stride * streams->images * sizeof *inputs);
    if (inputs == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a module's inputs");
    vit158_status status = VIT158_OK;
    for (uint32_t n = 0; n < r->modules && status == VIT158_OK; n++)
        status = rebuild_module(r, vit158_rebuild_first(r, n), vit158_rebuild_first(r, n + 1),
                                inputs, error);
    free(inputs);
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static vit158_status run_all(vit158_rebuild *r, vit158_error *error)
{
    if (r->settings->kind == VIT158_REBUILD_SEQUENTIAL)
        VIT158_RETURN_IF_ERROR(run_sequential(r, error));
    else
        for (uint32_t i = 0; i < r->q->model->info.depth * VIT158_BLOCK_LINEARS; i++) {
            VIT158_RETURN_IF_ERROR(vit158_quantizer_layer(r->q, i, error));
            VIT158_RETURN_IF_ERROR(vit158_rebuild_report(r, 1, error));
        }
    if (r->settings->kind == VIT158_REBUILD_PARALLEL) {
        VIT158_RETURN_IF_ERROR(vit158_rebuild_parallel(r, error));
        vit158_rebuild_advance(r->q, r->start->rounded->values, 0, r->q->model->info.depth);
    }
    return vit158_rebuild_distils(r->settings) ? vit158_distil(r, error) : VIT158_OK;
}

vit158_status vit158_rebuild_run(vit158_quantizer *q, const vit158_quantizer_start *start,
                                 const vit158_rebuild_settings *settings,
                                 vit158_rebuild_outcome *outcome, vit158_quantizer_hook hook,
                                 void *context, vit158_error *error)
{
    const uint32_t depth = q->model->info.depth;
    vit158_rebuild r = {.q = q,
                        .start = start,
                        .settings = settings,
                        .outcome = outcome,
                        .hook = hook,
                        .context = context,
                        .modules = settings->modules < depth ? settings->modules : depth,
                        .limit_ms = limit_of(settings->minutes)};
    r.total = depth * VIT158_BLOCK_LINEARS;
    if (settings->kind == VIT158_REBUILD_SEQUENTIAL)
        r.total += r.modules * settings->updates;
    else if (settings->kind == VIT158_REBUILD_PARALLEL)
        r.total += settings->updates;
    if (vit158_rebuild_distils(settings))
        r.total += VIT158_DISTIL_UNITS;
    outcome->modules = r.modules;
    const vit158_status status = run_all(&r, error);
    free(r.logits);
    return status;
}
