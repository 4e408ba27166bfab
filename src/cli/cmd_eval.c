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
#include "base/sha256.h"
#include "base/text.h"
#include "cli/confusion.h"
#include "cli/console.h"
#include "cli/evaluation.h"
#include "cli/files.h"
#include "cli/image_team.h"
#include "cli/labelled_images.h"

typedef struct eval_options {
    vit158_run_options run;
    vit158_eval_output output;
    const char *shard_text;
    const char *part; /* file to write */
    vit158_shard shard;
    uint32_t limit;
    uint32_t workers;
    bool combine;
} eval_options;

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

/* Keeps the images of a shard. */
static void keep_shard(vit158_labelled_images *list, vit158_shard shard)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i % shard.count == shard.index - 1)
            list->values[kept++] = list->values[i];
        else
            free(list->values[i].path);
    }
    list->count = kept;
}

/* Of every path with its class, and of the folders that name none. */
static void hash_list(char out[65], const vit158_labelled_images *list)
{
    vit158_sha256 hash = vit158_sha256_start();
    char number[16];
    for (size_t i = 0; i < list->count; i++) {
        const vit158_labelled_image *const p = &list->values[i];
        vit158_sha256_add(&hash, p->path, strlen(p->path) + 1);
        const size_t n = vit158_format(number, sizeof number, "%u", p->class_index);
        vit158_sha256_add(&hash, number, n + 1);
    }
    for (size_t i = 0; i < list->unknown_count; i++)
        vit158_sha256_add(&hash, list->unknown[i], strlen(list->unknown[i]) + 1);
    vit158_sha256_end_hex(&hash, out);
}

typedef struct run {
    vit158_evaluation *evaluation; /* of the list's images; has room for their answers */
    vit158_labelled_images *list;  /* paths that have an answer move there */
    size_t taken;
    vit158_progress progress;
    bool in_shard;
    bool short_of_memory;
} run;

static vit158_status no_memory(vit158_error *error)
{
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
}

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

static uint32_t rank_of(uint32_t truth, const vit158_prediction *best, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        if (best[k].index == truth)
            return k + 1;
    return 0;
}

static void keep_answer(void *context, size_t index, const vit158_image_item *item,
                        vit158_classifier *c, const vit158_image_timing *timing,
                        const vit158_error *error)
{
    run *const r = context;
    vit158_evaluation *const e = r->evaluation;
    vit158_labelled_image *const p = &r->list->values[index];
    vit158_eval_answer *const a = &e->answers[e->count++];
    *a = (vit158_eval_answer){.path = p->path, .truth = p->class_index};
    p->path = NULL;
    if (error != NULL) {
        vit158_progress_clear(&r->progress);
        vit158_complain("eval", a->path, error);
        a->problem = strdup(error->message);
        if (a->problem == NULL || (r->in_shard && item->status == VIT158_E_MEMORY))
            r->short_of_memory = true;
        return;
    }
    vit158_prediction best[5];
    const uint32_t count = vit158_session_top_k(c->session, best, 5);
    a->predicted = best[0].index;
    a->score = best[0].score;
    a->rank = rank_of(a->truth, best, count);
    a->ms = timing->total;
    vit158_progress_update(&r->progress, index + 1);
}

/* An image that memory was too short for fails like any other, but not in a shard, which is run
 * again if it fails as a whole. */
static vit158_status run_images(vit158_evaluation *e, vit158_classifier *c,
                                vit158_labelled_images *list, const eval_options *o,
                                vit158_error *error)
{
    run r = {.evaluation = e,
             .list = list,
             .progress = vit158_progress_start(list->count),
             .in_shard = o->part != NULL};
    const vit158_image_work work = {
        .take = take_image, .source = &r, .done = keep_answer, .context = &r};
    e->answers = malloc((list->count + 1) * sizeof *e->answers);
    if (e->answers == NULL)
        return no_memory(error);
    vit158_run_images(c, &work, vit158_choose_workers(o->workers, c->options.threads, list->count));
    vit158_progress_clear(&r.progress);
    return r.short_of_memory ? no_memory(error) : VIT158_OK;
}

