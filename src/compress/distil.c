/* SPDX-License-Identifier: MIT */
#include "compress/distil.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/sizes.h"
#include "compress/module.h"

/* How often the held-out images are asked. */
#define LOOKS 12U

typedef struct distillation {
    vit158_rebuild *r;
    vit158_module module;
    vit158_fresh_views views; /* zeros without a reader */
    float *kept;              /* what was best so far */
    double best;              /* divergence of held-out images then */
} distillation;

static uint32_t held_count(const vit158_rebuild *r)
{
    return r->q->known.images - r->q->learned;
}

/* Mean divergence of the held-out images; the last batch is filled up with the first of them. */
static double look(distillation *d)
{
    vit158_rebuild *const r = d->r;
    const uint32_t held = held_count(r);
    const uint32_t batches = vit158_pieces(held, VIT158_MODULE_BATCH);
    vit158_module_example batch[VIT158_MODULE_BATCH];
    double sum = 0;
    for (uint32_t b = 0; b < batches; b++) {
        for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++) {
            const size_t image = r->q->learned + (b * VIT158_MODULE_BATCH + i) % held;
            batch[i] = (vit158_module_example){
                r->start->rounded->values + image * r->q->known.stride, r->logits + image * r->ld};
        }
        sum += vit158_module_step(&d->module, r->q->pool, batch, 0, 1);
    }
    return sum / batches;
}

static void keep_if_best(distillation *d)
{
    const double now = look(d);
    if (!(now < d->best))
        return;
    d->best = now;
    d->r->outcome->kept = d->r->outcome->distilled;
    vit158_module_keep(&d->module, d->kept);
}

/* Images drawn with replacement: fresh views of them, or as they were embedded. */
static vit158_status draw(distillation *d, vit158_rng *rng,
                          vit158_module_example batch[VIT158_MODULE_BATCH], vit158_error *error)
{
    const vit158_rebuild *const r = d->r;
    uint32_t images[VIT158_MODULE_BATCH];
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++)
        images[i] = vit158_rng_below(rng, r->q->learned);
    if (d->views.reader != NULL)
        VIT158_RETURN_IF_ERROR(
            vit158_fresh_views_draw(&d->views, images, vit158_rng_next(rng), error));
    for (uint32_t i = 0; i < VIT158_MODULE_BATCH; i++)
        batch[i] = d->views.reader != NULL
                       ? (vit158_module_example){d->views.inputs + i * d->views.stride,
                                                 d->views.targets + i * d->views.classes}
                       : (vit158_module_example){r->start->rounded->values +
                                                     images[i] * r->q->known.stride,
                                                 r->logits + images[i] * r->ld};
    return VIT158_OK;
}

/* How much of the stage is over: 1 at its end. */
static double share_done(const vit158_rebuild *r, double start_ms)
{
    const vit158_rebuild_settings *const s = r->settings;
    return s->distil_updates > 0 ? (double)r->outcome->distilled / s->distil_updates
                                 : (vit158_now_ms() - start_ms) / (60e3 * s->distil_minutes);
}

static vit158_status train(distillation *d, vit158_error *error)
{
    vit158_rebuild *const r = d->r;
    const double start = vit158_now_ms();
    const bool looks = held_count(r) > 0;
    vit158_rng rng = vit158_rng_seed(r->settings->seed * 1000 + 999);
    vit158_module_example batch[VIT158_MODULE_BATCH];
    uint32_t said = 0, looked = 0;
    for (double share = 0; share < 1; share = share_done(r, start)) {
        if (looks && share * LOOKS >= looked) {
            keep_if_best(d);
            looked++;
        }
        VIT158_RETURN_IF_ERROR(draw(d, &rng, batch, error));
        (void)vit158_module_step(&d->module, r->q->pool, batch,
                                 r->settings->rate * (float)(1 - share), ++r->outcome->distilled);
        const uint32_t reached = (uint32_t)(share * VIT158_DISTIL_UNITS);
        VIT158_RETURN_IF_ERROR(vit158_rebuild_report(r, reached - said, error));
        said = reached;
    }
    if (looks) {
        keep_if_best(d);
        vit158_module_go_back(&d->module, d->kept);
    } else {
        r->outcome->kept = r->outcome->distilled;
    }
    return vit158_rebuild_report(r, VIT158_DISTIL_UNITS - said, error);
}

static vit158_status begin(distillation *d, vit158_error *error)
{
    vit158_rebuild *const r = d->r;
    vit158_quantizer *const q = r->q;
    VIT158_RETURN_IF_ERROR(vit158_module_create(&d->module, q, 0, q->model->info.depth, 1, error));
    d->kept = malloc(vit158_module_size(&d->module) * sizeof *d->kept);
    if (d->kept == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to distil");
    VIT158_RETURN_IF_ERROR(vit158_rebuild_logits(r, error));
    return r->settings->reader != NULL
               ? vit158_fresh_views_create(&d->views, r->settings->reader, r->start->teacher,
                                           r->start->student, q->pool, VIT158_MODULE_BATCH, error)
               : VIT158_OK;
}

vit158_status vit158_distil(vit158_rebuild *r, vit158_error *error)
{
    distillation d = {.r = r, .best = INFINITY};
    vit158_status status = begin(&d, error);
    if (status == VIT158_OK)
        status = train(&d, error);
    if (status == VIT158_OK) {
        vit158_module_finish(&d.module);
        vit158_rebuild_advance(r->q, r->start->rounded->values, 0, r->q->model->info.depth);
    }
    vit158_fresh_views_free(&d.views);
    vit158_module_free(&d.module);
    free(d.kept);
    return status;
}
