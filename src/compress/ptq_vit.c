/* SPDX-License-Identifier: MIT */
#include "compress/ptq_vit.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/uniform.h"

/* Copies of all matrices and biases. */
static void plan(vit158_ptq *ptq, vit158_arena *arena)
{
    for (uint32_t block = 0; block < ptq->model.info.depth; block++)
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++) {
            vit158_linear *const linear = vit158_block_linear(&ptq->model.blocks[block], kind);
            const size_t size = (size_t)linear->n_in * linear->n_out;
            float *const weight = vit158_arena_take(arena, size, sizeof *weight);
            float *const bias = vit158_arena_take(arena, linear->n_out, sizeof *bias);
            if (arena->base == NULL)
                continue;
            memcpy(weight, linear->weight, size * sizeof *weight);
            memset(bias, 0, linear->n_out * sizeof *bias);
            if (linear->bias != NULL)
                memcpy(bias, linear->bias, linear->n_out * sizeof *bias);
            linear->weight = weight;
            linear->bias = bias;
        }
}

static vit158_status check_float(const vit158_model *model, vit158_error *error)
{
    for (uint32_t block = 0; block < model->info.depth; block++) {
        if (model->blocks[block].heads * model->info.head_dim != model->info.dim ||
            model->blocks[block].fc1.n_out != model->info.mlp_dim)
            return vit158_fail(
                error, VIT158_E_UNSUPPORTED,
                "PTQ-ViT needs blocks of one size: a pruned model takes other methods");
        for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++)
            if (vit158_block_linear(&model->blocks[block], kind)->encoding != VIT158_ENCODING_F32)
                return vit158_fail(error, VIT158_E_UNSUPPORTED,
                                   "blocks.%u.%s is packed already: start from the float model",
                                   block, vit158_linear_name(kind));
    }
    return VIT158_OK;
}

vit158_status vit158_ptq_create(vit158_ptq *ptq, const vit158_model *model,
                                const vit158_ptq_settings *settings, vit158_error *error)
{
    const uint32_t depth = model->info.depth;
    VIT158_RETURN_IF_ERROR(check_float(model, error));
    *ptq = (vit158_ptq){.settings = *settings, .model = *model};
    ptq->blocks = calloc(depth, sizeof *ptq->blocks);
    ptq->model.blocks = calloc(depth, sizeof *ptq->model.blocks);
    vit158_arena arena = {0};
    if (ptq->blocks != NULL && ptq->model.blocks != NULL) {
        memcpy(ptq->model.blocks, model->blocks, depth * sizeof *model->blocks);
        plan(ptq, &arena);
        ptq->memory = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    }
    if (ptq->memory == NULL) {
        vit158_ptq_free(ptq);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a copy of the model");
    }
    arena = vit158_arena_over(ptq->memory, arena.used);
    plan(ptq, &arena);
    for (uint32_t block = 0; block < depth; block++)
        for (uint32_t module = 0; module < VIT158_PTQ_MODULES; module++) {
            ptq->blocks[block].weight_bits[module] = settings->weight_bits;
            ptq->blocks[block].input_bits[module] = settings->input_bits;
        }
    return VIT158_OK;
}

void vit158_ptq_free(vit158_ptq *ptq)
{
    free(ptq->blocks);
    free(ptq->model.blocks);
    free(ptq->memory);
    *ptq = (vit158_ptq){0};
}

float vit158_ptq_weight_step(const vit158_ptq *ptq, uint32_t block, uint32_t kind, uint32_t o)
{
    const vit158_ptq_found *const found = &ptq->blocks[block].products[kind];
    const vit158_linear *const linear = vit158_block_linear(&ptq->model.blocks[block], kind);
    return found->steps[kind == VIT158_QKV ? o / (linear->n_out / 3) : 0];
}

float vit158_ptq_input_step(const vit158_ptq *ptq, uint32_t block, uint32_t kind)
{
    if (ptq->settings.by_token)
        return 0;
    return ptq->blocks[block].products[kind].steps[kind == VIT158_QKV ? 3 : 1];
}

/* ---- Bias correction ------------------------------------------------------------------------ */

/* Means over all tokens of all images of an input and of its quantized twin. */
static void find_means(const vit158_ptq *ptq, const vit158_capture *c, uint32_t block,
                       uint32_t kind, uint32_t n_in, double *mean, double *quantized,
                       float *scratch)
{
    const uint32_t bits = ptq->blocks[block].input_bits[vit158_ptq_module_of(kind)];
    const float step = vit158_ptq_input_step(ptq, block, kind);
    const double share = 1 / ((double)c->images * c->tokens);
    for (uint32_t image = 0; image < c->images; image++) {
        const float *const x = c->at[image].input[kind];
        if (step > 0)
            vit158_uniform_round(scratch, x, n_in * c->ld, vit158_uniform_signed(step, bits));
        else
            vit158_ptq_round_columns(scratch, x, n_in, c->tokens, c->ld, bits, false);
        for (uint32_t i = 0; i < n_in; i++) {
            double sum = 0, rounded = 0;
            for (uint32_t t = 0; t < c->tokens; t++) {
                sum += (double)x[i * c->ld + t];
                rounded += (double)scratch[i * c->ld + t];
            }
            mean[i] += sum * share;
            quantized[i] += rounded * share;
        }
    }
}

