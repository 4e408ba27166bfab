/* SPDX-License-Identifier: MIT */
#include "engine/linear.h"

#include <assert.h>
#include <string.h>

#include "base/sizes.h"
#include "engine/watch.h"

/* Tokens a norm task handles: few enough to share out, enough to amortise the call. */
#define NORM_TASK_TOKENS (2 * VIT158_NORM_TOKENS)

/* A product is made in parts if there are at least so many parts for each worker. */
#define LEAST_PARTS 4U
/* Outputs whose results a task makes then. */
#define RESULT_OUTPUTS 32U

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
    const uint32_t t1 = vit158_smaller(t0 + NORM_TASK_TOKENS, job->tokens);
    void *scratch = vit158_scratch(job->f, worker);
    if (job->quantized)
        k->norm_quantize(&job->quantize, t0, t1, scratch);
    else
        k->norm_f32(&job->to_float, t0, t1, scratch);
}

static void run_norms(norm_job *job)
{
    vit158_pool *pool = job->f->pool;
    pool->run(pool, norm_task, job, vit158_pieces(job->tokens, NORM_TASK_TOKENS));
}

void vit158_normalise(const vit158_forward *f, float *y, const float *x, vit158_norm norm,
                      uint32_t n, uint32_t tokens)
{
    norm_job job = {.f = f,
                    .tokens = tokens,
                    .to_float = {.y = y,
                                 .x = x,
                                 .ld = f->ld,
                                 .n = n,
                                 .norms = {vit158_layernorm_of(norm, f->model->norm_eps)}}};
    run_norms(&job);
}

/* x after its norms, into the observer's own buffer. */
static void show_input(vit158_forward *f, const vit158_linear *layer,
                       const vit158_layernorm norms[2], const float *x, uint32_t tokens)
{
    float *input = f->watch->input;
    norm_job job = {
        .f = f,
        .tokens = tokens,
        .to_float = {
            .y = input, .x = x, .ld = f->ld, .n = layer->n_in, .norms = {norms[0], norms[1]}}};
    if (norms[0].weight != NULL)
        run_norms(&job);
    else
        memcpy(input, x, layer->n_in * f->ld * sizeof *input);
    vit158_watch_layer(f, VIT158_SITE_INPUT, layer, input, tokens, f->ld);
}

vit158_prepared vit158_linear_prepare(vit158_forward *f, const vit158_linear *layer,
                                      vit158_norm outer, const float *x, uint32_t tokens)
{
    vit158_layernorm norms[2] = {{0}};
    uint32_t n_norms = 0;
    if (outer.weight != NULL)
        norms[n_norms++] = vit158_layernorm_of(outer, f->model->norm_eps);
    if (layer->norm.weight != NULL) {
        norms[n_norms] = vit158_layernorm_of(layer->norm, f->model->inner_norm_eps);
        norms[n_norms++].rms = f->model->variant.inner_rms;
    }

    if (vit158_watches(f, VIT158_SITE_INPUT)) {
        /* What is seen has been normalised; what may have changed is left to be quantized. */
        show_input(f, layer, norms, x, tokens);
        x = f->watch->input;
        norms[0].weight = NULL;
        norms[1].weight = NULL;
        n_norms = 0;
    }
    norm_job job = {.f = f, .quantized = vit158_linear_is_quantized(layer), .tokens = tokens};
    if (job.quantized) {
        job.quantize = (vit158_norm_quantize){.q = f->q,
                                              .r = f->r,
                                              .x = x,
                                              .ld = f->ld,
                                              .n = layer->n_in,
                                              .rule = layer->inputs,
                                              .norms = {norms[0], norms[1]}};
    } else if (n_norms > 0) {
        job.to_float = (vit158_norm_f32){
            .y = f->normed, .x = x, .ld = f->ld, .n = layer->n_in, .norms = {norms[0], norms[1]}};
    } else {
        return (vit158_prepared){.x = x};
    }
    run_norms(&job);
    return (vit158_prepared){.x = job.quantized ? NULL : f->normed};
}

/* ---- Products ------------------------------------------------------------------------------- */

typedef struct product_job {
    const vit158_forward *f;
    vit158_gemm_f32 p32;
    vit158_gemm_q8 p8;
    vit158_gemm_q8_fn run8; /* NULL: float product */
    vit158_product_cut cut;
    vit158_part part;
    uint32_t token_tasks;
} product_job;

