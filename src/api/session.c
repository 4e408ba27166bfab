/* SPDX-License-Identifier: MIT
 *
 * Making and ending sessions, and their input.
 */
#include "api/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"
#include "base/text.h"
#include "engine/forward.h"
#include "engine/merge_schedule.h"
#include "engine/plan.h"

uint32_t vit158_engine_runs(vit158_engine engine)
{
    return vit158_kernels_of(engine) != NULL;
}

static vit158_status choose_kernels(const vit158_kernels **out, vit158_engine engine,
                                    vit158_error *error)
{
    *out = vit158_kernels_of(engine);
    if (*out == NULL)
        /* UNREACHABLE: builds or processors without AVX2 know an engine that they have not. */
        return vit158_fail(
            error, (uint32_t)engine > VIT158_ENGINE_AVX2 ? VIT158_E_ARGUMENT : VIT158_E_UNSUPPORTED,
            "this build or this processor has no engine %d", (int)engine);
    return VIT158_OK;
}

/* Takes everything a session needs; run once to measure and once to hand out. */
static void plan(vit158_session *s, vit158_arena *arena, const vit158_forward_setup *setup)
{
    vit158_forward_plan(&s->forward, arena, setup);
    s->preprocess = vit158_preprocess_plan(arena, &setup->model->recipe);
    s->step_ms = vit158_arena_take(arena, setup->program.count, sizeof *s->step_ms);
}

/* setup->pool NULL: a pool of the session's own. All arguments have been checked. The program
 * becomes the session's if all goes well. */
static vit158_status build(vit158_session **out, vit158_forward_setup *setup,
                           const vit158_options *options, vit158_error *error)
{
    const bool own_pool = setup->pool == NULL;
    vit158_session draft = {.model = setup->model};
    vit158_pool_choose(&draft.own_pool, options->threads);
    if (own_pool)
        setup->pool = vit158_pool_of(&draft.own_pool);
    vit158_arena arena = {0};
    vit158_arena_take(&arena, 1, sizeof draft);
    plan(&draft, &arena, setup);
    const size_t total = arena.used;
    void *allocation = NULL;
    /* UNREACHABLE: an opened model is far smaller. */
    if (!arena.overflow && total <= SIZE_MAX - VIT158_ARENA_ALIGN)
        allocation = malloc(total + VIT158_ARENA_ALIGN);
    if (allocation == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a session of %zu bytes", total);

    const uintptr_t aligned =
        ((uintptr_t)allocation + VIT158_ARENA_ALIGN - 1) & ~(uintptr_t)(VIT158_ARENA_ALIGN - 1);
    memset((void *)aligned, 0, total); /* padding columns must hold finite values */
    arena = vit158_arena_over((void *)aligned, total);
    vit158_session *s = vit158_arena_take(&arena, 1, sizeof *s);
    *s = (vit158_session){.model = setup->model, .now_ms = options->now_ms};
    vit158_pool_choose(&s->own_pool, options->threads);
    if (own_pool)
        setup->pool = vit158_pool_of(&s->own_pool);
    plan(s, &arena, setup);
    s->bytes = total + setup->program.count * sizeof *setup->program.steps;
    s->allocation = allocation;
    if (own_pool)
        vit158_pool_start(&s->own_pool);
    *out = s;
    return VIT158_OK;
}

vit158_status vit158_session_create_on(vit158_session **out, const vit158_model *model,
                                       const vit158_options *options, vit158_pool *pool,
                                       vit158_error *error)
{
    if (out == NULL || model == NULL)
        return vit158_fail(error, VIT158_E_ARGUMENT, "session: out and model must not be NULL");
    *out = NULL;
    const vit158_options defaults = {0};
    if (options == NULL)
        options = &defaults;
    if (options->gemm > VIT158_GEMM_TABLE)
        return vit158_fail(error, VIT158_E_ARGUMENT, "unknown gemm %d", (int)options->gemm);
    if (options->threads > VIT158_MAX_SESSION_THREADS)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u threads: at most %u are supported",
                           options->threads, VIT158_MAX_SESSION_THREADS);
    vit158_forward_setup setup = {
        .model = model, .pool = pool, .gemm = options->gemm, .explain = options->explain != 0};
    VIT158_RETURN_IF_ERROR(choose_kernels(&setup.kernels, options->engine, error));
    vit158_merge_schedule merges;
    VIT158_RETURN_IF_ERROR(vit158_merge_schedule_read(&merges, options->merge, model, error));
    VIT158_RETURN_IF_ERROR(vit158_program_make(&setup.program, model, &merges, error));
    const vit158_status status = build(out, &setup, options, error);
    if (status != VIT158_OK)
        vit158_program_free(&setup.program);
    return status;
}