/* What the report says of the model; its hash is wanted in parts only. */
static vit158_status describe_model(vit158_evaluation *e, const vit158_classifier *c, bool hash,
                                    vit158_error *error)
{
    char merges[4096];
    vit158_session_merges(c->session, merges, sizeof merges);
    e->model = strdup(c->name);
    e->merge = strdup(merges);
    e->engine = strdup(vit158_session_engine(c->session));
    e->numerics_version = vit158_numerics_version();
    e->memory_bytes = vit158_classifier_memory(c);
    if (e->model == NULL || e->merge == NULL || e->engine == NULL)
        return no_memory(error);
    VIT158_RETURN_IF_ERROR(vit158_class_labels_copy(&e->labels, c->model, error));
    return hash ? vit158_hash_file(e->model_sha256, c->path, error) : VIT158_OK;
}

static void complain_unknown(const vit158_evaluation *e)
{
    for (size_t i = 0; i < e->unknown_count; i++)
        vit158_complain_unknown_folder("eval", e->unknown[i]);
}

static void complain_answer(const vit158_eval_answer *a)
{
    vit158_error error;
    if (a->problem == NULL)
        return;
    vit158_fail(&error, VIT158_E_IO, "%s", a->problem);
    vit158_complain("eval", a->path, &error);
}

/* The evaluation of a folder, or of a shard of it. */
static vit158_status evaluate(vit158_evaluation *e, vit158_classifier *c, const char *folder,
                              const eval_options *o, vit158_error *error)
{
    vit158_labelled_images list = {0};
    vit158_status status = vit158_labelled_images_list(&list, c->model, folder, error);
    if (status == VIT158_OK) {
        thin_out(&list, o->limit);
        if (o->part != NULL)
            hash_list(e->list_sha256, &list);
        e->images = list.count;
        e->shard = o->shard;
        keep_shard(&list, o->shard);
        e->unknown = list.unknown; /* which owns them from now on */
        e->unknown_count = list.unknown_count;
        list.unknown = NULL;
        list.unknown_count = 0;
        complain_unknown(e);
        status = describe_model(e, c, o->part != NULL, error);
    }
    if (status == VIT158_OK)
        status = run_images(e, c, &list, o, error);
    vit158_labelled_images_free(&list);
    return status;
}

static void complain_empty(const char *folder)
{
    vit158_complain("eval", folder,
                    &(vit158_error){.message = "no images: expected a folder for each class with "
                                               "*.jpg, *.jpeg, *.png or *.webp files"});
}

