/* SPDX-License-Identifier: MIT
 *
 * Running a session step by step, and its results.
 */
#include "api/session.h"
#include "base/error.h"
#include "engine/forward.h"
#include "engine/rollout.h"
#include "predict/top_k.h"

uint32_t vit158_session_step_count(const vit158_session *session)
{
    return session->forward.program.count;
}

const char *vit158_session_step_name(vit158_session *session, uint32_t index)
{
    if (index >= vit158_session_step_count(session))
        return NULL;
    vit158_program_step_name(session->step_name, &session->forward.program.steps[index]);
    return session->step_name;
}

static void add_time(vit158_session *s, uint32_t step, double ms)
{
    s->step_ms[step] = ms;
    switch (s->forward.program.steps[step].kind) {
    case VIT158_STEP_EMBED:
        s->timing.embed += ms;
        break;
    case VIT158_STEP_HEAD:
        s->timing.head += ms;
        break;
    default:
        s->timing.blocks += ms;
    }
}

static double forward_ms(const vit158_session *s)
{
    return s->timing.embed + s->timing.blocks + s->timing.head;
}

void vit158_session_took(vit158_session *session, double ms)
{
    vit158_pool *pool = session->forward.pool;
    if (pool->took != NULL && session->forward.explain == NULL)
        pool->took(pool, ms);
}

vit158_status vit158_session_step(vit158_session *session, vit158_error *error)
{
    if (session->input != VIT158_INPUT_READY)
        return vit158_fail(error, VIT158_E_STATE, "the session has no complete input");
    const uint32_t step = session->forward.next_step;
    const uint32_t count = vit158_session_step_count(session);
    if (step >= count)
        return vit158_fail(error, VIT158_E_STATE, "the forward pass is complete: set a new input");
    const double start = session->now_ms != NULL ? session->now_ms() : 0.0;
    VIT158_RETURN_IF_ERROR(vit158_forward_step(&session->forward, error));
    const vit158_pool *pool = session->forward.pool;
    if (pool->failed(pool))
        return vit158_fail(error, VIT158_E_THREAD, "a worker thread of the session has died");
    if (session->now_ms != NULL)
        add_time(session, step, session->now_ms() - start);
    session->complete = step + 1 == count;
    if (session->complete && session->now_ms != NULL)
        vit158_session_took(session, forward_ms(session));
    return VIT158_OK;
}

vit158_status vit158_session_run(vit158_session *session, vit158_hook hook, void *context,
                                 vit158_error *error)
{
    const uint32_t count = vit158_session_step_count(session);
    do {
        const uint32_t step = session->forward.next_step;
        if (hook != NULL && step < count && hook(context, step) != 0)
            return vit158_fail(error, VIT158_E_ABORTED, "stopped before step %s",
                               vit158_session_step_name(session, step));
        VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    } while (!session->complete);
    return VIT158_OK;
}

/* ---- Results -------------------------------------------------------------------------------- */

const float *vit158_session_logits(const vit158_session *session)
{
    return session->complete ? session->forward.logits : NULL;
}

const float *vit158_session_embedding(const vit158_session *session)
{
    return session->complete ? session->forward.embedding : NULL;
}

vit158_status vit158_session_copy_hidden(const vit158_session *session, float *out, size_t count,
                                         vit158_error *error)
{
    const vit158_forward *f = &session->forward;
    const size_t d = f->model->info.dim;
    const vit158_step *last = vit158_session_last_step(session);
    if (session->input != VIT158_INPUT_READY || last == NULL || last->kind == VIT158_STEP_HEAD)
        return vit158_fail(error, VIT158_E_STATE,
                           "hidden state: no step from embed to the last block was just run");
    if (out == NULL || count != last->tokens_out * d)
        return vit158_fail(error, VIT158_E_ARGUMENT, "hidden state: room for %zu values, needs %zu",
                           count, last->tokens_out * d);
    for (uint32_t t = 0; t < last->tokens_out; t++)
        for (size_t c = 0; c < d; c++)
            out[t * d + c] = t < last->needed ? f->x[c * f->ld + t] : 0.0F;
    return VIT158_OK;
}

uint32_t vit158_session_top_k(const vit158_session *session, vit158_prediction *out, uint32_t k)
{
    if (!session->complete || out == NULL)
        return 0;
    const vit158_forward *f = &session->forward;
    return vit158_top_k(out, k, f->logits, f->model->info.classes);
}

const float *vit158_session_attention(const vit158_session *session)
{
    const vit158_explain *e = session->forward.explain;
    return e != NULL && session->complete ? e->attention : NULL;
}

const float *vit158_session_rollout(const vit158_session *session)
{
    const vit158_explain *e = session->forward.explain;
    return e != NULL && session->complete ? e->rollout : NULL;
}

void vit158_session_timing(const vit158_session *session, vit158_timing *out)
{
    *out = session->timing;
}

const double *vit158_session_step_ms(const vit158_session *session)
{
    return session->step_ms;
}
