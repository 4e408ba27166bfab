/* SPDX-License-Identifier: MIT */
#include "compress/omega.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/nuclear.h"

/* What one image's modules give: attention maps [H][N][lds] of sampled queries, and the MLP's
 * output [d][lds] at sampled tokens. */
typedef struct outputs {
    float *maps, *features;
} outputs;

typedef struct measuring measuring;

/* One worker's sessions and what they see. */
typedef struct observer_seat {
    const measuring *of;
    vit158_session *teacher;
    vit158_ptq_simulator student;
    outputs known, rounded;
    outputs *to; /* where the sights of the running session go */
    double *scratch;
    vit158_error failure;
} observer_seat;

struct measuring {
    const vit158_capture *capture;
    vit158_ptq *ptq;
    uint32_t block, choice;
    size_t map_size, feature_size;
    observer_seat *seats;   /* [workers] */
    float *before, *middle; /* [images] streams before the block and behind its attention */
    float *memory;
    double *nuclear, *error; /* [images][VIT158_PTQ_MODULES] */
};

static void see(void *context, const vit158_sight *sight)
{
    const observer_seat *const seat = context;
    const vit158_capture *const c = seat->of->capture;
    float *to;
    if (sight->site == VIT158_SITE_PROBABILITIES)
        to = seat->to->maps + (size_t)sight->head * c->tokens * c->lds;
    else if (sight->site == VIT158_SITE_OUTPUT && sight->layer == VIT158_LAYER_FC2)
        to = seat->to->features;
    else
        return;
    for (uint32_t r = 0; r < sight->rows; r++)
        for (uint32_t s = 0; s < c->sampled; s++)
            to[r * c->lds + s] = sight->values[r * sight->ld + vit158_capture_token(c, s)];
}

/* ---- One image ------------------------------------------------------------------------------ */

static double squared_error(const vit158_capture *c, const float *x, const float *y, uint32_t rows)
{
    double error = 0;
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t s = 0; s < c->sampled; s++) {
            const double miss = (double)x[r * c->lds + s] - (double)y[r * c->lds + s];
            error += miss * miss;
        }
    return error;
}

/* The float network's outputs, their nuclear norms, and the stream in the middle of the block. */
static vit158_status know_image(measuring *m, observer_seat *seat, uint32_t image,
                                vit158_error *error)
{
    const vit158_capture *const c = m->capture;
    const vit158_model_info *const info = &c->model->info;
    const size_t stride = c->streams.stride;
    const uint32_t step = 1 + 2 * m->block;
    seat->to = &seat->known;
    VIT158_RETURN_IF_ERROR(
        vit158_session_start_at(seat->teacher, step, m->before + image * stride, stride, error));
    VIT158_RETURN_IF_ERROR(vit158_session_step(seat->teacher, error));
    VIT158_RETURN_IF_ERROR(
        vit158_session_copy_hidden(seat->teacher, m->middle + image * stride, stride, error));
    VIT158_RETURN_IF_ERROR(vit158_session_step(seat->teacher, error));
    double *const nuclear = m->nuclear + (size_t)image * VIT158_PTQ_MODULES;
    nuclear[VIT158_PTQ_ATTENTION] = 0;
    for (uint32_t head = 0; head < info->heads; head++)
        nuclear[VIT158_PTQ_ATTENTION] +=
            vit158_nuclear_norm(seat->known.maps + (size_t)head * c->tokens * c->lds, c->sampled,
                                c->tokens, 1, c->lds, seat->scratch) /
            info->heads;
    nuclear[VIT158_PTQ_MLP] =
        vit158_nuclear_norm(seat->known.features, c->sampled, info->dim, 1, c->lds, seat->scratch);
    return VIT158_OK;
}

/* Each module alone, quantized, from the float network's stream. */
static vit158_status try_image(measuring *m, observer_seat *seat, uint32_t image,
                               vit158_error *error)
{
    const vit158_capture *const c = m->capture;
    const vit158_model_info *const info = &c->model->info;
    const size_t stride = c->streams.stride;
    const uint32_t step = 1 + 2 * m->block;
    vit158_session *const session = seat->student.session;
    seat->to = &seat->rounded;
    VIT158_RETURN_IF_ERROR(
        vit158_session_start_at(session, step, m->before + image * stride, stride, error));
    VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    VIT158_RETURN_IF_ERROR(
        vit158_session_start_at(session, step + 1, m->middle + image * stride, stride, error));
    VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    double *const miss = m->error + (size_t)image * VIT158_PTQ_MODULES;
    miss[VIT158_PTQ_ATTENTION] =
        squared_error(c, seat->known.maps, seat->rounded.maps, info->heads * c->tokens) /
        info->heads;
    miss[VIT158_PTQ_MLP] =
        squared_error(c, seat->known.features, seat->rounded.features, info->dim);
    return VIT158_OK;
}

/* The float network runs again for each choice of bits: its outputs are not kept. */
static void measure_image(void *context, uint32_t image, uint32_t worker)
{
    measuring *const m = context;
    observer_seat *const seat = &m->seats[worker];
    vit158_error error;
    vit158_status status = know_image(m, seat, image, &error);
    if (status == VIT158_OK)
        status = try_image(m, seat, image, &error);
    if (status != VIT158_OK)
        seat->failure = error;
}

/* ---- All modules ---------------------------------------------------------------------------- */