static int finish(vit158_evaluation *e, const char *subject, vit158_status status,
                  const vit158_error *error)
{
    const size_t failed = vit158_eval_failed(e);
    const bool any = e->count + e->unknown_count > failed;
    vit158_evaluation_free(e);
    if (status != VIT158_OK)
        return vit158_complain("eval", subject, error);
    return failed == 0 && any ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

static int eval_folder(vit158_classifier *c, const char *folder, const eval_options *o)
{
    vit158_evaluation e = {0};
    vit158_error error;
    const char *subject = folder;
    vit158_status status = evaluate(&e, c, folder, o, &error);
    if (status == VIT158_OK) {
        if (e.count + e.unknown_count == 0)
            complain_empty(folder);
        status = vit158_eval_report(&e, &o->output, &error);
        subject = o->output.wrong;
    }
    return finish(&e, subject, status, &error);
}

static void print_shard(const vit158_evaluation *e, const char *part)
{
    const size_t failed = vit158_eval_failed(e) - e->unknown_count;
    vit158_print_safely(stdout, part);
    printf(": shard %u of %u, %zu image%s", e->shard.index, e->shard.count, e->count,
           e->count == 1 ? "" : "s");
    if (failed > 0)
        printf(", %zu failed", failed);
    putchar('\n');
}

/* A shard whose answers are all in its part has done what it should, also if images failed: the
 * report of all parts counts them. */
static int eval_shard(vit158_classifier *c, const char *folder, const eval_options *o)
{
    vit158_evaluation e = {0};
    vit158_error error;
    const char *subject = folder;
    vit158_status status = evaluate(&e, c, folder, o, &error);
    if (status == VIT158_OK && e.images == 0) {
        complain_empty(folder);
        vit158_evaluation_free(&e);
        return VIT158_EXIT_FAILED;
    }
    if (status == VIT158_OK) {
        subject = o->part;
        status = vit158_part_write(&e, o->part, &error);
    }
    if (status == VIT158_OK)
        print_shard(&e, o->part);
    vit158_evaluation_free(&e);
    return status == VIT158_OK ? VIT158_EXIT_OK : vit158_complain("eval", subject, &error);
}

static int eval_parts(const vit158_arguments *parts, const eval_options *o)
{
    vit158_evaluation e;
    vit158_error error;
    const char *subject;
    vit158_status status =
        vit158_parts_combine(&e, &subject, parts->values, (size_t)parts->count, &error);
    if (status == VIT158_OK) {
        complain_unknown(&e);
        for (size_t i = 0; i < e.count; i++)
            complain_answer(&e.answers[i]);
        subject = o->output.wrong;
        status = vit158_eval_report(&e, &o->output, &error);
    }
    return finish(&e, subject, status, &error);
}

/* What is wrong with options that are right each by itself; NULL: nothing. */
static const char *contradiction(char room[300], eval_options *o, const vit158_arguments *rest)
{
    const vit158_run_options *const r = &o->run;
    const vit158_eval_output *const out = &o->output;
    if (out->wrong != NULL && !vit158_is_wrong_list(out->wrong)) {
        vit158_format(room, 300, "--wrong wants a name that ends in .csv or .json, got '%.*s'", 200,
                      out->wrong);
        return room;
    }
    if (o->combine &&
        (o->shard_text != NULL || o->part != NULL || o->limit > 0 || o->workers > 0 ||
         r->model != NULL || r->engine > 0 || r->gemm > 0 || r->threads > 0 || r->merge != NULL))
        return "--combine goes with --confusion, --wrong and --json only";
    if (!o->combine && rest->count > 1) {
        vit158_format(room, 300, "one argument too many: '%.*s'", 200, rest->values[1]);
        return room;
    }
    if ((o->shard_text != NULL) != (o->part != NULL))
        return "--shard I/N and -o PART belong together";
    if (o->part != NULL && (out->confusion || out->wrong != NULL || out->json))
        return "--confusion, --wrong and --json go with --combine, not with --shard";
    if (o->shard_text != NULL && !vit158_shard_parse(&o->shard, o->shard_text)) {
        vit158_format(room, 300, "--shard wants I/N, I from 1 to N, N at most %u, got '%.*s'",
                      VIT158_MAX_SHARDS, 200, o->shard_text);
        return room;
    }
    return NULL;
}

int vit158_cmd_eval(int argc, char **argv)
{
    eval_options o = {.shard = {1, 1}};
    vit158_option options[8 + VIT158_RUN_OPTION_COUNT] = {
        {"--limit", NULL, "N", "use only N images, spread evenly over the folder",
         VIT158_OPTION_UINT, &o.limit, 1, 1e9, NULL},
        {"--confusion", NULL, NULL, "also print each class's accuracy and what it is mistaken for",
         VIT158_OPTION_FLAG, &o.output.confusion, 0, 0, NULL},
        {"--wrong", NULL, "FILE", "list misclassified images in FILE.csv or FILE.json",
         VIT158_OPTION_TEXT, &o.output.wrong, 0, 0, NULL},
        {"--json", NULL, NULL, "print the result as a JSON object", VIT158_OPTION_FLAG,
         &o.output.json, 0, 0, NULL},
        {"--shard", NULL, "I/N", "only every Nth image, from the Ith on; with -o",
         VIT158_OPTION_TEXT, &o.shard_text, 0, 0, NULL},
        {"--output", "-o", "PART", "the file for the answers of a shard", VIT158_OPTION_TEXT,
         &o.part, 0, 0, NULL},
        {"--combine", NULL, NULL, "report what the PARTs of all shards hold", VIT158_OPTION_FLAG,
         &o.combine, 0, 0, NULL},
    };
    vit158_run_option_rows(options + 7, &o.run);
    options[7 + VIT158_RUN_OPTION_COUNT] = vit158_workers_option(&o.workers);
    const vit158_usage usage = {
        .synopsis = "eval DIR|--combine PART... [options]",
        .about = "Measures accuracy on DIR, which has one folder of JPEG, PNG and WebP images per "
                 "class,\nnamed by the class's label or WordNet ID. Several machines may share the "
                 "work: each of\nN runs with --shard I/N -o PART, then one with --combine.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = INT32_MAX,
        .notes = "Exit codes: 0 success, 1 an image or folder failed, 2 wrong usage. A shard that "
                 "is written\nis a success; images that failed in it count when shards are "
                 "combined."};
    char room[300];
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    const char *const mistake = contradiction(room, &o, &rest);
    if (mistake != NULL)
        return vit158_options_mistake("eval", mistake);
    if (o.combine)
        return eval_parts(&rest, &o);
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &o.run))
        return VIT158_EXIT_FAILED;
    const int result =
        o.part != NULL ? eval_shard(&c, rest.values[0], &o) : eval_folder(&c, rest.values[0], &o);
    vit158_classifier_close(&c);
    return result;
}
