/* SPDX-License-Identifier: MIT
 *
 * Inside of a session: one block of memory, the forward pass, the preprocessing, the clock.
 */
#ifndef VIT158_API_SESSION_H
#define VIT158_API_SESSION_H

#include "api/pool_choice.h"
#include "engine/watch.h"
#include "image/preprocess.h"
#include "vit158_observe.h"

typedef enum vit158_input_state {
    VIT158_INPUT_NONE,
    VIT158_INPUT_PARTIAL, /* an image was begun, rows are missing */
    VIT158_INPUT_READY    /* the tensor is complete: steps may run */
} vit158_input_state;

struct vit158_session {
    const vit158_model *model;
    vit158_forward forward;
    vit158_preprocess *preprocess;
    vit158_pool_choice own_pool; /* unused if the session runs on a caller's pool */
    vit158_input_state input;
    bool complete; /* the last step has run */
    double (*now_ms)(void);
    vit158_timing timing;
    double *step_ms;    /* [step_count] */
    size_t bytes;       /* of all memory but the observer's */
    vit158_watch watch; /* in use while forward.watch points to it */
    void *watch_memory;
    void *allocation; /* the session itself lies inside, aligned */
    char step_name[VIT158_STEP_NAME_BYTES];
};

/* vit158_session_create on a pool of the caller's, which must outlive the session; then
 * options->threads means nothing. */
vit158_status vit158_session_create_on(vit158_session **out, const vit158_model *model,
                                       const vit158_options *options, vit158_pool *pool,
                                       vit158_error *error);

/* Tells the session's pool how long its steps took in all, so that it can do without helpers that
 * only hold it up. A session with a clock does so by itself. Passes that keep attention take longer
 * and do not count. */
void vit158_session_took(vit158_session *session, double ms);

/* Forgets the results and timing of the input before; `first` is the step to run next. */
void vit158_session_start_over(vit158_session *session, vit158_input_state input, uint32_t first);

/* The step that was run last, NULL if none was since the input. */
static inline const vit158_step *vit158_session_last_step(const vit158_session *session)
{
    const vit158_forward *f = &session->forward;
    return f->next_step > 0 ? &f->program.steps[f->next_step - 1] : NULL;
}

/* Where a tensor of `count` values goes, NULL if the model takes another count: to spare a copy,
 * write there what vit158_session_set_tensor then takes. */
float *vit158_session_input(vit158_session *session, size_t count);

#endif