vit158_status vit158_session_create(vit158_session **out, const vit158_model *model,
                                    const vit158_options *options, vit158_error *error)
{
    return vit158_session_create_on(out, model, options, NULL, error);
}

void vit158_session_close(vit158_session *session)
{
    if (session == NULL)
        return;
    vit158_pool_stop(&session->own_pool);
    vit158_program_free(&session->forward.program);
    free(session->watch_memory);
    free(session->allocation);
}

size_t vit158_session_memory_bytes(const vit158_session *session)
{
    return session->bytes;
}

size_t vit158_session_merges(const vit158_session *session, char *out, size_t capacity)
{
    const vit158_program *program = &session->forward.program;
    size_t length = 0;
    if (capacity > 0)
        out[0] = '\0';
    for (uint32_t i = 0; i < program->count; i++) {
        const vit158_step *step = &program->steps[i];
        if (step->kind == VIT158_STEP_MERGE)
            length +=
                vit158_format(out + length, capacity - length, "%s%u:%u", length > 0 ? "," : "",
                              step->block, step->tokens_in - step->tokens_out);
    }
    return length > 0 ? length : vit158_format(out, capacity, "off");
}

const char *vit158_session_engine(const vit158_session *session)
{
    return session->forward.kernels->name;
}

/* ---- Input ---------------------------------------------------------------------------------- */

static double clock_of(const vit158_session *s)
{
    return s->now_ms != NULL ? s->now_ms() : 0.0;
}

void vit158_session_start_over(vit158_session *session, vit158_input_state input, uint32_t first)
{
    session->input = input;
    session->complete = false;
    vit158_forward_start(&session->forward, first);
    session->timing = (vit158_timing){0};
    memset(session->step_ms, 0, session->forward.program.count * sizeof *session->step_ms);
}

vit158_status vit158_session_begin_image(vit158_session *session, uint32_t width, uint32_t height,
                                         vit158_pixels pixels, vit158_error *error)
{
    const double start = clock_of(session);
    vit158_session_start_over(session, VIT158_INPUT_NONE, 0);
    VIT158_RETURN_IF_ERROR(
        vit158_preprocess_begin(session->preprocess, width, height, pixels, error));
    session->input = VIT158_INPUT_PARTIAL;
    session->timing.preprocess += clock_of(session) - start;
    return VIT158_OK;
}

vit158_status vit158_session_push_rows(vit158_session *session, const uint8_t *rows,
                                       size_t row_bytes, uint32_t n_rows, vit158_error *error)
{
    if (session->input != VIT158_INPUT_PARTIAL)
        return vit158_fail(error, VIT158_E_STATE, "rows were pushed but no image was begun");
    const double start = clock_of(session);
    VIT158_RETURN_IF_ERROR(
        vit158_preprocess_rows(session->preprocess, rows, row_bytes, n_rows, error));
    if (vit158_preprocess_complete(session->preprocess)) {
        vit158_preprocess_tensor(session->preprocess, session->forward.tensor);
        session->input = VIT158_INPUT_READY;
    }
    session->timing.preprocess += clock_of(session) - start;
    return VIT158_OK;
}

vit158_status vit158_session_set_image(vit158_session *session, const uint8_t *pixels_hwc,
                                       uint32_t width, uint32_t height, size_t row_bytes,
                                       vit158_pixels pixels, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_session_begin_image(session, width, height, pixels, error));
    return vit158_session_push_rows(session, pixels_hwc, row_bytes, height, error);
}

static size_t tensor_count(const vit158_session *s)
{
    const vit158_model_info *info = &s->model->info;
    return (size_t)info->channels * info->image_size * info->image_size;
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!vit158_is_finite(values[i]))
            return false;
    return true;
}

vit158_status vit158_session_set_tensor(vit158_session *session, const float *values, size_t count,
                                        vit158_error *error)
{
    const vit158_model_info *info = &session->model->info;
    const size_t expected = tensor_count(session);
    vit158_session_start_over(session, VIT158_INPUT_NONE, 0);
    if (values == NULL || count != expected)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the tensor has %zu values, the model takes %u x %u x %u = %zu", count,
                           info->channels, info->image_size, info->image_size, expected);
    if (!all_finite(values, count))
        return vit158_fail(error, VIT158_E_ARGUMENT, "the tensor holds a value that is not finite");
    if (values != session->forward.tensor)
        memcpy(session->forward.tensor, values, count * sizeof *values);
    session->input = VIT158_INPUT_READY;
    return VIT158_OK;
}

const float *vit158_session_tensor(const vit158_session *session)
{
    const bool there = session->input == VIT158_INPUT_READY && session->forward.next_step == 0;
    return there ? session->forward.tensor : NULL;
}

float *vit158_session_input(vit158_session *session, size_t count)
{
    return count == tensor_count(session) ? session->forward.tensor : NULL;
}
