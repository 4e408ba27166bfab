/* SPDX-License-Identifier: MIT
 *
 * vit158 classify: images to predictions, one record a file. web/COMMANDS.md describes the JSON.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sha256.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/json_file.h"
#include "cli/own_classes.h"
#include "cli/path_list.h"

typedef struct classify_options {
    vit158_run_options run;
    const char *list;    /* --files-from */
    const char *classes; /* a file of one's own classes */
    uint32_t top_k;
    uint32_t workers;
    double threshold;
    bool json;
    bool logits;
    bool keep_going;
} classify_options;

/* What is printed of an image, whether the model's classes or one's own. */
typedef struct answer {
    const char *label;
    uint32_t index;
    float score;
    float similarity; /* own classes only */
} answer;

typedef struct run {
    const classify_options *options;
    vit158_own_classes *own; /* or NULL */
    vit158_own_match *matches;
    vit158_prediction *predictions; /* [top_k] */
    answer *answers;                /* room for all classes, or all own ones */
    uint32_t count;                 /* of answers */
    bool unsure;
    double unsure_below; /* the model's; 0 = it has none */
    vit158_progress progress;
    size_t failed;
} run;

static void print_timing(vit158_json *json, const vit158_image_timing *timing)
{
    vit158_json_open(json, "timing", '{');
    vit158_json_number(json, "decode", vit158_round_ms(timing->decode));
    vit158_json_number(json, "preprocess", vit158_round_ms(timing->preprocess));
    vit158_json_number(json, "embed", vit158_round_ms(timing->embed));
    vit158_json_number(json, "blocks", vit158_round_ms(timing->blocks));
    vit158_json_number(json, "head", vit158_round_ms(timing->head));
    vit158_json_number(json, "total", vit158_round_ms(timing->total));
    vit158_json_close(json, '}');
}

static void print_json(const vit158_classifier *c, const run *r, const vit158_image_timing *timing,
                       const char *file)
{
    const float *const logits = vit158_session_logits(c->session);
    char hash[65];
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", file);
    vit158_json_open(&json, "predictions", '[');
    for (uint32_t i = 0; i < r->count; i++) {
        vit158_json_open(&json, NULL, '{');
        vit158_json_text(&json, "label", r->answers[i].label);
        vit158_json_number(&json, "score", r->answers[i].score);
        vit158_json_number(&json, "index", r->answers[i].index);
        if (r->own != NULL)
            vit158_json_number(&json, "similarity", r->answers[i].similarity);
        vit158_json_close(&json, '}');
    }
    vit158_json_close(&json, ']');
    vit158_json_bool(&json, "unsure", r->unsure);
    print_timing(&json, timing);
    vit158_classifier_json(c, &json);
    if (r->options->logits) {
        vit158_json_open(&json, "logits", '[');
        for (uint32_t i = 0; i < c->info.classes; i++)
            vit158_json_number(&json, NULL, logits[i]);
        vit158_json_close(&json, ']');
    }
    vit158_sha256_hex(hash, logits, c->info.classes * sizeof *logits);
    vit158_json_text(&json, "logits_sha256", hash);
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const vit158_classifier *c, const run *r, const char *file)
{
    vit158_print_safely(stdout, file);
    putchar('\n');
    if (r->unsure)
        printf("  looks like none of the classes; the best guesses:\n");
    for (uint32_t i = 0; i < r->count; i++) {
        printf("  %6.2f %%  ", 100.0 * (double)r->answers[i].score);
        if (*r->answers[i].label)
            vit158_print_safely(stdout, r->answers[i].label);
        else
            printf("class %u", r->answers[i].index);
        putchar('\n');
    }
    if (r->options->logits) {
        const float *const logits = vit158_session_logits(c->session);
        for (uint32_t i = 0; i < c->info.classes; i++)
            printf("%s%.9g", i ? " " : "  logits ", (double)logits[i]);
        putchar('\n');
    }
}

