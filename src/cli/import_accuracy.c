/* SPDX-License-Identifier: MIT */
#include "cli/import_accuracy.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/image_classifier.h"
#include "cli/labelled_images.h"

#define STANDARD_ERRORS 2.0

typedef struct tally {
    size_t images;
    size_t correct[2]; /* source, new model */
    size_t only[2];    /* correct where the other is not */
    size_t same;       /* answers */
    size_t failed;
} tally;

static bool answer(uint32_t *index, vit158_classifier *c, const char *path, vit158_error *error)
{
    vit158_image_timing timing;
    vit158_prediction best;
    if (vit158_classifier_run(c, &timing, path, error) != VIT158_OK ||
        vit158_session_top_k(c->session, &best, 1) == 0)
        return false;
    *index = best.index;
    return true;
}

static void judge(tally *t, vit158_classifier c[2], const vit158_labelled_image *image)
{
    uint32_t answers[2];
    vit158_error error;
    for (int i = 0; i < 2; i++) {
        if (!answer(&answers[i], &c[i], image->path, &error)) {
            vit158_complain("import", image->path, &error);
            t->failed++;
            return;
        }
    }
    const bool correct[2] = {answers[0] == image->class_index, answers[1] == image->class_index};
    t->images++;
    t->same += answers[0] == answers[1];
    for (int i = 0; i < 2; i++) {
        t->correct[i] += correct[i];
        t->only[i] += correct[i] && !correct[1 - i];
    }
}

static vit158_status judge_all(tally *t, vit158_classifier c[2], const char *folder,
                               vit158_error *error)
{
    vit158_labelled_images list = {0};
    vit158_status status = vit158_labelled_images_list(&list, c[1].model, folder, error);
    for (size_t i = 0; i < list.unknown_count; i++)
        vit158_complain_unknown_folder("import", list.unknown[i]);
    t->failed += list.unknown_count;
    if (status == VIT158_OK && list.count == 0)
        status = vit158_fail(error, VIT158_E_IO,
                             "no images: expected a folder for each class with *.jpg, *.jpeg, "
                             "*.png or *.webp files");
    vit158_progress progress = vit158_progress_start(list.count);
    for (size_t i = 0; status == VIT158_OK && i < list.count; i++) {
        judge(t, c, &list.values[i]);
        vit158_progress_update(&progress, i + 1);
    }
    vit158_progress_clear(&progress);
    vit158_labelled_images_free(&list);
    return status;
}

static bool report(const tally *t)
{
    const double images = (double)t->images, b = (double)t->only[0], c = (double)t->only[1];
    const bool passed = t->images > 0 && t->failed == 0 && b - c <= STANDARD_ERRORS * sqrt(b + c);
    printf("verify: %zu images, the source is right in %.2f %%, the new model in %.2f %% "
           "(%zu only the one, %zu only the other), same answer in %.2f %%: %s\n",
           t->images, 100.0 * (double)t->correct[0] / images,
           100.0 * (double)t->correct[1] / images, t->only[0], t->only[1],
           100.0 * (double)t->same / images, passed ? "passed" : "FAILED");
    return passed;
}

vit158_status vit158_import_accuracy(bool *passed, const char *source_path, const char *model_path,
                                     const char *folder, vit158_error *error)
{
    vit158_classifier c[2];
    tally t = {0};
    const vit158_run_options source = {.model = source_path}, made = {.model = model_path};
    *passed = false;
    if (!vit158_classifier_open(&c[0], "import", &source))
        return vit158_fail(error, VIT158_E_IO, "the source cannot be classified with");
    if (!vit158_classifier_open(&c[1], "import", &made)) {
        vit158_classifier_close(&c[0]);
        return vit158_fail(error, VIT158_E_IO, "the new model cannot be classified with");
    }
    const vit158_status status = judge_all(&t, c, folder, error);
    if (status == VIT158_OK)
        *passed = report(&t);
    vit158_classifier_close(&c[0]);
    vit158_classifier_close(&c[1]);
    return status;
}
