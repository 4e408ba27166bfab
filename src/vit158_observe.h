/* SPDX-License-Identifier: MIT
 *
 * Watching a forward pass from inside: what goes into and comes out of every linear layer, the
 * scores and probabilities of attention, the residual stream after every step, for all tokens of an
 * image. An observer may change what it sees before it is used, so that quantizers which no file
 * can store can be simulated; and a session can start at any step from a residual stream given to
 * it and stop before any other, so that a layer's inputs cost one block and not one pass.
 *
 * Without an observer nothing of this costs time or changes a bit. With one that changes nothing
 * all results keep their bits, too.
 *
 * Letters, ownership, threads and errors as in vit158.h.
 */
#ifndef VIT158_OBSERVE_H
#define VIT158_OBSERVE_H

#include "vit158.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The linear layers of a model: four in each block, and one at either end. */
typedef enum vit158_layer {
    VIT158_LAYER_QKV = 0,   /* d -> 3d: q, k, v, each [H][d / H] */
    VIT158_LAYER_PROJ = 1,  /* d -> d */
    VIT158_LAYER_FC1 = 2,   /* d -> F */
    VIT158_LAYER_FC2 = 3,   /* F -> d */
    VIT158_LAYER_EMBED = 4, /* channels * patch_size^2 -> d */
    VIT158_LAYER_HEAD = 5   /* embedding -> C */
} vit158_layer;

/* What can be seen; bits of a mask. In the order of a pass. */
typedef enum vit158_site {
    /* Input of a linear layer after its norms, before it is quantized: [n_in][ld]. */
    VIT158_SITE_INPUT = 1,
    /* W x + b of a linear layer, before GELU and before it is added to the residual stream:
     * [n_out][ld]. Of VIT158_LAYER_QKV these are the queries, keys and values, of
     * VIT158_LAYER_HEAD the logits. */
    VIT158_SITE_OUTPUT = 2,
    /* q . k / sqrt(d / H) of one head: [key][ld], a column a query. */
    VIT158_SITE_SCORES = 4,
    /* Their softmax down each column. Where attention runs in integers (quantized qkv layers, 128
     * tokens or more) these are multiples of 1 / 32767, to which changed values are rounded. */
    VIT158_SITE_PROBABILITIES = 8,
    /* The residual stream after a step, "embed" to the last "mlp": [d][ld]. */
    VIT158_SITE_RESIDUAL = 16
} vit158_site;

/* `block` of what lies in no block. */
#define VIT158_NO_BLOCK UINT32_MAX

/* One sight: a matrix of which element (row r, token t) lies at values[r * ld + t]. */
typedef struct vit158_sight {
    vit158_site site;
    vit158_layer layer; /* of INPUT and OUTPUT */
    uint32_t step;      /* index of the step that runs */
    uint32_t block;     /* or VIT158_NO_BLOCK */
    uint32_t head;      /* of SCORES and PROBABILITIES */
    uint32_t rows;
    uint32_t tokens; /* N; 1 at the head */
    size_t ld;       /* >= tokens; what lies between is padding of no meaning */
    /* [rows][ld], valid during the call. What is written here is used instead; writing what is not
     * finite ends in VIT158_E_NUMERIC. */
    float *values;
} vit158_sight;

typedef struct vit158_observer {
    /* Called on the thread that runs the session, not from its helpers. It must not use the
     * session. */
    void (*see)(void *context, const vit158_sight *sight);
    void *context;
    uint32_t sites; /* which of vit158_site to see; 0: none, but all tokens are still computed */
} vit158_observer;

/* Sets, replaces or, with `observer` NULL, ends observation; it is copied. Forgets the current
 * input. While a session is observed all tokens of the last block are computed, not only those
 * that the head reads, and vit158_session_copy_hidden gives them.
 * VIT158_E_ARGUMENT: `see` is NULL or an unknown site is asked for; VIT158_E_STATE: the session was
 * made with options.explain; VIT158_E_MEMORY. */
vit158_status vit158_session_observe(vit158_session *session, const vit158_observer *observer,
                                     vit158_error *error);

/* In place of an input: the next step is `step` (1 .. step_count - 1, before the first one that
 * merges tokens), and the residual stream before it is `residual`, token-major [N][d] as
 * vit158_session_copy_hidden gives it, `count` = N * d finite values. With all tokens of the step
 * before, what follows has the bits of a whole pass. */
vit158_status vit158_session_start_at(vit158_session *session, uint32_t step, const float *residual,
                                      size_t count, vit158_error *error);

/* Runs up to but without step `step` (at most step_count); nothing if it is reached already. */
vit158_status vit158_session_run_until(vit158_session *session, uint32_t step, vit158_error *error);

#ifdef __cplusplus
}
#endif
#endif
