/* SPDX-License-Identifier: MIT
 *
 * A hash of what each step leaves behind, so that two runs can be compared step by step.
 */
#include "api/session.h"
#include "base/error.h"
#include "base/sha256.h"

vit158_status vit158_session_state_sha256(const vit158_session *session, char out[65],
                                          vit158_error *error)
{
    const vit158_forward *f = &session->forward;
    const vit158_model_info *info = &f->model->info;
    const vit158_step *last = vit158_session_last_step(session);
    const size_t pixels = (size_t)info->image_size * info->image_size;
    if (session->input != VIT158_INPUT_READY)
        return vit158_fail(error, VIT158_E_STATE, "the session has no complete input");
    vit158_sha256 hash = vit158_sha256_start();
    if (last == NULL) {
        vit158_sha256_add(&hash, f->tensor, info->channels * pixels * sizeof *f->tensor);
    } else if (last->kind == VIT158_STEP_HEAD && info->classes == 0) {
        vit158_sha256_add(&hash, f->embedding, info->embedding * sizeof *f->embedding);
    } else if (last->kind == VIT158_STEP_HEAD) {
        vit158_sha256_add(&hash, f->logits, info->classes * sizeof *f->logits);
    } else {
        for (size_t c = 0; c < info->dim; c++)
            vit158_sha256_add(&hash, f->x + c * f->ld, last->needed * sizeof *f->x);
    }
    vit158_sha256_end_hex(&hash, out);
    return VIT158_OK;
}
