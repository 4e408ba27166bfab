/* SPDX-License-Identifier: MIT */
#include "wasm/engine_abi.h"

#include <assert.h>
#include <stdlib.h>

#include "api/session.h"
#include "base/error.h"
#include "model/facts.h"

struct vit158_wasm {
    uint8_t staging[VIT158_WASM_STAGING_BYTES];
    vit158_loader *loader;
    vit158_model *model;
    vit158_session *sessions[VIT158_WASM_SESSIONS];
    vit158_session *session; /* of these, the one in use */
    vit158_pool *pool;
    vit158_error error;
    char state_sha256[65];
};

static_assert(VIT158_WASM_STAGING_BYTES >= VIT158_MAX_IMAGE_SIDE * VIT158_PIXELS_RGBA,
              "staging must hold the widest row");

/* Every call that needs a session starts with this. */
#define RETURN_IF_NO_SESSION(context)                                                              \
    do {                                                                                           \
        if ((context)->session == NULL)                                                            \
            return vit158_fail(&(context)->error, VIT158_E_STATE, "no model is loaded");           \
    } while (0)

vit158_wasm *vit158_wasm_open(void)
{
    return calloc(1, sizeof(vit158_wasm));
}

static void drop_session(vit158_wasm *context, uint32_t place)
{
    if (context->session == context->sessions[place])
        context->session = NULL;
    vit158_session_close(context->sessions[place]);
    context->sessions[place] = NULL;
}

static void drop_sessions(vit158_wasm *context)
{
    for (uint32_t place = 0; place < VIT158_WASM_SESSIONS; place++)
        drop_session(context, place);
}

static void drop_loader(vit158_wasm *context)
{
    vit158_loader_close(context->loader);
    context->loader = NULL;
}

static void drop_all(vit158_wasm *context)
{
    drop_sessions(context);
    drop_loader(context);
    vit158_model_close(context->model);
    context->model = NULL;
}

void vit158_wasm_close(vit158_wasm *context)
{
    if (context == NULL)
        return;
    drop_all(context);
    free(context);
}

const char *vit158_wasm_message(const vit158_wasm *context)
{
    return context->error.message;
}

uint8_t *vit158_wasm_staging(vit158_wasm *context)
{
    return context->staging;
}

uint32_t vit158_wasm_staging_bytes(void)
{
    return VIT158_WASM_STAGING_BYTES;
}

uint32_t vit158_wasm_load_begin(vit158_wasm *context, double expected_bytes)
{
    drop_all(context);
    return vit158_loader_create(&context->loader, (uint64_t)expected_bytes, &context->error);
}

uint32_t vit158_wasm_load_metadata(vit158_wasm *context, uint32_t n_bytes)
{
    if (context->loader == NULL)
        return vit158_fail(&context->error, VIT158_E_STATE, "no load has begun");
    if (n_bytes > VIT158_WASM_STAGING_BYTES)
        return vit158_fail(&context->error, VIT158_E_LIMIT, "%u bytes of metadata: at most %u",
                           (unsigned)n_bytes, VIT158_WASM_STAGING_BYTES);
    return vit158_loader_set_metadata(context->loader, (const char *)context->staging, n_bytes,
                                      &context->error);
}

uint32_t vit158_wasm_load_push(vit158_wasm *context, uint32_t n_bytes)
{
    if (context->loader == NULL)
        return vit158_fail(&context->error, VIT158_E_STATE, "no load has begun");
    if (n_bytes > VIT158_WASM_STAGING_BYTES)
        return vit158_fail(&context->error, VIT158_E_ARGUMENT,
                           "%u bytes do not fit the staging area", (unsigned)n_bytes);
    const vit158_status status =
        vit158_loader_push(context->loader, context->staging, n_bytes, &context->error);
    if (status != VIT158_OK)
        drop_loader(context);
    return status;
}

uint32_t vit158_wasm_load_end(vit158_wasm *context)
{
    if (context->loader == NULL)
        return vit158_fail(&context->error, VIT158_E_STATE, "no load has begun");
    const vit158_status status =
        vit158_loader_finish(context->loader, &context->model, &context->error);
    drop_loader(context);
    return status;
}

char *vit158_wasm_facts(vit158_wasm *context, uint32_t of_file)
{
    if (context->model == NULL) {
        vit158_fail(&context->error, VIT158_E_STATE, "no model is loaded");
        return NULL;
    }
    return vit158_model_json(context->model, of_file != 0, &context->error);
}

const char *vit158_wasm_label(const vit158_wasm *context, uint32_t index)
{
    return context->model != NULL ? vit158_model_label(context->model, index) : NULL;
}

