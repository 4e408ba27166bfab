/* SPDX-License-Identifier: MIT
 *
 * vit158 eval: accuracy over a folder with one sub-folder a class. web/README.md describes which
 * folder is which class, which pictures a limit takes, and the JSON.
 */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/class_names.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/picture_team.h"
#include "cli/statistics.h"

typedef struct picture {
    char *path; /* owned */
    uint32_t class_index;
} picture;

typedef struct picture_list {
    picture *values;
    size_t count;
    size_t capacity;
} picture_list;

typedef struct tally {
    size_t images;
    size_t top1;
    size_t top5;
    size_t failed;
    double *totals; /* [images] ms */
} tally;

static void free_pictures(picture_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->values[i].path);
    free(list->values);
    *list = (picture_list){0};
}

/* Takes ownership of `path`, which may be NULL. */
static vit158_status add_picture(picture_list *list, char *path, uint32_t class_index,
                                 vit158_error *error)
{
    if (path && list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 256;
        picture *const values = realloc(list->values, capacity * sizeof *values);
        if (values) {
            list->values = values;
            list->capacity = capacity;
        }
    }
    if (!path || list->count == list->capacity) {
        free(path);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the list of pictures");
    }
    list->values[list->count++] = (picture){path, class_index};
    return VIT158_OK;
}

static vit158_status add_class_folder(picture_list *list, const char *folder, uint32_t class_index,
                                      vit158_error *error)
{
    vit158_names files;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&files, folder, VIT158_ENTRY_PICTURE, error));
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < files.count && status == VIT158_OK; i++)
        status = add_picture(list, vit158_join_path(folder, files.values[i]), class_index, error);
    vit158_names_free(&files);
    return status;
}

/* Every picture under `root` with its class; folders that name no class are complained about. */
static vit158_status list_pictures(picture_list *list, size_t *failed, const vit158_model *model,
                                   const char *root, vit158_error *error)
{
    vit158_names folders;
    VIT158_RETURN_IF_ERROR(vit158_list_folder(&folders, root, VIT158_ENTRY_FOLDER, error));
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < folders.count && status == VIT158_OK; i++) {
        char *const path = vit158_join_path(root, folders.values[i]);
        uint32_t class_index;
        vit158_error folder_error;
        if (!path) {
            status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
        } else if (!vit158_find_class(&class_index, model, folders.values[i])) {
            vit158_fail(&folder_error, VIT158_E_ARGUMENT, "the folder names no class of the model");
            vit158_complain("eval", path, &folder_error);
            ++*failed;
        } else {
            status = add_class_folder(list, path, class_index, error);
        }
        free(path);
    }
    vit158_names_free(&folders);
    return status;
}

/* Keeps `limit` pictures spread evenly over the list. */
static void thin_out(picture_list *list, size_t limit)
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
    const picture_list *list;
    vit158_progress progress;
} run;

static const char *path_of(void *context, size_t index)
{
    const run *const r = context;
    return r->list->values[index].path;
}

static void count_picture(void *context, size_t index, vit158_classifier *c,
                          const vit158_picture_timing *timing, const vit158_error *error)
{
    run *const r = context;
    tally *const t = r->tally;
    const picture *const p = &r->list->values[index];
    if (error != NULL) {
        vit158_progress_clear(&r->progress);
        vit158_complain("eval", p->path, error);
        t->failed++;
        return;
    }
    vit158_prediction best[5];
    const uint32_t count = vit158_session_top_k(c->session, best, 5);
    t->totals[t->images++] = timing->total;
    t->top1 += best[0].index == p->class_index;
    for (uint32_t k = 0; k < count; k++)
        t->top5 += best[k].index == p->class_index;
    vit158_progress_update(&r->progress, index + 1);
}

static void run_pictures(tally *t, vit158_classifier *c, const picture_list *list, uint32_t workers)
{
    run r = {.tally = t, .list = list, .progress = vit158_progress_start(list->count)};
    const vit158_picture_work work = {
        .path = path_of, .done = count_picture, .context = &r, .count = list->count};
    vit158_run_pictures(c, &work, vit158_choose_workers(workers, c->options.threads, list->count));
    vit158_progress_clear(&r.progress);
}

static void print_json(const tally *t, const vit158_classifier *c)
{
    const double images = (double)t->images;
    vit158_json json = {.out = stdout};
    vit158_json_open(&json, NULL, '{');
    vit158_json_number(&json, "images", images);
    /* 0 / 0 is NaN, which prints as null. */
    vit158_json_number(&json, "top1", (double)t->top1 / images);
    vit158_json_number(&json, "top5", (double)t->top5 / images);
    if (t->images > 0)
        vit158_json_number(&json, "ms_median",
                           vit158_round_ms(vit158_median(t->totals, t->images)));
    else
        vit158_json_raw(&json, "ms_median", "null");
    vit158_json_number(&json, "failed", (double)t->failed);
    vit158_classifier_json(c, &json);
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const tally *t)
{
    if (t->images == 0) {
        printf("0 images\n");
        return;
    }
    printf("%zu images, top-1 %.2f %%, top-5 %.2f %%, median %.2f ms", t->images,
           100.0 * (double)t->top1 / (double)t->images, 100.0 * (double)t->top5 / (double)t->images,
           vit158_median(t->totals, t->images));
    if (t->failed > 0)
        printf(", %zu failed", t->failed);
    putchar('\n');
}

static int eval_folder(vit158_classifier *c, const char *folder, size_t limit, uint32_t workers,
                       bool json)
{
    tally t = {0};
    picture_list list = {0};
    vit158_error error;
    vit158_status status = list_pictures(&list, &t.failed, c->model, folder, &error);
    if (status == VIT158_OK) {
        thin_out(&list, limit);
        t.totals = malloc((list.count + 1) * sizeof *t.totals);
        if (!t.totals)
            status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the results");
    }
    if (status == VIT158_OK) {
        run_pictures(&t, c, &list, workers);
        if (t.images + t.failed == 0)
            status = vit158_fail(&error, VIT158_E_ARGUMENT,
                                 "no pictures: expected a folder for each class with *.jpg, *.jpeg "
                                 "or *.png files");
        if (json)
            print_json(&t, c);
        else
            print_text(&t);
    }
    if (status != VIT158_OK)
        vit158_complain("eval", folder, &error);
    free_pictures(&list);
    free(t.totals);
    return status == VIT158_OK && t.failed == 0 ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

int vit158_cmd_eval(int argc, char **argv)
{
    vit158_run_options run_options = {0};
    uint32_t limit = 0;
    uint32_t workers = 0;
    bool json = false;
    vit158_option options[3 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--limit",
         .placeholder = "N",
         .help = "only N pictures, spread evenly over the folder",
         .kind = VIT158_OPTION_UINT,
         .value = &limit,
         .min = 1,
         .max = 1e9},
        {.name = "--json",
         .help = "the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &json},
    };
    vit158_run_option_rows(options + 2, &run_options);
    options[2 + VIT158_RUN_OPTION_COUNT] = vit158_workers_option(&workers);
    const vit158_usage usage = {
        .synopsis = "eval DIR [options]",
        .about =
            "Measures accuracy on DIR, which has a folder for each class, named by the class's "
            "label\nor wnid, with JPEG and PNG pictures in it.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes =
            "Exit codes: 0 all went well, 1 a picture or folder failed, 2 wrong command line."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &run_options))
        return VIT158_EXIT_FAILED;
    const int result = eval_folder(&c, rest.values[0], limit, workers, json);
    vit158_classifier_close(&c);
    return result;
}
