/* SPDX-License-Identifier: MIT
 *
 * What `eval` says of the answers, for people and as JSON. See evaluation.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/confusion.h"
#include "cli/evaluation.h"
#include "cli/image_classifier.h"
#include "cli/json_file.h"
#include "cli/statistics.h"

/* With fewer classes the five best are nearly all. */
#define LEAST_CLASSES_TOP5 6

typedef struct tally {
    size_t images; /* classified */
    size_t top1;
    size_t top5;
    size_t failed;
    double *totals;        /* [images] ms */
    vit158_judged *judged; /* [images] */
} tally;

static vit158_status count_answers(tally *t, const vit158_evaluation *e, vit158_error *error)
{
    *t = (tally){.failed = vit158_eval_failed(e),
                 .totals = malloc((e->count + 1) * sizeof *t->totals),
                 .judged = malloc((e->count + 1) * sizeof *t->judged)};
    if (t->totals == NULL || t->judged == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
    for (size_t i = 0; i < e->count; i++) {
        const vit158_eval_answer *const a = &e->answers[i];
        if (a->problem != NULL)
            continue;
        t->totals[t->images] = a->ms;
        t->judged[t->images++] = (vit158_judged){
            .path = a->path, .truth = a->truth, .predicted = a->predicted, .score = a->score};
        t->top1 += a->rank == 1;
        t->top5 += a->rank > 0;
    }
    return VIT158_OK;
}

static void print_json(const tally *t, const vit158_evaluation *e, bool confusion)
{
    const double images = (double)t->images;
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_number(&json, "images", images);
    /* 0 / 0 is NaN, which prints as null. */
    vit158_json_number(&json, "top1", (double)t->top1 / images);
    if (e->labels.count >= LEAST_CLASSES_TOP5)
        vit158_json_number(&json, "top5", (double)t->top5 / images);
    if (t->images > 0)
        vit158_json_number(&json, "ms_median",
                           vit158_round_ms(vit158_median(t->totals, t->images)));
    else
        vit158_json_raw(&json, "ms_median", "null");
    vit158_json_number(&json, "failed", (double)t->failed);
    if (confusion)
        vit158_json_classes(&json, t->judged, t->images, &e->labels);
    vit158_json_text(&json, "model", e->model);
    vit158_json_text(&json, "engine", e->engine);
    vit158_json_number(&json, "numerics_version", e->numerics_version);
    vit158_json_number(&json, "memory_bytes", e->memory_bytes);
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const tally *t, const vit158_evaluation *e, bool confusion)
{
    if (t->images == 0) {
        printf("0 images\n");
        return;
    }
    const double images = (double)t->images;
    printf("%zu image%s, top-1 %.2f %%", t->images, t->images == 1 ? "" : "s",
           100.0 * (double)t->top1 / images);
    if (e->labels.count >= LEAST_CLASSES_TOP5)
        printf(", top-5 %.2f %%", 100.0 * (double)t->top5 / images);
    printf(", median %.2f ms", vit158_median(t->totals, t->images));
    if (t->failed > 0)
        printf(", %zu failed", t->failed);
    putchar('\n');
    if (confusion)
        vit158_print_classes(stdout, t->judged, t->images, &e->labels);
}

vit158_status vit158_eval_report(const vit158_evaluation *e, const vit158_eval_output *o,
                                 vit158_error *error)
{
    tally t;
    vit158_status status = count_answers(&t, e, error);
    if (status == VIT158_OK && o->wrong != NULL)
        status = vit158_write_wrong(o->wrong, t.judged, t.images, &e->labels, error);
    if (status == VIT158_OK) {
        vit158_sort_judged(t.judged, t.images);
        if (o->json)
            print_json(&t, e, o->confusion);
        else
            print_text(&t, e, o->confusion);
    }
    free(t.totals);
    free(t.judged);
    return status;
}
