/* SPDX-License-Identifier: MIT */
#include "compress/ptq_simulate.h"

#include "base/error.h"
#include "compress/uniform.h"
#include "vit158_observe.h"

/* One operand of the block: rows of all tokens. */
static void quantize(const vit158_sight *sight, uint32_t first, uint32_t rows, uint32_t bits,
                     bool by_token, float step, bool low_zero)
{
    float *const x = sight->values + first * sight->ld;
    if (by_token)
        vit158_ptq_round_columns(x, x, rows, sight->tokens, sight->ld, bits, low_zero);
    else
        vit158_uniform_round(x, x, rows * sight->ld,
                             low_zero ? vit158_uniform_unsigned(step, bits)
                                      : vit158_uniform_signed(step, bits));
}

/* Queries, keys and values; a token's own steps are of one head. */
static void quantize_qkv(const vit158_ptq *ptq, const vit158_sight *sight)
{
    const vit158_ptq_block *const block = &ptq->blocks[sight->block];
    const uint32_t bits = block->input_bits[VIT158_PTQ_ATTENTION];
    const uint32_t heads = ptq->model.info.heads, hd = ptq->model.info.dim / heads;
    const float steps[3] = {block->products[VIT158_PTQ_SCORES].steps[0],
                            block->products[VIT158_PTQ_SCORES].steps[1],
                            block->products[VIT158_PTQ_VALUES].steps[1]};
    for (uint32_t head = 0; head < 3 * heads; head++)
        quantize(sight, head * hd, hd, bits, ptq->settings.by_token, steps[head / heads], false);
}

/* Quantizes what is seen as the block's steps and bits say. */
static void quantize_sight(const vit158_ptq *ptq, const vit158_sight *sight)
{
    if (sight->block == VIT158_NO_BLOCK)
        return;
    const vit158_ptq_block *const block = &ptq->blocks[sight->block];
    const bool by_token = ptq->settings.by_token;
    if (sight->site == VIT158_SITE_INPUT)
        quantize(sight, 0, sight->rows, block->input_bits[vit158_ptq_module_of(sight->layer)],
                 by_token, vit158_ptq_input_step(ptq, sight->block, sight->layer), false);
    else if (sight->site == VIT158_SITE_OUTPUT && sight->layer == VIT158_LAYER_QKV)
        quantize_qkv(ptq, sight);
    else if (sight->site == VIT158_SITE_PROBABILITIES)
        quantize(sight, 0, sight->rows, block->input_bits[VIT158_PTQ_ATTENTION], by_token,
                 block->products[VIT158_PTQ_VALUES].steps[0], true);
}

static void see(void *context, const vit158_sight *sight)
{
    const vit158_ptq_simulator *const simulator = context;
    quantize_sight(simulator->ptq, sight);
    if (simulator->see != NULL)
        simulator->see(simulator->context, sight);
}

vit158_status vit158_ptq_simulator_open(vit158_ptq_simulator *simulator, const vit158_ptq *ptq,
                                        vit158_error *error)
{
    *simulator = (vit158_ptq_simulator){.ptq = ptq};
    VIT158_RETURN_IF_ERROR(vit158_session_create(&simulator->session, &ptq->model, NULL, error));
    const vit158_observer observer = {
        see, simulator, VIT158_SITE_INPUT | VIT158_SITE_OUTPUT | VIT158_SITE_PROBABILITIES};
    return vit158_session_observe(simulator->session, &observer, error);
}

void vit158_ptq_simulator_close(vit158_ptq_simulator *simulator)
{
    vit158_session_close(simulator->session);
    *simulator = (vit158_ptq_simulator){0};
}
