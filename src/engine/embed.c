/* SPDX-License-Identifier: MIT
 *
 * Patch embedding as a product over patch columns, then the class token and the positions:
 * x[c][t] = (W patch_t + b)[c] + pos[t][c], x[c][0] = cls[c] + pos[0][c].
 */
#include "engine/linear.h"

void vit158_embed(vit158_forward *f)
{
    const vit158_model *m = f->model;
    const uint32_t d = m->info.dim;
    const uint32_t n = f->n_tokens;
    const vit158_patches patches = {.columns = f->wide,
                                    .image = f->tensor,
                                    .ld = f->ld,
                                    .channels = m->info.channels,
                                    .side = m->info.image_size,
                                    .patch = m->info.patch_size};
    f->kernels->patches(&patches);
    vit158_linear_apply(f, &m->patch, (vit158_prepared){.x = f->wide}, f->x, VIT158_STORE,
                        (vit158_part){n, 0, d});
    for (uint32_t c = 0; c < d; c++) {
        float *row = f->x + (size_t)c * f->ld;
        row[0] = m->cls[c];
        for (uint32_t t = 0; t < n; t++)
            row[t] += m->pos[(size_t)t * d + c];
    }
}
