/* SPDX-License-Identifier: MIT
 *
 * vit158 eval: accuracy over a folder with one sub-folder a class. web/COMMANDS.md describes which
 * folder is which class, which images a limit takes, and the JSON.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/confusion.h"
#include "cli/console.h"
#include "cli/image_team.h"
#include "cli/json_file.h"
#include "cli/labelled_images.h"
#include "cli/statistics.h"

typedef struct tally {
    size_t images;
    size_t top1;
    size_t top5;
    size_t failed;
    double *totals;        /* [images] ms */
    vit158_judged *judged; /* [images] */
} tally;

typedef struct eval_options {
    vit158_run_options run;
    const char *wrong; /* list of wrong images to write */
    uint32_t limit;
    uint32_t workers;
    bool confusion;
    bool json;
} eval_options;

/* With fewer classes the five best are nearly all. */
#define LEAST_CLASSES_TOP5 6

/* Keeps `limit` images spread evenly over the list. */
static void thin_out(vit158_labelled_images *list, size_t limit)
{
    if (limit == 0 || limit >= list->count)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const size_t wanted = (size_t)((uint64_t)kept * list->count / limit);
        if (kept < limit && i == wanted)
            list->values[kept++] = list->values[i];
        else
            free(list->values[i].path);
    }
    list->count = kept;
}

typedef struct run {
    tally *tally;
    const vit158_labelled_images *list;
    size_t taken;
    vit158_progress progress;
} run;

/* Lists are in memory already, so that taking an image is to name it. */
static bool take_image(void *context, vit158_image_item *item)
{
    run *const r = context;
    if (r->taken == r->list->count)
        return false;
    item->path = strdup(r->list->values[r->taken++].path);
    if (item->path == NULL)
        item->status = vit158_fail(&item->error, VIT158_E_MEMORY, "not enough memory for a path");
    return true;
}

static void count_image(void *context, size_t index, const vit158_image_item *item,
                        vit158_classifier *c, const vit158_image_timing *timing,
                        const vit158_error *error)
{
    run *const r = context;
    tally *const t = r->tally;
    const vit158_labelled_image *const p = &r->list->values[index];
    (void)item;
    if (error != NULL) {
        vit158_progress_clear(&r->progress);
        vit158_complain("eval", p->path, error);
        t->failed++;
        return;
    }
    vit158_prediction best[5];
    const uint32_t count = vit158_session_top_k(c->session, best, 5);
    t->totals[t->images] = timing->total;
    t->judged[t->images++] = (vit158_judged){.path = p->path,
                                             .truth = p->class_index,
                                             .predicted = best[0].index,
                                             .score = best[0].score};
    t->top1 += best[0].index == p->class_index;
    for (uint32_t k = 0; k < count; k++)
        t->top5 += best[k].index == p->class_index;
    vit158_progress_update(&r->progress, index + 1);
}

static void run_images(tally *t, vit158_classifier *c, const vit158_labelled_images *list,
                       uint32_t workers)
{
    run r = {.tally = t, .list = list, .progress = vit158_progress_start(list->count)};
    const vit158_image_work work = {
        .take = take_image, .source = &r, .done = count_image, .context = &r};
    vit158_run_images(c, &work, vit158_choose_workers(workers, c->options.threads, list->count));
    vit158_progress_clear(&r.progress);
}

static void print_json(const tally *t, const vit158_classifier *c, bool confusion)
{
    const double images = (double)t->images;
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_number(&json, "images", images);
    /* 0 / 0 is NaN, which prints as null. */
    vit158_json_number(&json, "top1", (double)t->top1 / images);
    if (c->info.classes >= LEAST_CLASSES_TOP5)
        vit158_json_number(&json, "top5", (double)t->top5 / images);
    if (t->images > 0)
        vit158_json_number(&json, "ms_median",
                           vit158_round_ms(vit158_median(t->totals, t->images)));
    else
        vit158_json_raw(&json, "ms_median", "null");
    vit158_json_number(&json, "failed", (double)t->failed);
    if (confusion)
        vit158_json_classes(&json, t->judged, t->images, c->model);
    vit158_classifier_json(c, &json);
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const tally *t, const vit158_classifier *c, bool confusion)
{
    if (t->images == 0) {
        printf("0 images\n");
        return;
    }
    const double images = (double)t->images;
    printf("%zu image%s, top-1 %.2f %%", t->images, t->images == 1 ? "" : "s",
           100.0 * (double)t->top1 / images);
    if (c->info.classes >= LEAST_CLASSES_TOP5)
        printf(", top-5 %.2f %%", 100.0 * (double)t->top5 / images);
    printf(", median %.2f ms", vit158_median(t->totals, t->images));
    if (t->failed > 0)
        printf(", %zu failed", t->failed);
    putchar('\n');
    if (confusion)
        vit158_print_classes(stdout, t->judged, t->images, c->model);
}