uint32_t vit158_wasm_plan(vit158_wasm *context, uint32_t place, uint32_t engine, uint32_t gemm,
                          uint32_t explain, uint32_t merge_bytes)
{
    const vit158_options options = {.engine = (vit158_engine)engine,
                                    .gemm = (vit158_gemm)gemm,
                                    .merge = (const char *)context->staging,
                                    .explain = explain};
    assert(place < VIT158_WASM_SESSIONS && merge_bytes < VIT158_WASM_STAGING_BYTES);
    context->staging[merge_bytes] = '\0';
    if (context->model == NULL)
        return vit158_fail(&context->error, VIT158_E_STATE, "no model is loaded");
    drop_session(context, place);
    vit158_session **const session = &context->sessions[place];
    vit158_status status =
        vit158_session_create_on(session, context->model, &options, context->pool, &context->error);
    if (status == VIT158_E_MEMORY) {
        drop_sessions(context);
        status = vit158_session_create_on(session, context->model, &options, context->pool,
                                          &context->error);
    }
    if (status == VIT158_OK)
        context->session = *session;
    return status;
}

uint32_t vit158_wasm_use(vit158_wasm *context, uint32_t place)
{
    assert(place < VIT158_WASM_SESSIONS);
    if (context->sessions[place] == NULL)
        return 0;
    context->session = context->sessions[place];
    return 1;
}

void vit158_wasm_use_pool(vit158_wasm *context, vit158_pool *pool)
{
    context->pool = pool;
}

const char *vit158_wasm_engine(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_engine(context->session) : NULL;
}

uint32_t vit158_wasm_session_bytes(const vit158_wasm *context)
{
    return context->session != NULL ? (uint32_t)vit158_session_memory_bytes(context->session) : 0;
}

uint32_t vit158_wasm_begin_image(vit158_wasm *context, uint32_t width, uint32_t height,
                                 uint32_t pixels)
{
    RETURN_IF_NO_SESSION(context);
    return vit158_session_begin_image(context->session, width, height, (vit158_pixels)pixels,
                                      &context->error);
}

uint32_t vit158_wasm_push_rows(vit158_wasm *context, uint32_t row_bytes, uint32_t n_rows)
{
    RETURN_IF_NO_SESSION(context);
    if ((uint64_t)row_bytes * n_rows > VIT158_WASM_STAGING_BYTES)
        return vit158_fail(&context->error, VIT158_E_ARGUMENT,
                           "%u rows of %u bytes do not fit the staging area", (unsigned)n_rows,
                           (unsigned)row_bytes);
    return vit158_session_push_rows(context->session, context->staging, row_bytes, n_rows,
                                    &context->error);
}

float *vit158_wasm_input(const vit158_wasm *context, uint32_t count)
{
    return context->session != NULL ? vit158_session_input(context->session, count) : NULL;
}

uint32_t vit158_wasm_set_tensor(vit158_wasm *context, uint32_t count)
{
    RETURN_IF_NO_SESSION(context);
    return vit158_session_set_tensor(
        context->session, vit158_session_input(context->session, count), count, &context->error);
}

const float *vit158_wasm_tensor(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_tensor(context->session) : NULL;
}

uint32_t vit158_wasm_step_count(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_step_count(context->session) : 0;
}

const char *vit158_wasm_step_name(vit158_wasm *context, uint32_t index)
{
    return context->session != NULL ? vit158_session_step_name(context->session, index) : NULL;
}

void vit158_wasm_took(vit158_wasm *context, double ms)
{
    if (context->session != NULL)
        vit158_session_took(context->session, ms);
}

uint32_t vit158_wasm_step(vit158_wasm *context)
{
    RETURN_IF_NO_SESSION(context);
    return vit158_session_step(context->session, &context->error);
}

const float *vit158_wasm_logits(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_logits(context->session) : NULL;
}

const float *vit158_wasm_embedding(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_embedding(context->session) : NULL;
}

const float *vit158_wasm_attention(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_attention(context->session) : NULL;
}

const float *vit158_wasm_rollout(const vit158_wasm *context)
{
    return context->session != NULL ? vit158_session_rollout(context->session) : NULL;
}

uint32_t vit158_wasm_top_k(const vit158_wasm *context, vit158_prediction *out, uint32_t k)
{
    return context->session != NULL ? vit158_session_top_k(context->session, out, k) : 0;
}

const char *vit158_wasm_state_sha256(vit158_wasm *context)
{
    context->state_sha256[0] = '\0';
    if (context->session != NULL)
        (void)vit158_session_state_sha256(context->session, context->state_sha256, NULL);
    return context->state_sha256;
}

vit158_session *vit158_wasm_session(vit158_wasm *context)
{
    return context->session;
}
