/* SPDX-License-Identifier: MIT */
#include "compress/ptq_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/allocate.h"
#include "model/ternary.h"

/* Held-out images on which every product is measured. */
#define HELD_IMAGES 16U

void vit158_ptq_outcome_free(vit158_ptq_outcome *outcome)
{
    vit158_ptq_free(&outcome->ptq);
    free(outcome->omegas);
    *outcome = (vit158_ptq_outcome){0};
}

/* ---- Storage -------------------------------------------------------------------------------- */

uint32_t vit158_ptq_rows(uint32_t bits)
{
    return bits <= 4 ? 3 : bits <= 6 ? 4 : 0;
}

uint64_t vit158_ptq_matrix_bytes(uint32_t n_out, uint32_t n_in, uint32_t bits)
{
    const uint32_t rows = vit158_ptq_rows(bits);
    if (rows == 0)
        return (uint64_t)n_out * n_in + (uint64_t)n_out * sizeof(float);
    return vit158_trit_bytes(rows * n_out, n_in) + (uint64_t)rows * n_out * sizeof(float);
}

void vit158_ptq_store(vit158_rounded *m, const vit158_ptq *ptq, uint32_t block, uint32_t kind)
{
    const vit158_block *const b = &ptq->model.blocks[block];
    const vit158_linear *const linears[VIT158_BLOCK_LINEARS] = {&b->qkv, &b->proj, &b->fc1,
                                                                &b->fc2};
    const vit158_ptq_block *const at = &ptq->blocks[block];
    const vit158_ptq_found *const found = &at->products[kind];
    const uint32_t module = vit158_ptq_module_of(kind);
    const uint32_t rows = vit158_ptq_rows(at->weight_bits[module]);
    const float *const values = linears[kind]->weight;
    for (size_t o = 0; o < m->n_out; o++) {
        const float step = vit158_ptq_weight_step(ptq, block, kind, (uint32_t)o);
        float scale[VIT158_MAX_ROW_SUMS], factor = step;
        for (uint32_t r = rows; r-- > 0; factor *= 3)
            scale[r] = factor;
        if (rows > 0)
            vit158_levels_of_rows(&m->levels[o], scale, rows);
        else
            vit158_levels_uniform(&m->levels[o], step, 127);
        m->rows[o] = (uint8_t)rows;
        const float middle = (float)(m->levels[o].count / 2);
        for (size_t i = o * m->n_in; i < (o + 1) * m->n_in; i++)
            m->chosen[i] = (uint8_t)(rintf(values[i] / step) + middle);
    }
    memcpy(m->bias, linears[kind]->bias, m->n_out * sizeof *m->bias);
    m->step = at->input_bits[module] == 8 ? vit158_ptq_input_step(ptq, block, kind) : 0;
    m->pearson = found->last.pearson;
    m->gain = found->last.gain;
}

/* ---- Bits of the modules -------------------------------------------------------------------- */

static uint64_t module_bytes(const vit158_model *model, uint32_t block, uint32_t module,
                             uint32_t bits)
{
    const vit158_block *const b = &model->blocks[block];
    const vit158_linear *const first = module == VIT158_PTQ_ATTENTION ? &b->qkv : &b->fc1;
    const vit158_linear *const second = module == VIT158_PTQ_ATTENTION ? &b->proj : &b->fc2;
    return vit158_ptq_matrix_bytes(first->n_out, first->n_in, bits) +
           vit158_ptq_matrix_bytes(second->n_out, second->n_in, bits);
}