/* b_o becomes b_o - E[y^_o - y_o]: y = W x, so means of x are enough. */
static vit158_status correct_bias(vit158_ptq *ptq, const vit158_capture *c, uint32_t block,
                                  uint32_t kind, vit158_error *error)
{
    const vit158_linear *const before = vit158_block_linear(&c->model->blocks[block], kind);
    vit158_linear *const after = vit158_block_linear(&ptq->model.blocks[block], kind);
    const uint32_t n = before->n_in;
    const float *const w = before->weight, *const v = after->weight;
    float *const bias = (float *)after->bias; /* in ptq->memory */
    double *const means = calloc((size_t)2 * n, sizeof *means);
    float *const scratch = calloc(n * c->ld, sizeof *scratch);
    vit158_status status = VIT158_OK;
    if (means != NULL && scratch != NULL) {
        find_means(ptq, c, block, kind, n, means, means + n, scratch);
        for (size_t o = 0; o < before->n_out; o++) {
            double excess = 0;
            for (uint32_t i = 0; i < n; i++)
                excess += (double)v[o * n + i] * means[n + i] - (double)w[o * n + i] * means[i];
            bias[o] = (before->bias != NULL ? before->bias[o] : 0.0F) - (float)excess;
        }
    } else {
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to correct biases");
    }
    free(means);
    free(scratch);
    return status;
}

/* ---- A block -------------------------------------------------------------------------------- */

static vit158_status measure_held(vit158_ptq *ptq, const vit158_capture *held, uint32_t block,
                                  uint32_t kind, const float *first, vit158_error *error)
{
    vit158_ptq_block *const at = &ptq->blocks[block];
    const uint32_t module = vit158_ptq_module_of(kind);
    vit158_ptq_product product;
    VIT158_RETURN_IF_ERROR(vit158_ptq_product_create(&product, held, block, kind, &ptq->settings,
                                                     at->weight_bits[module],
                                                     at->input_bits[module], error));
    at->products[kind].held_first = vit158_ptq_measure(&product, first);
    at->products[kind].held_last = vit158_ptq_measure(&product, at->products[kind].steps);
    vit158_ptq_product_free(&product);
    return VIT158_OK;
}

static vit158_status find_product(vit158_ptq *ptq, const vit158_capture *capture,
                                  const vit158_capture *held, uint32_t block, uint32_t kind,
                                  vit158_error *error)
{
    vit158_ptq_block *const at = &ptq->blocks[block];
    const uint32_t module = vit158_ptq_module_of(kind);
    vit158_ptq_found *const found = &at->products[kind];
    float first[VIT158_SEARCHED_STEPS] = {0};
    vit158_ptq_product product;
    *found = (vit158_ptq_found){0};
    VIT158_RETURN_IF_ERROR(vit158_ptq_product_create(&product, capture, block, kind, &ptq->settings,
                                                     at->weight_bits[module],
                                                     at->input_bits[module], error));
    vit158_ptq_first_steps(&product, first);
    memcpy(found->steps, first, sizeof first);
    found->count = product.steps;
    found->first = vit158_ptq_measure(&product, first);
    found->rounds = vit158_ptq_search(&product, found->steps, NULL);
    found->last = vit158_ptq_measure(&product, found->steps);
    if (product.linear != NULL) /* quantized by the final steps */
        memcpy((float *)vit158_block_linear(&ptq->model.blocks[block], kind)->weight,
               product.weight, (size_t)product.linear->n_in * product.n_out * sizeof(float));
    vit158_ptq_product_free(&product);
    return held != NULL ? measure_held(ptq, held, block, kind, first, error) : VIT158_OK;
}

vit158_status vit158_ptq_find_block(vit158_ptq *ptq, const vit158_capture *capture,
                                    const vit158_capture *held, uint32_t block, vit158_error *error)
{
    for (uint32_t kind = 0; kind < VIT158_PTQ_PRODUCTS; kind++)
        VIT158_RETURN_IF_ERROR(find_product(ptq, capture, held, block, kind, error));
    for (uint32_t kind = 0; ptq->settings.correct_bias && kind < VIT158_BLOCK_LINEARS; kind++)
        VIT158_RETURN_IF_ERROR(correct_bias(ptq, capture, block, kind, error));
    return VIT158_OK;
}