/* Which product runs a quantized layer: what is planned for and what runs. */
static const vit158_product_q8 *product_of(const vit158_forward *f, const vit158_linear *layer)
{
    return vit158_choose_q8(f->kernels, layer->encoding, f->gemm, vit158_linear_rows(layer));
}

/* The ranges of a task: as the kernel prefers, or everything if there is nobody to share with. */
static vit158_product_cut task_size(const vit158_linear *layer, vit158_cut_fn cut, uint32_t tokens,
                                    uint32_t workers)
{
    if (workers == 1)
        return (vit158_product_cut){.token_step = tokens, .out_step = layer->n_out};
    return cut(layer->n_out, vit158_linear_rows(layer), tokens, workers);
}

/* The same for some of the outputs: as many tasks, none larger. */
static vit158_product_cut part_task_size(const vit158_linear *layer, vit158_cut_fn cut,
                                         vit158_part part, uint32_t workers)
{
    vit158_product_cut size = task_size(layer, cut, part.tokens, workers);
    const uint32_t tasks = vit158_pieces(layer->n_out, size.out_step);
    const uint32_t share = vit158_pieces(vit158_pieces(part.o1 - part.o0, tasks), 8) * 8;
    size.out_step = vit158_smaller(size.out_step, share);
    return size;
}

static void product_task(void *context, uint32_t task, uint32_t worker)
{
    const product_job *job = context;
    const uint32_t t0 = task % job->token_tasks * job->cut.token_step;
    const uint32_t t1 = vit158_smaller(t0 + job->cut.token_step, job->part.tokens);
    const uint32_t o0 = job->part.o0 + task / job->token_tasks * job->cut.out_step;
    const uint32_t o1 = vit158_smaller(o0 + job->cut.out_step, job->part.o1);
    void *scratch = vit158_scratch(job->f, worker);
    if (job->run8 != NULL)
        job->run8(&job->p8, t0, t1, o0, o1, scratch);
    else
        job->f->kernels->f32.run(&job->p32, t0, t1, o0, o1, scratch);
}

/* ---- Products in parts ---------------------------------------------------------------------- */

typedef struct parts_job {
    vit158_gemm_q8 p8;
    const vit158_product_parts *parts;
    vit158_gemm_range block;
    vit158_parts_scratch scratch;
} parts_job;

/* How a product is made in parts, NULL if it is cut. */
static const vit158_product_parts *parts_for(const vit158_product_q8 *product, uint32_t n_in,
                                             uint32_t tokens, uint32_t workers)
{
    const vit158_product_parts *parts = product->parts;
    if (parts == NULL || workers == 1 || workers > VIT158_MAX_PARTNERS || tokens == 1)
        return NULL;
    return parts->count(n_in) >= LEAST_PARTS * workers ? parts : NULL;
}

static void part_task(void *context, uint32_t task, uint32_t worker)
{
    const parts_job *job = context;
    job->parts->add(&job->p8, job->block, task, job->scratch.memory + worker * job->scratch.bytes);
}

static void results_task(void *context, uint32_t task, uint32_t worker)
{
    const parts_job *job = context;
    const uint32_t o0 = job->block.o0 + task * RESULT_OUTPUTS;
    (void)worker;
    job->parts->results(&job->p8, job->block, o0,
                        vit158_smaller(o0 + RESULT_OUTPUTS, job->block.o1), &job->scratch);
}

static void apply_in_parts(vit158_forward *f, const vit158_product_parts *parts,
                           const vit158_gemm_q8 *p8, vit158_part part)
{
    parts_job job = {.p8 = *p8,
                     .parts = parts,
                     .scratch = {.memory = f->scratch,
                                 .bytes = f->scratch_bytes,
                                 .workers = vit158_pool_at_work(f->pool)}};
    const uint32_t step = parts->block_tokens(p8, part.o0, part.o1, part.tokens);
    for (uint32_t t = 0; t < part.tokens; t += step) {
        job.block = (vit158_gemm_range){t, vit158_smaller(t + step, part.tokens), part.o0, part.o1};
        for (uint32_t worker = 0; worker < job.scratch.workers; worker++)
            parts->begin(p8, job.block, vit158_scratch(f, worker));
        f->pool->run(f->pool, part_task, &job, parts->count(p8->n_in));
        f->pool->run(f->pool, results_task, &job, vit158_pieces(part.o1 - part.o0, RESULT_OUTPUTS));
    }
}

