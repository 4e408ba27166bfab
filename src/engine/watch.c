/* SPDX-License-Identifier: MIT */
#include "engine/watch.h"

void vit158_watch_plan(vit158_watch *watch, vit158_arena *arena, const vit158_forward *f)
{
    const vit158_model_info *info = &f->model->info;
    const uint32_t sites = watch->observer.sites;
    const size_t widest = info->dim > info->mlp_dim ? info->dim : info->mlp_dim;
    const size_t row = f->ld * sizeof(float);
    if ((sites & VIT158_SITE_INPUT) != 0)
        watch->input = vit158_arena_take(arena, widest, row);
    if ((sites & VIT158_SITE_OUTPUT) != 0)
        watch->output = vit158_arena_take(arena, widest, row);
    if ((sites & (VIT158_SITE_SCORES | VIT158_SITE_PROBABILITIES)) != 0) {
        const uint32_t n = f->program.max_tokens;
        watch->scores = vit158_arena_take(arena, n, row);
        watch->pairs = vit158_arena_take(arena, (n + 1) / 2, f->ld * 2 * sizeof(int16_t));
        watch->steps = vit158_arena_take(arena, 1, row);
    }
}

void vit158_watch_show(const vit158_forward *f, vit158_sight sight)
{
    sight.step = f->next_step;
    f->watch->observer.see(f->watch->observer.context, &sight);
}

void vit158_watch_layer(const vit158_forward *f, vit158_site site, const vit158_linear *layer,
                        float *values, uint32_t tokens, size_t ld)
{
    if (vit158_watches(f, site))
        vit158_watch_show(
            f, (vit158_sight){.site = site,
                              .layer = layer->layer,
                              .block = layer->block,
                              .rows = site == VIT158_SITE_INPUT ? layer->n_in : layer->n_out,
                              .tokens = tokens,
                              .ld = ld,
                              .values = values});
}
