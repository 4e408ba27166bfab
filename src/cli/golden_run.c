/* SPDX-License-Identifier: MIT
 *
 * See golden_run.h. web/lib/regression.js says the same with the same words.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/golden_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "base/shortest.h"
#include "base/text.h"

/* Runs all steps and keeps the hash of what each but the last started from or left. */
static vit158_status run_steps(vit158_golden_image *out, vit158_session *session,
                               vit158_error *error)
{
    for (size_t i = 0; i < out->step_count; i++) {
        vit158_golden_step *const step = &out->steps[i];
        vit158_format(step->name, sizeof step->name, "%s",
                      i == 0 ? "preprocess" : vit158_session_step_name(session, (uint32_t)i - 1));
        VIT158_RETURN_IF_ERROR(vit158_session_state_sha256(session, step->sha256, error));
        VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    }
    return vit158_session_state_sha256(session, out->logits_sha256, error);
}

static vit158_status run(vit158_golden_image *out, vit158_classifier *c, const uint8_t *bytes,
                         size_t n_bytes, vit158_error *error)
{
    vit158_prediction best;
    double decode_ms;
    vit158_sha256_hex(out->sha256, bytes, n_bytes);
    VIT158_RETURN_IF_ERROR(vit158_classifier_feed(c, &decode_ms, bytes, n_bytes, error));
    out->step_count = vit158_session_step_count(c->session);
    out->steps = calloc(out->step_count, sizeof *out->steps);
    out->logit_count = c->info.classes;
    out->logits = calloc(out->logit_count, sizeof *out->logits);
    if (out->steps == NULL || out->logits == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
    VIT158_RETURN_IF_ERROR(run_steps(out, c->session, error));
    memcpy(out->logits, vit158_session_logits(c->session), out->logit_count * sizeof *out->logits);
    vit158_session_top_k(c->session, &best, 1);
    out->top1_index = best.index;
    out->top1_label = strdup(vit158_model_label(c->model, best.index));
    return out->top1_label != NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a label");
}

vit158_status vit158_golden_run(vit158_golden_image *out, vit158_classifier *c,
                                const uint8_t *bytes, size_t n_bytes, vit158_error *error)
{
    *out = (vit158_golden_image){0};
    const vit158_status status = run(out, c, bytes, n_bytes, error);
    if (status != VIT158_OK)
        vit158_golden_image_free(out);
    return status;
}

/* Three significant digits, laid out as JavaScript does. */
static void format_rounded(char out[48], double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.3g", value);
    vit158_number_text(out, strtod(text, NULL));
}

static const char *recorded_hash(const vit158_golden_image *image, const char *name)
{
    for (size_t i = 0; i < image->step_count; i++)
        if (strcmp(image->steps[i].name, name) == 0)
            return image->steps[i].sha256;
    return "";
}

static const char *first_difference(const vit158_golden_image *expected,
                                    const vit158_golden_image *found)
{
    for (size_t i = 0; i < found->step_count; i++)
        if (strcmp(recorded_hash(expected, found->steps[i].name), found->steps[i].sha256) != 0)
            return found->steps[i].name;
    return strcmp(expected->logits_sha256, found->logits_sha256) != 0 ? "head" : "";
}

static size_t name_class(char *out, size_t room, const vit158_golden_image *image)
{
    if (image->top1_label[0] == '\0')
        return vit158_format(out, room, "class %u", image->top1_index);
    return vit158_format(out, room, "%s (%u)", image->top1_label, image->top1_index);
}

static void say(vit158_golden_difference *out, const vit158_golden_image *expected,
                const vit158_golden_image *found, double tolerance)
{
    char *const text = out->message;
    const size_t room = sizeof out->message;
    char number[48];
    size_t used = 0;
    if (out->first[0] == '\0') {
        used += vit158_format(text, room, "same");
    } else {
        format_rounded(number, out->max_logit);
        used += vit158_format(text, room, "first difference in %s, logits differ by up to %s",
                              out->first, number);
    }
    if (tolerance >= 0 && out->max_logit > tolerance) {
        format_rounded(number, tolerance);
        used += vit158_format(text + used, room - used, ", more than %s", number);
    }
    if (found->top1_index != expected->top1_index) {
        used += vit158_format(text + used, room - used, ", top-1 is ");
        used += name_class(text + used, room - used, found);
        used += vit158_format(text + used, room - used, " instead of ");
        name_class(text + used, room - used, expected);
    }
}

void vit158_golden_compare(vit158_golden_difference *out, const vit158_golden_image *expected,
                           const vit158_golden_image *found, double tolerance)
{
    const bool same_top = found->top1_index == expected->top1_index;
    *out = (vit158_golden_difference){0};
    vit158_format(out->first, sizeof out->first, "%s", first_difference(expected, found));
    for (size_t i = 0; i < expected->logit_count; i++)
        out->max_logit =
            fmax(out->max_logit, fabs((double)expected->logits[i] - (double)found->logits[i]));
    out->ok = same_top && (tolerance < 0 ? out->first[0] == '\0' : out->max_logit <= tolerance);
    say(out, expected, found, tolerance);
}