/* ---- Layers --------------------------------------------------------------------------------- */

static void apply(vit158_forward *f, const vit158_linear *layer, vit158_prepared input, float *y,
                  vit158_epilogue epilogue, vit158_part part)
{
    const uint32_t workers = vit158_pool_at_work(f->pool);
    product_job job = {.f = f, .part = part};
    if (vit158_linear_is_quantized(layer)) {
        const vit158_product_q8 *product = product_of(f, layer);
        job.run8 = product->run;
        job.cut = part_task_size(layer, product->cut, part, workers);
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
                                  .planes = layer->planes,
                                  .epilogue = epilogue};
        const vit158_product_parts *parts = parts_for(product, layer->n_in, part.tokens, workers);
        if (parts != NULL) {
            apply_in_parts(f, parts, &job.p8, part);
            return;
        }
    } else {
        job.cut = part_task_size(layer, f->kernels->f32.cut, part, workers);
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
    job.token_tasks = vit158_pieces(part.tokens, job.cut.token_step);
    const uint32_t out_tasks = vit158_pieces(part.o1 - part.o0, job.cut.out_step);
    f->pool->run(f->pool, product_task, &job, job.token_tasks * out_tasks);
}

/* y = epilogue(r), both [n_out][ld]. */
static void finish(const vit158_forward *f, float *y, const float *r, uint32_t n_out,
                   vit158_epilogue epilogue)
{
    const size_t count = n_out * (size_t)f->ld;
    if (epilogue == VIT158_ADD) {
        for (size_t i = 0; i < count; i++)
            y[i] += r[i];
    } else {
        memcpy(y, r, count * sizeof *y);
        f->kernels->gelu(y, count);
    }
}

void vit158_linear_apply(vit158_forward *f, const vit158_linear *layer, vit158_prepared input,
                         float *y, vit158_epilogue epilogue, vit158_part part)
{
    assert(part.o1 <= layer->n_out && part.tokens <= f->ld);
    if (!vit158_watches(f, VIT158_SITE_OUTPUT)) {
        apply(f, layer, input, y, epilogue, part);
        return;
    }
    float *r = epilogue == VIT158_STORE ? y : f->watch->output;
    apply(f, layer, input, r, VIT158_STORE, part);
    vit158_watch_layer(f, VIT158_SITE_OUTPUT, layer, r, part.tokens, f->ld);
    if (epilogue != VIT158_STORE)
        finish(f, y, r, layer->n_out, epilogue);
}

/* Scratch bytes of a worker for a range of a layer's product. */
static size_t product_scratch(const vit158_forward *f, const vit158_linear *layer,
                              const vit158_product_q8 *product, uint32_t outputs, uint32_t tokens)
{
    if (product == NULL)
        return f->kernels->f32.scratch(layer->n_in, outputs, tokens);
    return product->scratch(
        &(vit158_gemm_q8){.n_in = layer->n_in, .n_out = layer->n_out, .planes = layer->planes},
        outputs, tokens);
}

size_t vit158_linear_scratch(const vit158_forward *f, const vit158_linear *layer, uint32_t tokens)
{
    const uint32_t workers = f->pool->workers;
    const vit158_product_q8 *product = NULL;
    vit158_cut_fn cut = f->kernels->f32.cut;
    const vit158_product_parts *parts = NULL;
    if (vit158_linear_is_quantized(layer)) {
        product = product_of(f, layer);
        cut = product->cut;
        parts = parts_for(product, layer->n_in, tokens, workers);
    }
    size_t shared = 0;
    if (parts != NULL) {
        const vit158_gemm_q8 shape = {
            .n_in = layer->n_in, .n_out = layer->n_out, .planes = layer->planes};
        shared = parts->scratch(&shape, layer->n_out, tokens);
    } else {
        const vit158_product_cut task = task_size(layer, cut, tokens, workers);
        shared = product_scratch(f, layer, product, task.out_step, task.token_step);
    }
    /* The whole product, if the caller does without helpers, has the room of all. */
    const size_t whole = product_scratch(f, layer, product, layer->n_out, tokens);
    const size_t larger_one = vit158_larger(shared, (whole + workers - 1) / workers);
    return vit158_larger(larger_one, vit158_norm_scratch(layer->n_in));
}
