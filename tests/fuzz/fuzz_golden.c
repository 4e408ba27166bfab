/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a golden file: an error with a sentence, or what reads back the same once written.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/golden_file.h"
#include "fuzz/memory_disk.h"

#define OUT MEMORY_DISK "out"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static bool same_image(const vit158_golden_image *a, const vit158_golden_image *b)
{
    if (strcmp(a->file, b->file) != 0 || strcmp(a->sha256, b->sha256) != 0 ||
        strcmp(a->top1_label, b->top1_label) != 0 || a->top1_index != b->top1_index ||
        strcmp(a->logits_sha256, b->logits_sha256) != 0 || a->step_count != b->step_count ||
        a->logit_count != b->logit_count)
        return false;
    for (size_t i = 0; i < a->step_count; i++) {
        if (strcmp(a->steps[i].name, b->steps[i].name) != 0 ||
            strcmp(a->steps[i].sha256, b->steps[i].sha256) != 0)
            return false;
    }
    return memcmp(a->logits, b->logits, a->logit_count * sizeof *a->logits) == 0;
}

static bool same(const vit158_golden *a, const vit158_golden *b)
{
    if (a->numerics_version != b->numerics_version || a->image_count != b->image_count ||
        strcmp(a->model_file, b->model_file) != 0 || strcmp(a->model_sha256, b->model_sha256) != 0)
        return false;
    for (size_t i = 0; i < a->image_count; i++) {
        if (!same_image(&a->images[i], &b->images[i]))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_golden golden, again;
    vit158_error error = {VIT158_OK, ""};
    const vit158_status status = vit158_golden_parse(&golden, data, n_bytes, &error);
    if (status != VIT158_OK) {
        if (error.status != status || strlen(error.message) < 10)
            abort();
        return 0;
    }
    size_t written = 0, found = 0;
    if (vit158_golden_write(&written, &golden, OUT, &error) != VIT158_OK)
        abort();
    const uint8_t *text = memory_disk_get(OUT, &found);
    if (text == NULL || found != written ||
        vit158_golden_parse(&again, text, found, &error) != VIT158_OK || !same(&golden, &again))
        abort();
    vit158_golden_free(&again);
    vit158_golden_free(&golden);
    memory_disk_clear();
    return 0;
}
