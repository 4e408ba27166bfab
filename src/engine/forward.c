/* SPDX-License-Identifier: MIT */
#include "engine/forward.h"

#include <assert.h>

#include "base/error.h"
#include "base/numerics.h"

uint32_t vit158_forward_step_count(const vit158_forward *f)
{
    return 2 * f->model->info.depth + 2;
}

static vit158_status check_logits(const vit158_forward *f, vit158_error *error)
{
    for (uint32_t c = 0; c < f->model->info.classes; c++)
        if (!vit158_is_finite(f->logits[c]))
            return vit158_fail(error, VIT158_E_NUMERIC,
                               "the logit of class %u is not a finite number: the model's weights "
                               "overflow on this input",
                               c);
    return VIT158_OK;
}

vit158_status vit158_forward_step(vit158_forward *f, vit158_error *error)
{
    const uint32_t step = f->next_step;
    const uint32_t last = vit158_forward_step_count(f) - 1;
    assert(step <= last);
    f->next_step++;
    if (step == 0) {
        vit158_embed(f);
    } else if (step == last) {
        vit158_head(f);
        return check_logits(f, error);
    } else if (step % 2 == 1) {
        vit158_attention_half(f, (step - 1) / 2);
    } else {
        vit158_mlp_half(f, (step - 1) / 2);
    }
    return VIT158_OK;
}
