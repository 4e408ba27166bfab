/* SPDX-License-Identifier: MIT
 *
 * The exports of vit158.wasm: vit158.h flattened to ints, doubles and pointers for
 * web/lib/engine.js, the only caller. A context holds one model, its sessions, the last error and a
 * staging area of fixed size through which all bytes come in, so memory grows only while a model
 * loads or a session is planned. Functions that can fail return a vit158_status; the sentence is at
 * vit158_wasm_message. Exported too, as they are: vit158_version, vit158_numerics_version and
 * vit158_status_name of vit158.h, malloc and free.
 */
#ifndef VIT158_WASM_ENGINE_ABI_H
#define VIT158_WASM_ENGINE_ABI_H

#include "base/parallel.h"
#include "vit158.h"

/* How many kinds of sessions of a model are kept. */
#define VIT158_WASM_SESSIONS 4U

/* Holds a row of the widest image: VIT158_MAX_IMAGE_SIDE RGBA pixels. */
#define VIT158_WASM_STAGING_BYTES 65536U

typedef struct vit158_wasm vit158_wasm;

/* NULL if memory is short. */
vit158_wasm *vit158_wasm_open(void);
void vit158_wasm_close(vit158_wasm *context);

const char *vit158_wasm_message(const vit158_wasm *context);
uint8_t *vit158_wasm_staging(vit158_wasm *context);
uint32_t vit158_wasm_staging_bytes(void);

/* ---- Model: begin, push pieces from staging, end ---- */

/* Drops model and session. `expected_bytes` < 2^53, 0 = unknown. */
uint32_t vit158_wasm_load_begin(vit158_wasm *context, double expected_bytes);
/* Metadata that replaces or adds to the file's, JSON from staging; before the first push. */
uint32_t vit158_wasm_load_metadata(vit158_wasm *context, uint32_t n_bytes);
uint32_t vit158_wasm_load_push(vit158_wasm *context, uint32_t n_bytes);
uint32_t vit158_wasm_load_end(vit158_wasm *context);

/* What there is to know about the model, as JSON (vit158_model_json): its info and metadata, or, if
 * `of_file`, what `vit158 inspect --json` prints. The caller frees the text. NULL if there is no
 * model or no memory, see vit158_wasm_message. */
char *vit158_wasm_facts(vit158_wasm *context, uint32_t of_file);
const char *vit158_wasm_label(const vit158_wasm *context, uint32_t index);

/* ---- Session ---- */

/* Plans a session for the loaded model, in place of the one there was at `place` <
 * VIT158_WASM_SESSIONS, and uses it. `engine` and `gemm` as in vit158.h; what to merge is text in
 * staging, merge_bytes < VIT158_WASM_STAGING_BYTES of it. If memory is short, all other
 * sessions go; after another error the one used before is still in use, unless it was at `place`.
 */
uint32_t vit158_wasm_plan(vit158_wasm *context, uint32_t place, uint32_t engine, uint32_t gemm,
                          uint32_t explain, uint32_t merge_bytes);
/* Uses the session at `place` from now on; 0 if there is none. */
uint32_t vit158_wasm_use(vit158_wasm *context, uint32_t place);
/* Sessions planned from now on run on `pool` (threads_abi.h), NULL = on the caller alone. */
void vit158_wasm_use_pool(vit158_wasm *context, vit158_pool *pool);
const char *vit158_wasm_engine(const vit158_wasm *context);
uint32_t vit158_wasm_session_bytes(const vit158_wasm *context);

uint32_t vit158_wasm_begin_image(vit158_wasm *context, uint32_t width, uint32_t height,
                                 uint32_t pixels);
/* Rows in staging, n_rows * row_bytes <= VIT158_WASM_STAGING_BYTES. */
uint32_t vit158_wasm_push_rows(vit158_wasm *context, uint32_t row_bytes, uint32_t n_rows);
/* Where to write `count` values for vit158_wasm_set_tensor; NULL without a session, or if it takes
 * another count. */
float *vit158_wasm_input(const vit158_wasm *context, uint32_t count);
uint32_t vit158_wasm_set_tensor(vit158_wasm *context, uint32_t count);
const float *vit158_wasm_tensor(const vit158_wasm *context);

uint32_t vit158_wasm_step_count(const vit158_wasm *context);
const char *vit158_wasm_step_name(vit158_wasm *context, uint32_t index);
uint32_t vit158_wasm_step(vit158_wasm *context);

/* The steps of an image took `ms` in all, see vit158_session_took. */
void vit158_wasm_took(vit158_wasm *context, double ms);

/* ---- Results ---- */

const float *vit158_wasm_logits(const vit158_wasm *context);
const float *vit158_wasm_embedding(const vit158_wasm *context);
const float *vit158_wasm_attention(const vit158_wasm *context);
const float *vit158_wasm_rollout(const vit158_wasm *context);
/* Writes up to k predictions to `out`, returns how many. */
uint32_t vit158_wasm_top_k(const vit158_wasm *context, vit158_prediction *out, uint32_t k);
/* As vit158_session_state_sha256: after the last step, of the logits. "" without an input. */
const char *vit158_wasm_state_sha256(vit158_wasm *context);

/* The session, for code linked into the same module (not exported); NULL before it is planned. */
vit158_session *vit158_wasm_session(vit158_wasm *context);

#endif