static vit158_status measure_choice(measuring *m, vit158_omega *out, vit158_error *error)
{
    const vit158_capture *const c = m->capture;
    for (uint32_t module = 0; module < VIT158_PTQ_MODULES; module++)
        m->ptq->blocks[m->block].weight_bits[module] = m->ptq->blocks[m->block].input_bits[module] =
            VIT158_LEAST_BITS + m->choice;
    VIT158_RETURN_IF_ERROR(vit158_ptq_find_block(m->ptq, c, NULL, m->block, error));
    c->pool->run(c->pool, measure_image, m, c->images);
    for (uint32_t i = 0; i < c->pool->workers; i++)
        if (m->seats[i].failure.status != VIT158_OK)
            return vit158_fail(error, m->seats[i].failure.status, "%s",
                               m->seats[i].failure.message);
    for (uint32_t module = 0; module < VIT158_PTQ_MODULES; module++) {
        out[module].nuclear = out[module].error[m->choice] = 0;
        for (uint32_t i = 0; i < c->images; i++) {
            out[module].nuclear += m->nuclear[i * VIT158_PTQ_MODULES + module] / c->images;
            out[module].error[m->choice] += m->error[i * VIT158_PTQ_MODULES + module] / c->images;
        }
    }
    return VIT158_OK;
}

static vit158_status measure_blocks(vit158_omega *out, measuring *m, vit158_capture *c,
                                    vit158_quantizer_hook hook, void *context, vit158_error *error)
{
    const uint32_t depth = c->model->info.depth;
    for (m->block = 0; m->block < depth; m->block++) {
        memcpy(m->before, c->streams.values, c->images * c->streams.stride * sizeof *m->before);
        VIT158_RETURN_IF_ERROR(vit158_capture_block(c, m->block, error));
        for (m->choice = 0; m->choice < VIT158_BIT_CHOICES; m->choice++) {
            VIT158_RETURN_IF_ERROR(
                measure_choice(m, out + (size_t)m->block * VIT158_PTQ_MODULES, error));
            if (hook != NULL && hook(context, m->block * VIT158_BIT_CHOICES + m->choice + 1,
                                     depth * VIT158_BIT_CHOICES) != 0)
                return vit158_fail(error, VIT158_E_ABORTED, "stopped");
        }
    }
    return VIT158_OK;
}

static vit158_status open_seats(measuring *m, vit158_error *error)
{
    const vit158_capture *const c = m->capture;
    const size_t of_seat = 2 * (m->map_size + m->feature_size);
    for (uint32_t i = 0; i < c->pool->workers; i++) {
        observer_seat *const seat = &m->seats[i];
        float *const memory = m->memory + i * of_seat;
        seat->of = m;
        seat->known = (outputs){memory, memory + m->map_size};
        seat->rounded = (outputs){memory + m->map_size + m->feature_size,
                                  memory + 2 * m->map_size + m->feature_size};
        seat->scratch = malloc(vit158_nuclear_scratch(c->sampled) * sizeof *seat->scratch);
        if (seat->scratch == NULL)
            return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for singular values");
        VIT158_RETURN_IF_ERROR(vit158_ptq_simulator_open(&seat->student, m->ptq, error));
        seat->student.see = see;
        seat->student.context = seat;
        VIT158_RETURN_IF_ERROR(vit158_session_create(&seat->teacher, c->model, NULL, error));
        const vit158_observer observer = {see, seat,
                                          VIT158_SITE_OUTPUT | VIT158_SITE_PROBABILITIES};
        VIT158_RETURN_IF_ERROR(vit158_session_observe(seat->teacher, &observer, error));
    }
    return VIT158_OK;
}

static void free_measuring(measuring *m)
{
    for (uint32_t i = 0; m->seats != NULL && i < m->capture->pool->workers; i++) {
        vit158_ptq_simulator_close(&m->seats[i].student);
        vit158_session_close(m->seats[i].teacher);
        free(m->seats[i].scratch);
    }
    free(m->seats);
    free(m->before);
    free(m->middle);
    free(m->memory);
    free(m->nuclear);
    free(m->error);
}

vit158_status vit158_omega_measure(vit158_omega *out, vit158_ptq *ptq, const vit158_model *model,
                                   const vit158_streams *known, uint32_t images, vit158_pool *pool,
                                   vit158_quantizer_hook hook, void *context, vit158_error *error)
{
    vit158_capture c;
    VIT158_RETURN_IF_ERROR(vit158_capture_create(&c, model, pool, known, 0, images, error));
    const size_t streams = c.images * c.streams.stride,
                 values = (size_t)images * VIT158_PTQ_MODULES;
    measuring m = {.capture = &c,
                   .ptq = ptq,
                   .map_size = (size_t)model->info.heads * c.tokens * c.lds,
                   .feature_size = model->info.dim * c.lds};
    m.seats = calloc(pool->workers, sizeof *m.seats);
    m.before = malloc(streams * sizeof *m.before);
    m.middle = malloc(streams * sizeof *m.middle);
    m.memory = calloc(2 * pool->workers * (m.map_size + m.feature_size), sizeof *m.memory);
    m.nuclear = calloc(values, sizeof *m.nuclear);
    m.error = calloc(values, sizeof *m.error);
    vit158_status status =
        m.seats != NULL && m.before != NULL && m.middle != NULL && m.memory != NULL &&
                m.nuclear != NULL && m.error != NULL
            ? open_seats(&m, error)
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the sensitivities");
    if (status == VIT158_OK)
        status = measure_blocks(out, &m, &c, hook, context, error);
    free_measuring(&m);
    vit158_capture_free(&c);
    return status;
}
