/* SPDX-License-Identifier: MIT */
#include "compress/capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "vit158_observe.h"

/* Steps of a session: embed, then two a block. */
#define FIRST_STEP(block) (1 + 2 * (block))

/* One worker's session, and the image that it is at. */
typedef struct vit158_seer {
    vit158_capture *capture;
    vit158_session *session;
    uint32_t image;
    vit158_error failure;
} vit158_seer;

static void copy_rows(float *to, size_t ld, const float *from, size_t from_ld, uint32_t rows,
                      uint32_t count)
{
    for (uint32_t r = 0; r < rows; r++)
        memcpy(to + r * ld, from + r * from_ld, count * sizeof *to);
}

static void sample_rows(const vit158_capture *c, float *to, const float *from, size_t from_ld,
                        uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t s = 0; s < c->sampled; s++)
            to[r * c->lds + s] = from[r * from_ld + vit158_capture_token(c, s)];
}

static float largest_of(const float *x, size_t ld, uint32_t rows, uint32_t count)
{
    float largest = 0;
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < count; i++)
            largest = fmaxf(largest, fabsf(x[r * ld + i]));
    return largest;
}

static void see(void *context, const vit158_sight *sight)
{
    const vit158_seer *const seer = context;
    const vit158_capture *const c = seer->capture;
    vit158_captured *const to = &c->at[seer->image];
    const uint32_t d = c->model->info.dim;
    if (sight->block == VIT158_NO_BLOCK)
        return;
    if (sight->site == VIT158_SITE_INPUT) {
        copy_rows(to->input[sight->layer], c->ld, sight->values, sight->ld, sight->rows, c->tokens);
        sample_rows(c, to->sampled[sight->layer], sight->values, sight->ld, sight->rows);
    } else if (sight->site == VIT158_SITE_OUTPUT && sight->layer == VIT158_LAYER_QKV) {
        sample_rows(c, to->qk, sight->values, sight->ld, 2 * d);
        copy_rows(to->v, c->ld, sight->values + 2 * d * sight->ld, sight->ld, d, c->tokens);
        for (uint32_t i = 0; i < 2; i++)
            to->largest[i] = largest_of(sight->values + i * d * sight->ld, sight->ld, d, c->tokens);
    } else if (sight->site == VIT158_SITE_PROBABILITIES) {
        sample_rows(c, to->probabilities + (size_t)sight->head * c->tokens * c->lds, sight->values,
                    sight->ld, c->tokens);
        const float largest = largest_of(sight->values, sight->ld, c->tokens, c->tokens);
        to->largest[2] = sight->head == 0 ? largest : fmaxf(to->largest[2], largest);
    }
}

static float *take(vit158_arena *arena, size_t rows, size_t ld)
{
    return vit158_arena_take(arena, rows * ld, sizeof(float));
}

static void plan(vit158_capture *c, vit158_arena *arena)
{
    const vit158_model_info *const info = &c->model->info;
    const uint32_t widths[VIT158_BLOCK_LINEARS] = {info->dim, info->dim, info->dim, info->mlp_dim};
    for (uint32_t i = 0; i < c->images; i++) {
        vit158_captured at;
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++) {
            at.input[kind] = take(arena, widths[kind], c->ld);
            at.sampled[kind] = take(arena, widths[kind], c->lds);
        }
        at.qk = take(arena, (size_t)2 * info->dim, c->lds);
        at.v = take(arena, info->dim, c->ld);
        at.probabilities = take(arena, (size_t)info->heads * c->tokens, c->lds);
        if (arena->base != NULL)
            c->at[i] = at;
    }
}

static vit158_status take_memory(vit158_capture *c, vit158_error *error)
{
    vit158_arena arena = {0};
    c->at = calloc((size_t)c->images + 1, sizeof *c->at);
    c->seers = calloc(c->pool->workers, sizeof *c->seers);
    plan(c, &arena);
    c->memory = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used + 64);
    if (c->at == NULL || c->seers == NULL || c->memory == NULL)
        return vit158_fail(error, VIT158_E_MEMORY,
                           "not enough memory for a block's activations of %u images", c->images);
    memset(c->memory, 0, arena.used);
    arena = vit158_arena_over(c->memory, arena.used);
    plan(c, &arena);
    return VIT158_OK;
}

static vit158_status open_sessions(vit158_capture *c, vit158_error *error)
{
    for (uint32_t i = 0; i < c->pool->workers; i++) {
        vit158_seer *const seer = &c->seers[i];
        seer->capture = c;
        VIT158_RETURN_IF_ERROR(vit158_session_create(&seer->session, c->model, NULL, error));
        const vit158_observer observer = {
            see, seer, VIT158_SITE_INPUT | VIT158_SITE_OUTPUT | VIT158_SITE_PROBABILITIES};
        VIT158_RETURN_IF_ERROR(vit158_session_observe(seer->session, &observer, error));
    }
    return VIT158_OK;
}

vit158_status vit158_capture_create(vit158_capture *c, const vit158_model *model, vit158_pool *pool,
                                    const vit158_streams *streams, uint32_t first, uint32_t images,
                                    vit158_error *error)
{
    const uint32_t tokens = model->info.tokens;
    const uint32_t sampled = tokens < VIT158_SAMPLED_TOKENS ? tokens : VIT158_SAMPLED_TOKENS;
    *c = (vit158_capture){.model = model,
                          .pool = pool,
                          .images = images,
                          .tokens = tokens,
                          .sampled = sampled,
                          .ld = vit158_train_round_up(tokens, 16),
                          .lds = vit158_train_round_up(sampled, 16)};
    vit158_status status = vit158_streams_create(&c->streams, model, images, error);
    if (status == VIT158_OK) {
        memcpy(c->streams.values, streams->values + first * streams->stride,
               images * streams->stride * sizeof *streams->values);
        status = take_memory(c, error);
    }
    if (status == VIT158_OK)
        status = open_sessions(c, error);
    if (status != VIT158_OK)
        vit158_capture_free(c);
    return status;
}

void vit158_capture_free(vit158_capture *c)
{
    for (uint32_t i = 0; c->seers != NULL && i < c->pool->workers; i++)
        vit158_session_close(c->seers[i].session);
    vit158_streams_free(&c->streams);
    free(c->at);
    free(c->seers);
    free(c->memory);
    *c = (vit158_capture){0};
}

typedef struct taking {
    vit158_capture *capture;
    uint32_t block;
} taking;

static void take_image(void *context, uint32_t image, uint32_t worker)
{
    const taking *const t = context;
    vit158_capture *const c = t->capture;
    vit158_seer *const seer = &c->seers[worker];
    float *const stream = c->streams.values + image * c->streams.stride;
    vit158_error error;
    seer->image = image;
    vit158_status status = vit158_session_start_at(seer->session, FIRST_STEP(t->block), stream,
                                                   c->streams.stride, &error);
    if (status == VIT158_OK)
        status = vit158_session_run_until(seer->session, FIRST_STEP(t->block + 1), &error);
    if (status == VIT158_OK)
        status = vit158_session_copy_hidden(seer->session, stream, c->streams.stride, &error);
    if (status != VIT158_OK)
        seer->failure = error;
}

vit158_status vit158_capture_block(vit158_capture *c, uint32_t block, vit158_error *error)
{
    taking t = {c, block};
    c->pool->run(c->pool, take_image, &t, c->images);
    for (uint32_t i = 0; i < c->pool->workers; i++)
        if (c->seers[i].failure.status != VIT158_OK)
            return vit158_fail(error, c->seers[i].failure.status, "block %u: %s", block,
                               c->seers[i].failure.message);
    return VIT158_OK;
}
