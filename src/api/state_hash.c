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
    const uint32_t steps = vit158_session_step_count(session);
    const size_t pixels = (size_t)info->image_size * info->image_size;
    if (session->input != VIT158_INPUT_READY)
        return vit158_fail(error, VIT158_E_STATE, "the session has no complete input");
    vit158_sha256 hash = vit158_sha256_start();
    if (f->next_step == 0) {
        vit158_sha256_add(&hash, f->tensor, info->channels * pixels * sizeof *f->tensor);
    } else if (f->next_step == steps) {
        vit158_sha256_add(&hash, f->logits, info->classes * sizeof *f->logits);
    } else {
        const uint32_t computed = f->next_step >= steps - 2 ? 1 : f->n_tokens;
        for (size_t c = 0; c < info->dim; c++)
            vit158_sha256_add(&hash, f->x + c * f->ld, computed * sizeof *f->x);
    }
    vit158_sha256_end_hex(&hash, out);
    return VIT158_OK;
}
