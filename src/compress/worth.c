/* SPDX-License-Identifier: MIT */
#include "compress/worth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "compress/arithmetic.h"
#include "compress/part_net.h"
#include "compress/softmax.h"
#include "train/head_rows.h"
#include "train/vit_net.h"

typedef struct measuring {
    const float *streams;
    size_t stride;
    const vit158_train_compute *compute;
    vit158_train_net net;
    float *parameters;
    vit158_train_packed packed;
    vit158_train_workspace *lanes; /* [workers] */
    uint32_t workers, images;
    float *worth;
    void *block; /* owned memory of parameters, packed and lanes */
} measuring;

static void plan(measuring *m, vit158_arena *arena)
{
    m->parameters = vit158_arena_take(arena, m->net.parameters, sizeof(float));
    vit158_train_packed_plan(&m->packed, &m->net, 16, arena);
    for (uint32_t i = 0; i < m->workers; i++)
        vit158_train_workspace_plan(&m->lanes[i], &m->net, 1, true, arena);
}

static vit158_status take_memory(measuring *m, vit158_error *error)
{
    vit158_arena arena = {0};
    m->lanes = calloc(m->workers, sizeof *m->lanes);
    if (m->lanes != NULL) {
        plan(m, &arena);
        m->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    }
    if (m->block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the network's gradients");
    memset(m->block, 0, arena.used);
    arena = vit158_arena_over(m->block, arena.used);
    plan(m, &arena);
    return VIT158_OK;
}

static void pack_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    const measuring *const m = context;
    vit158_train_packed packed = m->packed;
    vit158_train_packed_make(&packed, &m->net, m->compute, task);
}

/* Gradient of the logits of -log p(y). */
static void draw_answer(float *gradient, const float *logits, uint32_t classes, uint64_t seed)
{
    vit158_softmax_logits(gradient, logits, classes);
    vit158_rng rng = vit158_rng_seed(seed);
    float left = vit158_rng_uniform(&rng);
    uint32_t answer = 0;
    for (uint32_t c = 0; c < classes; c++) {
        if (left >= 0)
            answer = c;
        left -= gradient[c];
    }
    gradient[answer] -= 1.0F;
}

/* Lengths of the gradients [d] of an image's first `rows` tokens, over their mean. */
static void take_lengths(float *worth, const measuring *m, const float *gradient, uint32_t rows)
{
    const uint32_t d = m->net.config.dim, tokens = m->net.tokens;
    double total = 0;
    for (uint32_t t = 0; t < rows; t++) {
        double sum = 0;
        for (uint32_t i = 0; i < d; i++) {
            const double g = (double)gradient[(size_t)t * d + i];
            sum += g * g;
        }
        worth[t] = (float)sqrt(sum);
        total += sqrt(sum);
    }
    /* An answer that is certain depends on nothing. */
    const bool known = total > 1e-30 && isfinite(total);
    for (uint32_t t = 0; t < rows; t++)
        worth[t] = known ? (float)((double)worth[t] * tokens / total) : (float)tokens / (float)rows;
}

static float *worth_at(const measuring *m, uint32_t block, uint32_t image)
{
    return m->worth + ((size_t)block * m->images + image) * m->net.tokens;
}

static void measure_image(void *context, uint32_t image, uint32_t worker)
{
    const measuring *const m = context;
    vit158_train_workspace *const w = &m->lanes[worker];
    const uint32_t d = m->net.config.dim, tokens = m->net.tokens, depth = m->net.block_count;
    const vit158_train_pass pass = {
        .net = &m->net, .packed = &m->packed, .compute = m->compute, .workspace = w};
    vit158_train_workspace_whole(w, &m->net, 1);
    memcpy(w->blocks[0].x, m->streams + image * m->stride, (size_t)tokens * d * sizeof(float));
    for (uint32_t b = 0; b < depth; b++)
        vit158_train_block_forward(&pass, b);
    vit158_train_head_forward(&pass);
    draw_answer(w->dlogits, w->logits, m->net.config.classes, image);
    vit158_train_head_backward(&pass);
    for (uint32_t b = depth; b-- > 0;) {
        take_lengths(worth_at(m, b + 1, image), m, w->g, b + 1 == depth ? 1 : tokens);
        vit158_train_block_backward(&pass, b);
    }
    take_lengths(worth_at(m, 0, image), m, w->g, tokens);
}

vit158_status vit158_token_worth(float *worth, const vit158_model *model, const float *streams,
                                 size_t stride, uint32_t images, vit158_pool *pool,
                                 vit158_error *error)
{
    measuring m = {.streams = streams,
                   .stride = stride,
                   .compute = vit158_compress_arithmetic(),
                   .workers = pool->workers,
                   .images = images,
                   .worth = worth};
    vit158_train_net_config config = vit158_part_config(model, 0, model->info.depth);
    config.rounds_inputs = false;
    memset(worth, 0, (size_t)(model->info.depth + 1) * images * model->info.tokens * sizeof *worth);
    vit158_status status = vit158_train_net_create(&m.net, &config, error);
    if (status == VIT158_OK)
        status = take_memory(&m, error);
    if (status == VIT158_OK) {
        vit158_part_parameters(m.parameters, &m.net, model, 0);
        m.packed.parameters = m.parameters;
        pool->run(pool, pack_task, &m, vit158_train_packed_tasks(&m.net));
        pool->run(pool, measure_image, &m, images);
    }
    vit158_train_net_free(&m.net);
    free(m.lanes);
    free(m.block);
    return status;
}
