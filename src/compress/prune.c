/* SPDX-License-Identifier: MIT */
#include "compress/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/sizes.h"
#include "compress/prune_layer.h"

/* Images that say which blocks' heads go. */
#define SCORING_IMAGES 128U

vit158_prune_settings vit158_prune_defaults(void)
{
    return (vit158_prune_settings){.damping = 0.3F};
}

uint32_t vit158_prune_kept(uint32_t mlp, double share)
{
    const uint32_t kept = (uint32_t)((1 - share) * mlp + 0.5);
    const uint32_t units = vit158_pieces(kept, VIT158_PRUNE_UNIT);
    return vit158_smaller((units > 0 ? units : 1) * VIT158_PRUNE_UNIT, mlp);
}

vit158_status vit158_prune_check(const vit158_model *model, vit158_error *error)
{
    const char *const beyond = vit158_variant_beyond_plain(&model->variant, true);
    if (beyond != NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "a model that %s is not pruned", beyond);
    for (uint32_t i = 0; i < model->info.depth; i++)
        if (model->blocks[i].proj.norm.weight != NULL || model->blocks[i].fc2.norm.weight != NULL)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "a model with norms before proj and fc2 is not pruned: what is left "
                               "out would change their statistics");
    return VIT158_OK;
}

/* ---- Memory ---- */

static vit158_status create_blocks(vit158_prune_result *result, const vit158_model *model,
                                   vit158_error *error)
{
    const vit158_model_info *const info = &model->info;
    result->blocks = calloc(info->depth, sizeof *result->blocks);
    result->depth = info->depth;
    for (uint32_t i = 0; result->blocks != NULL && i < info->depth; i++) {
        vit158_pruned_block *const b = &result->blocks[i];
        b->kept_heads = b->heads_before = model->blocks[i].heads;
        b->kept_channels = b->channels_before = model->blocks[i].fc1.n_out;
        b->heads = malloc(b->kept_heads * sizeof *b->heads);
        b->channels = malloc(b->kept_channels * sizeof *b->channels);
        if (b->heads == NULL || b->channels == NULL)
            return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune");
        memset(b->heads, true, b->kept_heads * sizeof *b->heads);
        memset(b->channels, true, b->kept_channels * sizeof *b->channels);
    }
    return result->blocks != NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune");
}

void vit158_prune_result_free(vit158_prune_result *result)
{
    for (uint32_t i = 0; result->blocks != NULL && i < result->depth; i++) {
        vit158_pruned_block *const b = &result->blocks[i];
        free(b->heads);
        free(b->channels);
        free(b->proj);
        free(b->fc2);
        free(b->proj_bias);
        free(b->fc2_bias);
    }
    free(result->blocks);
    *result = (vit158_prune_result){0};
}

/* Teacher and student of the same float matrices, on the first `images`. */
static vit158_status start_networks(vit158_quantizer *q, const vit158_prune_job *job,
                                    uint32_t images, vit158_error *error)
{
    vit158_streams streams = job->images->known; /* a view of the first ones */
    streams.images = images;
    vit158_quantizer_settings settings = vit158_quantizer_defaults();
    settings.free_bias = job->settings.score == VIT158_PRUNE_OBS;
    const vit158_quantizer_start start = {.teacher = job->model,
                                          .student = job->model,
                                          .known = &streams,
                                          .rounded = &streams,
                                          .learned = vit158_smaller(job->learned, images),
                                          .rows = 1,
                                          .settings = settings,
                                          .pool = job->pool};
    VIT158_RETURN_IF_ERROR(vit158_quantizer_create(q, &start, error));
    for (uint32_t i = 0; i < job->model->info.depth * VIT158_BLOCK_LINEARS; i++)
        q->student.layers[i].rounds = false;
    return VIT158_OK;
}

/* ---- Heads of all blocks ---- */

typedef struct run {
    vit158_prune_result *result;
    const vit158_prune_job *job;
    uint32_t done, total; /* layers */
} run;

static vit158_status report(run *r, vit158_error *error)
{
    r->done++;
    if (r->job->progress != NULL && r->job->progress(r->job->context, 1000 * r->done / r->total))
        return vit158_fail(error, VIT158_E_ABORTED, "interrupted; nothing was written");
    return VIT158_OK;
}

/* What leaving out one head more costs, [depth][heads], block by block in the order in which they
 * would go. */