/* In the place of a record. */
static void print_problem(const char *file, const vit158_error *error, vit158_status status)
{
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", file);
    vit158_json_open(&json, "error", '{');
    vit158_json_text(&json, "code", vit158_status_name(status));
    vit158_json_text(&json, "message", error->message);
    vit158_json_close(&json, '}');
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void find_answers(run *r, vit158_classifier *c)
{
    const uint32_t k = r->options->top_k;
    uint32_t found = 0;
    r->count = 0;
    if (r->own != NULL) {
        const float *const embedding = vit158_session_embedding(c->session);
        found = (uint32_t)vit158_own_classes_match(r->own, embedding, r->matches, &r->unsure);
        for (uint32_t i = 0; i < found && i < k; i++)
            r->answers[i] = (answer){.label = r->own->classes[r->matches[i].index].name,
                                     .index = r->matches[i].index,
                                     .score = r->matches[i].score,
                                     .similarity = r->matches[i].similarity};
    } else {
        found = vit158_session_top_k(c->session, r->predictions, k);
        r->unsure = (double)r->predictions[0].score < r->unsure_below;
        for (uint32_t i = 0; i < found; i++)
            r->answers[i] = (answer){.label = vit158_model_label(c->model, r->predictions[i].index),
                                     .index = r->predictions[i].index,
                                     .score = r->predictions[i].score};
    }
    found = found < k ? found : k;
    while (r->count < found && (double)r->answers[r->count].score >= r->options->threshold)
        r->count++;
}

static void print_image(void *context, size_t index, const vit158_image_item *item,
                        vit158_classifier *c, const vit158_image_timing *timing,
                        const vit158_error *error)
{
    run *const r = context;
    vit158_progress_clear(&r->progress);
    if (error != NULL) {
        r->failed++;
        if (r->options->json && (r->options->keep_going || r->options->list != NULL))
            print_problem(item->path, error, item->status);
        else
            vit158_complain("classify", item->path, error);
    } else {
        find_answers(r, c);
        if (r->options->json)
            print_json(c, r, timing, item->path);
        else
            print_text(c, r, item->path);
    }
    fflush(stdout);
    vit158_progress_update(&r->progress, index + 1);
}

static vit158_status check_classes(const vit158_own_classes *own, const vit158_classifier *c,
                                   vit158_error *error)
{
    char hash[65];
    char start[13];
    VIT158_RETURN_IF_ERROR(vit158_hash_file(hash, c->path, error));
    memcpy(start, own->model_sha256, 12);
    start[12] = '\0';
    if (own->dim != c->info.embedding || strcmp(hash, own->model_sha256) != 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the classes were taught with another model, %s of SHA-256 %s...",
                           own->model_name, start);
    return VIT158_OK;
}

static vit158_status make_room(run *r, const vit158_classifier *c, vit158_error *error)
{
    const size_t own = r->own != NULL ? r->own->count : 0;
    const size_t room = (own > c->info.classes ? own : c->info.classes) + 1;
    const char *const below = vit158_model_metadata(c->model, "unsure");
    r->unsure_below = below != NULL ? strtod(below, NULL) : 0.0; /* checked by the loader */
    r->matches = calloc(room, sizeof *r->matches);
    r->predictions = calloc(room, sizeof *r->predictions);
    r->answers = calloc(room, sizeof *r->answers);
    if (r->matches == NULL || r->predictions == NULL || r->answers == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
    return VIT158_OK;
}

static void run_source(run *r, vit158_classifier *c, vit158_path_list *source)
{
    const size_t count = source->list != NULL ? SIZE_MAX : source->count;
    const vit158_image_work work = {
        .take = vit158_path_list_take, .source = source, .done = print_image, .context = r};
    if (source->list == NULL && !isatty(STDOUT_FILENO))
        r->progress = vit158_progress_start(count);
    vit158_run_images(c, &work,
                      vit158_choose_workers(r->options->workers, c->options.threads, count));
    vit158_progress_clear(&r->progress);
}

/* Everything after the model is open. */
static int classify(vit158_classifier *c, classify_options *o, const vit158_arguments *files)
{
    run r = {.options = o};
    vit158_own_classes own = {0};
    vit158_path_list source = {0};
    vit158_error error;
    const char *subject = o->classes;
    vit158_status status = VIT158_OK;
    if (o->classes != NULL) {
        status = vit158_own_classes_read(&own, o->classes, &error);
        if (status == VIT158_OK)
            status = check_classes(&own, c, &error);
        r.own = &own;
    }
    if (status == VIT158_OK && r.own == NULL && c->info.classes == 0)
        status = vit158_fail(&error, VIT158_E_UNSUPPORTED,
                             "the model has no head, so it knows no classes: teach it some in the "
                             "page and give them with --classes FILE");
    const uint32_t most = r.own != NULL ? (uint32_t)own.count : c->info.classes;
    if (o->top_k > most)
        o->top_k = most;
    if (status == VIT158_OK) {
        subject = o->list;
        status = o->list != NULL ? vit158_path_list_open_list(&source, o->list, &error)
                                 : vit158_path_list_open(&source, files, &error);
    }
    if (status == VIT158_OK)
        status = make_room(&r, c, &error);
    if (status == VIT158_OK)
        run_source(&r, c, &source);
    else
        vit158_complain("classify", subject, &error);
    vit158_path_list_close(&source);
    vit158_own_classes_free(&own);
    free(r.matches);
    free(r.predictions);
    free(r.answers);
    return status == VIT158_OK && (r.failed == 0 || o->keep_going) ? VIT158_EXIT_OK
                                                                   : VIT158_EXIT_FAILED;
}

#define OWN_OPTIONS 7

static void fill_options(vit158_option options[OWN_OPTIONS + VIT158_RUN_OPTION_COUNT + 1],
                         classify_options *o)
{
    const vit158_option own[OWN_OPTIONS] = {
        {"--top-k", "-k", "K", "number of predictions (5)", VIT158_OPTION_UINT, &o->top_k, 1, 1e9,
         NULL},
        {"--threshold", NULL, "X", "leave out lower scores (0)", VIT158_OPTION_NUMBER,
         &o->threshold, 0, 1, NULL},
        {"--json", NULL, NULL, "print one JSON object per file and line", VIT158_OPTION_FLAG,
         &o->json, 0, 0, NULL},
        {"--logits", NULL, NULL, "also print the logits of all classes", VIT158_OPTION_FLAG,
         &o->logits, 0, 0, NULL},
        {"--files-from", NULL, "FILE",
         "read paths from FILE or - (stdin), one per line; prints JSON", VIT158_OPTION_TEXT,
         &o->list, 0, 0, NULL},
        {"--keep-going", NULL, NULL, "exit with 0 even if files fail; --json says which",
         VIT158_OPTION_FLAG, &o->keep_going, 0, 0, NULL},
        {"--classes", NULL, "FILE", "use your own classes (web/FILES.md) instead of the model's",
         VIT158_OPTION_TEXT, &o->classes, 0, 0, NULL},
    };
    memcpy(options, own, sizeof own);
    vit158_run_option_rows(options + OWN_OPTIONS, &o->run);
    options[OWN_OPTIONS + VIT158_RUN_OPTION_COUNT] = vit158_workers_option(&o->workers);
}

int vit158_cmd_classify(int argc, char **argv)
{
    classify_options o = {.top_k = 5};
    vit158_option options[OWN_OPTIONS + VIT158_RUN_OPTION_COUNT + 1];
    fill_options(options, &o);
    const vit158_usage usage = {
        .synopsis = "classify FILE... [options]",
        .about = "Classifies JPEG, PNG and WebP images. FILE may be a folder of them, or - for one "
                 "image\nfrom standard input.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 0,
        .max_arguments = INT32_MAX,
        .notes = "A file that cannot be read is reported on stderr; the others are still "
                 "processed.\nWith --files-from the error takes its place in the output: "
                 "{\"file\", \"error\": {\"code\", \"message\"}}.\nExit codes: 0 success, 1 "
                 "something failed, 2 wrong usage."};
    vit158_arguments files;
    const int parsed = vit158_parse_options(&usage, &files, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if ((files.count > 0) == (o.list != NULL))
        return vit158_options_mistake(
            "classify", o.list != NULL
                            ? "images and --files-from exclude each other"
                            : "an argument is missing: vit158 classify FILE... [options]");
    o.json = o.json || o.list != NULL;
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &o.run))
        return VIT158_EXIT_FAILED;
    const int result = classify(&c, &o, &files);
    vit158_classifier_close(&c);
    return result;
}
