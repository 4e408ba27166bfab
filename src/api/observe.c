/* SPDX-License-Identifier: MIT
 *
 * Observers, and passes that start or stop in the middle (vit158_observe.h).
 */
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "base/error.h"
#include "base/numerics.h"

#define ALL_SITES                                                                                  \
    (VIT158_SITE_INPUT | VIT158_SITE_OUTPUT | VIT158_SITE_SCORES | VIT158_SITE_PROBABILITIES |     \
     VIT158_SITE_RESIDUAL)

/* Also resets the needs of all steps. */
static void stop_watching(vit158_session *s)
{
    free(s->watch_memory);
    s->watch_memory = NULL;
    s->forward.watch = NULL;
    vit158_program_set_needs(&s->forward.program, false);
}

static vit158_status start_watching(vit158_session *s, const vit158_observer *observer,
                                    vit158_error *error)
{
    s->watch = (vit158_watch){.observer = *observer};
    vit158_arena arena = {0};
    vit158_watch_plan(&s->watch, &arena, &s->forward);
    const size_t total = arena.used;
    /* UNREACHABLE: an opened model is far smaller. */
    if (arena.overflow || total > SIZE_MAX - VIT158_ARENA_ALIGN)
        return vit158_fail(error, VIT158_E_MEMORY, "an observer's buffers are too large");
    void *memory = calloc(1, total + VIT158_ARENA_ALIGN); /* padding columns must be finite */
    if (memory == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for an observer's %zu bytes", total);
    const uintptr_t aligned =
        ((uintptr_t)memory + VIT158_ARENA_ALIGN - 1) & ~(uintptr_t)(VIT158_ARENA_ALIGN - 1);
    arena = vit158_arena_over((void *)aligned, total);
    vit158_watch_plan(&s->watch, &arena, &s->forward);
    s->watch_memory = memory;
    s->forward.watch = &s->watch;
    vit158_program_set_needs(&s->forward.program, true);
    return VIT158_OK;
}

vit158_status vit158_session_observe(vit158_session *session, const vit158_observer *observer,
                                     vit158_error *error)
{
    if (observer != NULL && (observer->see == NULL || (observer->sites & ~(uint32_t)ALL_SITES)))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "observer: its function is NULL or its sites 0x%x hold an unknown one",
                           (unsigned)observer->sites);
    if (observer != NULL && session->forward.explain != NULL)
        return vit158_fail(error, VIT158_E_STATE,
                           "a session that keeps attention (options.explain) cannot be observed");
    vit158_session_start_over(session, VIT158_INPUT_NONE, 0);
    stop_watching(session);
    return observer != NULL ? start_watching(session, observer, error) : VIT158_OK;
}

vit158_status vit158_session_start_at(vit158_session *session, uint32_t step, const float *residual,
                                      size_t count, vit158_error *error)
{
    vit158_forward *f = &session->forward;
    const size_t d = f->model->info.dim;
    vit158_session_start_over(session, VIT158_INPUT_NONE, 0);
    if (step == 0 || step >= f->program.count)
        return vit158_fail(error, VIT158_E_ARGUMENT, "start at step %u: steps are 1 to %u", step,
                           f->program.count - 1);
    if (step >= vit158_program_free_steps(&f->program))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "start at step %u: a step before it or itself merges tokens, so the "
                           "residual stream is not all it reads",
                           step);
    const uint32_t n = f->program.steps[step].tokens_in;
    if (residual == NULL || count != n * d)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the residual stream has %zu values, step %u takes %u x %zu = %zu",
                           count, step, n, d, n * d);
    for (size_t i = 0; i < count; i++)
        if (!vit158_is_finite(residual[i]))
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "the residual stream holds a value that is not finite");
    for (size_t c = 0; c < d; c++) {
        float *row = f->x + c * f->ld;
        for (uint32_t t = 0; t < n; t++)
            row[t] = residual[t * d + c];
        memset(row + n, 0, (f->ld - n) * sizeof *row);
    }
    vit158_session_start_over(session, VIT158_INPUT_READY, step);
    return VIT158_OK;
}

vit158_status vit158_session_run_until(vit158_session *session, uint32_t step, vit158_error *error)
{
    if (step > vit158_session_step_count(session))
        return vit158_fail(error, VIT158_E_ARGUMENT, "run until step %u: there are %u", step,
                           vit158_session_step_count(session));
    if (session->input != VIT158_INPUT_READY)
        return vit158_fail(error, VIT158_E_STATE, "the session has no complete input");
    while (session->forward.next_step < step)
        VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    return VIT158_OK;
}