static vit158_status report(tally *t, const vit158_classifier *c, const eval_options *o,
                            vit158_error *error)
{
    if (o->wrong != NULL)
        VIT158_RETURN_IF_ERROR(vit158_write_wrong(o->wrong, t->judged, t->images, c->model, error));
    vit158_sort_judged(t->judged, t->images);
    if (o->json)
        print_json(t, c, o->confusion);
    else
        print_text(t, c, o->confusion);
    return VIT158_OK;
}

static int eval_folder(vit158_classifier *c, const char *folder, const eval_options *o)
{
    tally t = {0};
    vit158_labelled_images list = {0};
    vit158_error error;
    const char *subject = folder;
    vit158_status status =
        vit158_labelled_images_list(&list, &t.failed, "eval", c->model, folder, &error);
    if (status == VIT158_OK) {
        thin_out(&list, o->limit);
        t.totals = malloc((list.count + 1) * sizeof *t.totals);
        t.judged = malloc((list.count + 1) * sizeof *t.judged);
        if (t.totals == NULL || t.judged == NULL)
            status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the results");
    }
    if (status == VIT158_OK) {
        run_images(&t, c, &list, o->workers);
        if (t.images + t.failed == 0)
            vit158_complain("eval", folder,
                            &(vit158_error){.message =
                                                "no images: expected a folder for each class "
                                                "with *.jpg, *.jpeg, *.png or "
                                                "*.webp files"});
        status = report(&t, c, o, &error);
        subject = o->wrong;
    }
    if (status != VIT158_OK)
        vit158_complain("eval", subject, &error);
    vit158_labelled_images_free(&list);
    free(t.totals);
    free(t.judged);
    return status == VIT158_OK && t.failed == 0 && t.images > 0 ? VIT158_EXIT_OK
                                                                : VIT158_EXIT_FAILED;
}

int vit158_cmd_eval(int argc, char **argv)
{
    eval_options o = {0};
    vit158_option options[5 + VIT158_RUN_OPTION_COUNT] = {
        {"--limit", NULL, "N", "use only N images, spread evenly over the folder",
         VIT158_OPTION_UINT, &o.limit, 1, 1e9, NULL},
        {"--confusion", NULL, NULL, "also print each class's accuracy and what it is mistaken for",
         VIT158_OPTION_FLAG, &o.confusion, 0, 0, NULL},
        {"--wrong", NULL, "FILE", "list misclassified images in FILE.csv or FILE.json",
         VIT158_OPTION_TEXT, &o.wrong, 0, 0, NULL},
        {"--json", NULL, NULL, "print the result as a JSON object", VIT158_OPTION_FLAG, &o.json, 0,
         0, NULL},
    };
    vit158_run_option_rows(options + 4, &o.run);
    options[4 + VIT158_RUN_OPTION_COUNT] = vit158_workers_option(&o.workers);
    const vit158_usage usage = {
        .synopsis = "eval DIR [options]",
        .about = "Measures accuracy on DIR, which has one folder of JPEG, PNG and WebP images per "
                 "class,\nnamed by the class's label or WordNet ID.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 success, 1 an image or folder failed, 2 wrong usage."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (o.wrong != NULL && !vit158_is_wrong_list(o.wrong)) {
        char message[300];
        snprintf(message, sizeof message,
                 "--wrong wants a name that ends in .csv or .json, got '%.200s'", o.wrong);
        return vit158_options_mistake("eval", message);
    }
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &o.run))
        return VIT158_EXIT_FAILED;
    const int result = eval_folder(&c, rest.values[0], &o);
    vit158_classifier_close(&c);
    return result;
}
