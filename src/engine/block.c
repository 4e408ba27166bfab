/* SPDX-License-Identifier: MIT
 *
 * The two halves of a block (METHODS.md 1.1): x += proj(attention(qkv(norm1 x))) and
 * x += fc2(gelu(fc1(norm2 x))), each layer with its own inner norm if it has one. Keys and values
 * are made of all tokens; queries, proj, fc1 and fc2 only of those that the step is to leave. The
 * exact GELU is a part of fc1's product, an approximate one a pass of its own.
 */
#include "base/numerics.h"
#include "base/sizes.h"
#include "engine/attention.h"
#include "engine/linear.h"
#include "engine/steps.h"

static const vit158_norm no_norm = {NULL, NULL};

void vit158_attention_half(vit158_forward *f, const vit158_step *step)
{
    const vit158_block *b = &f->model->blocks[step->block];
    const uint32_t a = b->proj.n_in;
    const uint32_t n = step->tokens_in;
    const uint32_t needed = step->needed;

    vit158_prepared input = vit158_linear_prepare(f, &b->qkv, b->norm1, f->x, n);
    if (needed == n) {
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){n, 0, 3 * a});
    } else {
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){needed, 0, a});
        vit158_linear_apply(f, &b->qkv, input, f->wide, VIT158_STORE, (vit158_part){n, a, 3 * a});
    }
    vit158_attend(f, step);
    input = vit158_linear_prepare(f, &b->proj, no_norm, f->attended, needed);
    vit158_linear_apply(f, &b->proj, input, f->x, VIT158_ADD,
                        (vit158_part){needed, 0, b->proj.n_out});
}

/* Rows of a task. */
enum { TASK_ROWS = 16 };

typedef struct activation_job {
    const vit158_forward *f;
    const float *curve;
    uint32_t rows;
    size_t columns;
} activation_job;

static void activate_task(void *context, uint32_t task, uint32_t worker)
{
    const activation_job *job = context;
    const uint32_t first = task * TASK_ROWS;
    const uint32_t end = first + TASK_ROWS < job->rows ? first + TASK_ROWS : job->rows;
    (void)worker;
    for (uint32_t row = first; row < end; row++)
        job->f->kernels->sigmoid_gelu(job->f->wide + row * (size_t)job->f->ld, job->columns,
                                      job->curve);
}

/* The approximate GELU of f->wide [rows][tokens]. */
static void activate(const vit158_forward *f, uint32_t rows, uint32_t tokens)
{
    static const float by_tanh[2] = VIT158_GELU_TANH_CURVE, quick[2] = VIT158_QUICK_GELU_CURVE;
    const bool is_quick = f->model->variant.activation == VIT158_ACTIVATION_QUICK_GELU;
    activation_job job = {.f = f,
                          .curve = is_quick ? quick : by_tanh,
                          .rows = rows,
                          .columns = vit158_token_stride(tokens)};
    f->pool->run(f->pool, activate_task, &job, vit158_pieces(rows, TASK_ROWS));
}

void vit158_mlp_half(vit158_forward *f, const vit158_step *step)
{
    const vit158_block *b = &f->model->blocks[step->block];
    const uint32_t needed = step->needed;
    vit158_prepared input = vit158_linear_prepare(f, &b->fc1, b->norm2, f->x, needed);
    const bool exact = f->model->variant.activation == VIT158_ACTIVATION_GELU;
    vit158_linear_apply(f, &b->fc1, input, f->wide, exact ? VIT158_GELU : VIT158_STORE,
                        (vit158_part){needed, 0, b->fc1.n_out});
    if (!exact)
        activate(f, b->fc1.n_out, needed);
    input = vit158_linear_prepare(f, &b->fc2, no_norm, f->wide, needed);
    vit158_linear_apply(f, &b->fc2, input, f->x, VIT158_ADD,
                        (vit158_part){needed, 0, b->fc2.n_out});
}