static uint64_t divisor_of(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

vit158_status vit158_ptq_choose_bits(vit158_ptq_outcome *outcome, uint64_t n_bytes,
                                     vit158_error *error)
{
    vit158_ptq *const ptq = &outcome->ptq;
    const uint32_t count = ptq->model.info.depth * VIT158_PTQ_MODULES;
    vit158_choices *const items = calloc(count, sizeof *items);
    uint32_t *const chosen = calloc(count, sizeof *chosen);
    uint64_t least = 0, unit = 0;
    vit158_status status = VIT158_OK;
    if (items == NULL || chosen == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory to choose bits");
    /* What goes beyond the fewest bits is counted in units that all of it is multiples of. */
    for (uint32_t i = 0; i < count && status == VIT158_OK; i++) {
        const uint32_t block = i / VIT158_PTQ_MODULES, module = i % VIT158_PTQ_MODULES;
        const uint64_t fewest = module_bytes(&ptq->model, block, module, VIT158_LEAST_BITS);
        items[i].count = VIT158_BIT_CHOICES;
        least += fewest;
        for (uint32_t c = 0; c < VIT158_BIT_CHOICES; c++) {
            items[i].bytes[c] =
                module_bytes(&ptq->model, block, module, VIT158_LEAST_BITS + c) - fewest;
            items[i].loss[c] = vit158_omega_of(&outcome->omegas[i], c);
            unit = divisor_of(unit, items[i].bytes[c]);
        }
    }
    if (status == VIT158_OK && least > n_bytes)
        status = vit158_fail(error, VIT158_E_ARGUMENT,
                             "the matrices take at least %llu bytes, but %llu are left for them: "
                             "give a larger budget",
                             (unsigned long long)least, (unsigned long long)n_bytes);
    if (status == VIT158_OK)
        status = vit158_allocate_exact(chosen, items, count, n_bytes - least, unit, error);
    outcome->predicted = 0;
    for (uint32_t i = 0; i < count && status == VIT158_OK; i++) {
        vit158_ptq_block *const at = &ptq->blocks[i / VIT158_PTQ_MODULES];
        at->weight_bits[i % VIT158_PTQ_MODULES] = at->input_bits[i % VIT158_PTQ_MODULES] =
            VIT158_LEAST_BITS + chosen[i];
        outcome->predicted += items[i].loss[chosen[i]];
    }
    free(items);
    free(chosen);
    return status;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

vit158_status vit158_ptq_find_all(vit158_ptq *ptq, const vit158_model *model,
                                  const vit158_streams *known, uint32_t learned, vit158_pool *pool,
                                  vit158_quantizer_hook hook, void *context, vit158_error *error)
{
    const uint32_t wanted = ptq->settings.images, left = known->images - learned;
    const uint32_t images = learned < wanted ? learned : wanted;
    const uint32_t judges = left < HELD_IMAGES ? left : HELD_IMAGES;
    vit158_capture capture, held = {0};
    VIT158_RETURN_IF_ERROR(vit158_capture_create(&capture, model, pool, known, 0, images, error));
    vit158_status status = VIT158_OK;
    if (judges > 0)
        status = vit158_capture_create(&held, model, pool, known, learned, judges, error);
    for (uint32_t block = 0; block < model->info.depth && status == VIT158_OK; block++) {
        status = vit158_capture_block(&capture, block, error);
        if (status == VIT158_OK && judges > 0)
            status = vit158_capture_block(&held, block, error);
        if (status == VIT158_OK)
            status = vit158_ptq_find_block(ptq, &capture, judges > 0 ? &held : NULL, block, error);
        if (status == VIT158_OK && hook != NULL && hook(context, block + 1, model->info.depth) != 0)
            status = vit158_fail(error, VIT158_E_ABORTED, "stopped after block %u", block);
    }
    vit158_capture_free(&capture);
    if (judges > 0)
        vit158_capture_free(&held);
    return status;
}

/* ---- Judging -------------------------------------------------------------------------------- */

typedef struct judge_seat {
    vit158_session *teacher;
    vit158_ptq_simulator student;
    vit158_error failure;
} judge_seat;

typedef struct comparison {
    judge_seat *seats; /* [workers] */
    const vit158_streams *known, *rounded;
    uint32_t first, classes;
    float *logits; /* [count][2][classes] */
} comparison;

static vit158_status run_from(vit158_session *session, const vit158_streams *streams,
                              uint32_t image, float *logits, uint32_t classes, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_session_start_at(
        session, 1, streams->values + image * streams->stride, streams->stride, error));
    VIT158_RETURN_IF_ERROR(vit158_session_run(session, NULL, NULL, error));
    memcpy(logits, vit158_session_logits(session), classes * sizeof *logits);
    return VIT158_OK;
}

static void compare_image(void *context, uint32_t task, uint32_t worker)
{
    const comparison *const c = context;
    judge_seat *const seat = &c->seats[worker];
    float *const logits = c->logits + (size_t)task * 2 * c->classes;
    vit158_error error;
    vit158_status status =
        run_from(seat->teacher, c->known, c->first + task, logits, c->classes, &error);
    if (status == VIT158_OK)
        status = run_from(seat->student.session, c->rounded, c->first + task, logits + c->classes,
                          c->classes, &error);
    if (status != VIT158_OK)
        seat->failure = error;
}

static vit158_status open_seats(comparison *c, const vit158_ptq *ptq, const vit158_model *model,
                                uint32_t workers, vit158_error *error)
{
    for (uint32_t i = 0; i < workers; i++) {
        VIT158_RETURN_IF_ERROR(vit158_ptq_simulator_open(&c->seats[i].student, ptq, error));
        VIT158_RETURN_IF_ERROR(vit158_session_create(&c->seats[i].teacher, model, NULL, error));
    }
    return VIT158_OK;
}

vit158_status vit158_ptq_compare(const vit158_ptq *ptq, const vit158_model *model,
                                 const vit158_streams *known, const vit158_streams *rounded,
                                 uint32_t first, uint32_t count, vit158_pool *pool,
                                 vit158_ptq_judge judge, void *context, vit158_error *error)
{
    comparison c = {
        .known = known, .rounded = rounded, .first = first, .classes = model->info.classes};
    c.seats = calloc(pool->workers, sizeof *c.seats);
    c.logits = calloc((size_t)count * 2 * c.classes + 1, sizeof *c.logits);
    vit158_status status =
        c.seats != NULL && c.logits != NULL
            ? open_seats(&c, ptq, model, pool->workers, error)
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for logits");
    if (status == VIT158_OK)
        pool->run(pool, compare_image, &c, count);
    for (uint32_t i = 0; c.seats != NULL && i < pool->workers; i++) {
        if (status == VIT158_OK && c.seats[i].failure.status != VIT158_OK)
            status =
                vit158_fail(error, c.seats[i].failure.status, "%s", c.seats[i].failure.message);
        vit158_ptq_simulator_close(&c.seats[i].student);
        vit158_session_close(c.seats[i].teacher);
    }
    for (uint32_t i = 0; i < count && status == VIT158_OK; i++)
        judge(context, first + i, c.logits + (size_t)i * 2 * c.classes,
              c.logits + ((size_t)i * 2 + 1) * c.classes);
    free(c.seats);
    free(c.logits);
    return status;
}