static vit158_status score_heads(run *r, double *costs, vit158_error *error)
{
    vit158_quantizer q;
    const vit158_prune_job *const job = r->job;
    VIT158_RETURN_IF_ERROR(
        start_networks(&q, job, vit158_smaller(job->images->known.images, SCORING_IMAGES), error));
    vit158_status status = VIT158_OK;
    for (uint32_t i = 0; i < job->model->info.depth && status == VIT158_OK; i++) {
        vit158_layer_at at = {.q = &q, .block = i, .kind = VIT158_PROJ};
        status =
            vit158_prune_head_costs(costs + i * job->model->info.heads, &at, &job->settings, error);
        for (at.kind = VIT158_PROJ; at.kind <= VIT158_FC2; at.kind += VIT158_FC2 - VIT158_PROJ)
            vit158_layer_advance(&at);
        if (status == VIT158_OK)
            status = report(r, error);
    }
    vit158_quantizer_free(&q);
    return status;
}

/* How many heads of each block stay: the cheapest of all go, one after the other. */
static void share_heads(vit158_prune_result *result, const vit158_model *model, const double *costs,
                        uint32_t count)
{
    const uint32_t most = model->info.heads;
    for (; count > 0; count--) {
        double least = 0;
        vit158_pruned_block *chosen = NULL;
        for (uint32_t i = 0; i < result->depth; i++) {
            vit158_pruned_block *const b = &result->blocks[i];
            const uint32_t gone = model->blocks[i].heads - b->kept_heads;
            if (b->kept_heads > 1 && (chosen == NULL || costs[i * most + gone] < least)) {
                least = costs[i * most + gone];
                chosen = b;
            }
        }
        chosen->kept_heads--;
        result->removed_heads++;
    }
}

static vit158_status choose_heads(run *r, vit158_error *error)
{
    const vit158_model *const model = r->job->model;
    uint32_t spare = 0;
    for (uint32_t i = 0; i < model->info.depth; i++)
        spare += model->blocks[i].heads - 1;
    if (r->job->settings.heads > spare)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%u heads are to go, but each block keeps one: at most %u can",
                           r->job->settings.heads, spare);
    if (r->job->settings.heads == 0)
        return VIT158_OK;
    double *const costs = calloc((size_t)model->info.depth * model->info.heads, sizeof *costs);
    if (costs == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to prune");
    const vit158_status status = score_heads(r, costs, error);
    if (status == VIT158_OK)
        share_heads(r->result, model, costs, r->job->settings.heads);
    free(costs);
    return status;
}

/* ---- All layers ---- */

static vit158_status prune_layers(run *r, vit158_quantizer *q, vit158_error *error)
{
    const vit158_prune_job *const job = r->job;
    bool changed = false;
    for (uint32_t i = 0; i < r->result->depth; i++) {
        vit158_pruned_block *const b = &r->result->blocks[i];
        b->kept_channels = vit158_prune_kept(b->kept_channels, job->settings.mlp_share);
        for (uint32_t half = 0; half < 2; half++) {
            vit158_layer_at at = {.q = q, .block = i, .kind = half == 0 ? VIT158_PROJ : VIT158_FC2};
            VIT158_RETURN_IF_ERROR(vit158_prune_layer(b, &at, &job->settings, &changed, error));
            vit158_layer_advance(&at);
            VIT158_RETURN_IF_ERROR(report(r, error));
        }
    }
    return vit158_nearness_judge(&r->result->learned, &r->result->held, q, error);
}

vit158_status vit158_prune_run(vit158_prune_result *result, const vit158_prune_job *job,
                               vit158_error *error)
{
    const double start_ms = vit158_now_ms();
    const uint32_t depth = job->model->info.depth;
    run r = {.result = result, .job = job, .total = (job->settings.heads > 0 ? 3 : 2) * depth};
    *result = (vit158_prune_result){0};
    VIT158_RETURN_IF_ERROR(vit158_prune_check(job->model, error));
    VIT158_RETURN_IF_ERROR(create_blocks(result, job->model, error));
    VIT158_RETURN_IF_ERROR(choose_heads(&r, error));
    vit158_quantizer q;
    VIT158_RETURN_IF_ERROR(start_networks(&q, job, job->images->known.images, error));
    const vit158_status status = prune_layers(&r, &q, error);
    vit158_quantizer_free(&q);
    result->seconds = (vit158_now_ms() - start_ms) / 1000;
    return status;
}
