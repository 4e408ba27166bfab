/* SPDX-License-Identifier: MIT */
#include "engine/linear.h"

#include <assert.h>

/* Tokens a norm task handles: few enough to share out, enough to amortise the call. */
#define NORM_TASK_TOKENS (2 * VIT158_NORM_TOKENS)

static uint32_t divide_up(uint32_t n, uint32_t by)
{
    return (n + by - 1) / by;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- Norms ---------------------------------------------------------------------------------- */

typedef struct norm_job {
    const vit158_forward *f;
    vit158_norm_quantize quantize;
    vit158_norm_f32 to_float;
    bool quantized;
    uint32_t tokens;
} norm_job;

static void norm_task(void *context, uint32_t task, uint32_t worker)
{
    const norm_job *job = context;
    const vit158_kernels *k = job->f->kernels;
    const uint32_t t0 = task * NORM_TASK_TOKENS;
    const uint32_t t1 = smaller(t0 + NORM_TASK_TOKENS, job->tokens);
    void *scratch = vit158_scratch(job->f, worker);
    if (job->quantized)
        k->norm_quantize(&job->quantize, t0, t1, scratch);
    else
        k->norm_f32(&job->to_float, t0, t1, scratch);
}

vit158_prepared vit158_linear_prepare(vit158_forward *f, const vit158_linear *layer,
                                      vit158_norm outer, const float *x, uint32_t tokens)
{
    vit158_layernorm norms[2] = {{0}};
    uint32_t n_norms = 0;
    if (outer.weight != NULL)
        norms[n_norms++] = vit158_layernorm_of(outer, f->model->norm_eps);
    if (layer->norm.weight != NULL)
        norms[n_norms++] = vit158_layernorm_of(layer->norm, f->model->inner_norm_eps);

    norm_job job = {.f = f, .quantized = vit158_linear_is_quantized(layer), .tokens = tokens};
    if (job.quantized) {
        job.quantize = (vit158_norm_quantize){.q = f->q,
                                              .r = f->r,
                                              .x = x,
                                              .ld = f->ld,
                                              .n = layer->n_in,
                                              .norms = {norms[0], norms[1]}};
    } else if (n_norms > 0) {
        job.to_float = (vit158_norm_f32){
            .y = f->normed, .x = x, .ld = f->ld, .n = layer->n_in, .norms = {norms[0], norms[1]}};
    } else {
        return (vit158_prepared){.x = x};
    }
    f->pool->run(f->pool, norm_task, &job, divide_up(tokens, NORM_TASK_TOKENS));
    return (vit158_prepared){.x = job.quantized ? NULL : f->normed};
}

/* ---- Products ------------------------------------------------------------------------------- */

static const vit158_product_q8 *quantized_product(const vit158_kernels *kernels, vit158_gemm gemm,
                                                  const vit158_linear *layer, uint32_t tokens)
{
    if (layer->encoding == VIT158_ENCODING_I8)
        return &kernels->i8_dot;
    const bool table =
        gemm == VIT158_GEMM_TABLE ||
        (gemm == VIT158_GEMM_AUTO &&
         vit158_choose_trit_kernel(layer->n_in, layer->n_out, tokens) == VIT158_TRIT_TABLE);
    return table ? &kernels->trit_table : &kernels->trit_dot;
}

typedef struct product_job {
    const vit158_forward *f;
    vit158_gemm_f32 p32;
    vit158_gemm_q8 p8;
    vit158_gemm_q8_fn run8; /* NULL: float product */
    vit158_product_cut cut;
    vit158_part part;
    uint32_t token_tasks;
} product_job;

/* The ranges of a task: as the kernel prefers, or everything if there is nobody to share with. */
static vit158_product_cut task_size(const vit158_forward *f, const vit158_linear *layer,
                                    vit158_cut_fn cut, uint32_t tokens)
{
    if (f->pool->workers == 1)
        return (vit158_product_cut){.token_step = tokens, .out_step = layer->n_out};
    return cut(layer->n_out, tokens, f->pool->workers);
}

static void product_task(void *context, uint32_t task, uint32_t worker)
{
    const product_job *job = context;
    const uint32_t t0 = task % job->token_tasks * job->cut.token_step;
    const uint32_t t1 = smaller(t0 + job->cut.token_step, job->part.tokens);
    const uint32_t o0 = job->part.o0 + task / job->token_tasks * job->cut.out_step;
    const uint32_t o1 = smaller(o0 + job->cut.out_step, job->part.o1);
    void *scratch = vit158_scratch(job->f, worker);
    if (job->run8 != NULL)
        job->run8(&job->p8, t0, t1, o0, o1, scratch);
    else
        job->f->kernels->f32.run(&job->p32, t0, t1, o0, o1, scratch);
}

void vit158_linear_apply(vit158_forward *f, const vit158_linear *layer, vit158_prepared input,
                         float *y, vit158_epilogue epilogue, vit158_part part)
{
    assert(part.o1 <= layer->n_out && part.tokens <= f->n_tokens);
    product_job job = {.f = f, .part = part};
    if (vit158_linear_is_quantized(layer)) {
        const vit158_product_q8 *product =
            quantized_product(f->kernels, f->gemm, layer, part.tokens);
        job.run8 = product->run;
        job.cut = task_size(f, layer, product->cut, part.tokens);
        job.p8 = (vit158_gemm_q8){.y = y,
                                  .ldy = f->ld,
                                  .q = f->q,
                                  .ldq = f->ld,
                                  .r = f->r,
                                  .w = layer->weight,
                                  .scale = layer->scale,
                                  .scale_step = layer->scale_count > 1 ? 1 : 0,
                                  .bias = layer->bias,
                                  .n_in = layer->n_in,
                                  .n_out = layer->n_out,
                                  .epilogue = epilogue};
    } else {
        job.cut = task_size(f, layer, f->kernels->f32.cut, part.tokens);
        job.p32 = (vit158_gemm_f32){.y = y,
                                    .ldy = f->ld,
                                    .a = layer->weight,
                                    .a_row = layer->n_in,
                                    .a_col = 1,
                                    .b = input.x,
                                    .ldb = f->ld,
                                    .bias = layer->bias,
                                    .n_in = layer->n_in,
                                    .n_out = layer->n_out,
                                    .epilogue = epilogue};
    }
    job.token_tasks = divide_up(part.tokens, job.cut.token_step);
    const uint32_t out_tasks = divide_up(part.o1 - part.o0, job.cut.out_step);
    f->pool->run(f->pool, product_task, &job, job.token_tasks * out_tasks);
}

size_t vit158_linear_scratch(const vit158_forward *f, const vit158_linear *layer, uint32_t tokens)
{
    vit158_gemm_scratch_fn scratch = f->kernels->f32.scratch;
    vit158_cut_fn cut = f->kernels->f32.cut;
    if (vit158_linear_is_quantized(layer)) {
        const vit158_product_q8 *product = quantized_product(f->kernels, f->gemm, layer, tokens);
        scratch = product->scratch;
        cut = product->cut;
    }
    const vit158_product_cut task = task_size(f, layer, cut, tokens);
    const size_t product = scratch(layer->n_in, task.out_step, task.token_step);
    const size_t norm = vit158_norm_scratch(layer->n_in);
    return product > norm ? product : norm;
}
