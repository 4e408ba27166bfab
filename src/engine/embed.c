/* SPDX-License-Identifier: MIT
 *
 * Patch embedding as a product over patch columns, then the P tokens before the patches and the
 * positions: x[c][P + p] = (W patch_p + b)[c] + pos[P + p][c], x[c][t] = cls[t][c] + pos[t][c].
 * Some models normalise all of them before the first block.
 */
#include <string.h>

#include "base/sizes.h"
#include "engine/linear.h"
#include "engine/steps.h"
#include "engine/watch.h"

/* Channels of a task: a cache line of a position. */
enum { TASK_CHANNELS = 16 };

typedef struct positions_job {
    const vit158_forward *f;
    uint32_t tokens;
} positions_job;

static void add_positions(void *context, uint32_t task, uint32_t worker)
{
    const positions_job *job = context;
    const vit158_forward *f = job->f;
    const vit158_model *m = f->model;
    const uint32_t d = m->info.dim;
    const uint32_t c0 = task * TASK_CHANNELS;
    const uint32_t c1 = d - c0 < TASK_CHANNELS ? d : c0 + TASK_CHANNELS;
    (void)worker;
    for (uint32_t t = 0; t < m->info.prefix_tokens; t++)
        for (uint32_t c = c0; c < c1; c++)
            f->x[(size_t)c * f->ld + t] = m->cls[(size_t)t * d + c];
    for (uint32_t t = 0; t < job->tokens; t++)
        for (uint32_t c = c0; c < c1; c++)
            f->x[(size_t)c * f->ld + t] += m->pos[(size_t)t * d + c];
}

typedef struct patches_job {
    const vit158_forward *f;
    vit158_patches patches;
} patches_job;

/* One line of the patches. */
static void patches_task(void *context, uint32_t task, uint32_t worker)
{
    const patches_job *job = context;
    (void)worker;
    job->f->kernels->patches(&job->patches, task, task + 1);
}

void vit158_embed(vit158_forward *f, const vit158_step *step)
{
    const vit158_model *m = f->model;
    const uint32_t d = m->info.dim;
    patches_job job = {.f = f,
                       .patches = {.columns = f->wide,
                                   .image = f->tensor,
                                   .ld = f->ld,
                                   .channels = m->info.channels,
                                   .side = m->info.image_size,
                                   .patch = m->info.patch_size,
                                   .first = m->info.prefix_tokens}};
    f->pool->run(f->pool, patches_task, &job, m->info.channels * m->info.patch_size);
    vit158_watch_layer(f, VIT158_SITE_INPUT, &m->patch, f->wide, step->tokens_out, f->ld);
    vit158_linear_apply(f, &m->patch, (vit158_prepared){.x = f->wide}, f->x, VIT158_STORE,
                        (vit158_part){step->tokens_out, 0, d});
    positions_job positions = {.f = f, .tokens = step->tokens_out};
    f->pool->run(f->pool, add_positions, &positions, vit158_pieces(d, TASK_CHANNELS));
    if (m->norm_pre.weight != NULL) {
        vit158_normalise(f, f->normed, f->x, m->norm_pre, d, step->tokens_out);
        memcpy(f->x, f->normed, d * f->ld * sizeof *f->x);
    }
}
