/* SPDX-License-Identifier: MIT */
#include "engine/forward.h"

#include <assert.h>

#include "base/error.h"
#include "base/numerics.h"
#include "engine/watch.h"

static vit158_status check_results(const vit158_forward *f, vit158_error *error)
{
    for (uint32_t i = 0; f->model->variant.headless && i < f->model->info.embedding; i++)
        if (!vit158_is_finite(f->embedding[i]))
            return vit158_fail(error, VIT158_E_NUMERIC,
                               "value %u of the embedding is not a finite number: the model's "
                               "weights overflow on this input",
                               i);
    for (uint32_t c = 0; c < f->model->info.classes; c++)
        if (!vit158_is_finite(f->logits[c]))
            return vit158_fail(error, VIT158_E_NUMERIC,
                               "the logit of class %u is not a finite number: the model's weights "
                               "overflow on this input",
                               c);
    return VIT158_OK;
}

void vit158_forward_start(vit158_forward *f, uint32_t first)
{
    f->next_step = first;
    f->log_sizes = NULL;
    for (uint32_t t = 0; t < f->ld; t++)
        f->sizes[t] = 1.0F;
}

vit158_status vit158_forward_step(vit158_forward *f, vit158_error *error)
{
    assert(f->next_step < f->program.count);
    const vit158_step *step = &f->program.steps[f->next_step];
    vit158_program_run_step(f, step);
    if (step->kind == VIT158_STEP_HEAD) {
        f->next_step++;
        return check_results(f, error);
    }
    if (vit158_watches(f, VIT158_SITE_RESIDUAL))
        vit158_watch_show(f, (vit158_sight){.site = VIT158_SITE_RESIDUAL,
                                            .block = step->block,
                                            .rows = f->model->info.dim,
                                            .tokens = step->tokens_out,
                                            .ld = f->ld,
                                            .values = f->x});
    f->next_step++;
    return VIT158_OK;
}
