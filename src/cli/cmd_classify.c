/* SPDX-License-Identifier: MIT
 *
 * vit158 classify: pictures to predictions, one record a file. web/README.md describes the JSON.
 */
#include "cli/commands.h"

#include <stdlib.h>

#include "base/sha256.h"
#include "cli/console.h"
#include "cli/picture_team.h"

typedef struct classify_options {
    vit158_run_options run;
    uint32_t top_k;
    uint32_t workers;
    bool json;
    bool logits;
} classify_options;

static void print_timing(vit158_json *json, const vit158_picture_timing *timing)
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

static void print_json(const vit158_classifier *c, const classify_options *options,
                       const vit158_prediction *predictions, uint32_t count,
                       const vit158_picture_timing *timing, const char *file)
{
    const float *const logits = vit158_session_logits(c->session);
    char hash[65];
    vit158_json json = {.out = stdout};
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", file);
    vit158_json_open(&json, "predictions", '[');
    for (uint32_t i = 0; i < count; i++) {
        vit158_json_open(&json, NULL, '{');
        vit158_json_text(&json, "label", vit158_model_label(c->model, predictions[i].index));
        vit158_json_number(&json, "score", predictions[i].score);
        vit158_json_number(&json, "index", predictions[i].index);
        vit158_json_close(&json, '}');
    }
    vit158_json_close(&json, ']');
    print_timing(&json, timing);
    vit158_classifier_json(c, &json);
    if (options->logits) {
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

static void print_text(const vit158_classifier *c, const classify_options *options,
                       const vit158_prediction *predictions, uint32_t count, const char *file)
{
    vit158_print_safely(stdout, file);
    putchar('\n');
    for (uint32_t i = 0; i < count; i++) {
        const char *const label = vit158_model_label(c->model, predictions[i].index);
        printf("  %6.2f %%  ", 100.0 * (double)predictions[i].score);
        if (*label)
            vit158_print_safely(stdout, label);
        else
            printf("class %u", predictions[i].index);
        putchar('\n');
    }
    if (options->logits) {
        const float *const logits = vit158_session_logits(c->session);
        for (uint32_t i = 0; i < c->info.classes; i++)
            printf("%s%.9g", i ? " " : "  logits ", (double)logits[i]);
        putchar('\n');
    }
}

typedef struct run {
    const classify_options *options;
    const vit158_arguments *files;
    vit158_prediction *predictions; /* [top_k] */
    int result;
} run;

static const char *path_of(void *context, size_t index)
{
    const run *const r = context;
    return r->files->values[index];
}

static void print_picture(void *context, size_t index, vit158_classifier *c,
                          const vit158_picture_timing *timing, const vit158_error *error)
{
    run *const r = context;
    const char *const file = r->files->values[index];
    if (error != NULL) {
        r->result = vit158_complain("classify", file, error);
        return;
    }
    const uint32_t count = vit158_session_top_k(c->session, r->predictions, r->options->top_k);
    if (r->options->json)
        print_json(c, r->options, r->predictions, count, timing, file);
    else
        print_text(c, r->options, r->predictions, count, file);
    fflush(stdout);
}

static int classify_files(vit158_classifier *c, const classify_options *options,
                          vit158_prediction *predictions, const vit158_arguments *files)
{
    run r = {.options = options, .files = files, .predictions = predictions};
    const size_t count = (size_t)files->count;
    const vit158_picture_work work = {
        .path = path_of, .done = print_picture, .context = &r, .count = count};
    vit158_run_pictures(c, &work,
                        vit158_choose_workers(options->workers, c->options.threads, count));
    return r.result;
}

int vit158_cmd_classify(int argc, char **argv)
{
    classify_options o = {.top_k = 5};
    vit158_option options[4 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--top-k",
         .letter = "-k",
         .placeholder = "K",
         .help = "number of predictions (5)",
         .kind = VIT158_OPTION_UINT,
         .value = &o.top_k,
         .min = 1,
         .max = 1e9},
        {.name = "--json",
         .help = "one JSON object a line for each file",
         .kind = VIT158_OPTION_FLAG,
         .value = &o.json},
        {.name = "--logits",
         .help = "print the logits of all classes too",
         .kind = VIT158_OPTION_FLAG,
         .value = &o.logits},
    };
    vit158_run_option_rows(options + 3, &o.run);
    options[3 + VIT158_RUN_OPTION_COUNT] = vit158_workers_option(&o.workers);
    const vit158_usage usage = {
        .synopsis = "classify FILE... [options]",
        .about = "Says what is in JPEG and PNG pictures.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = INT32_MAX,
        .notes = "A file that cannot be read is one line on stderr; the others are still done.\n"
                 "Exit codes: 0 all went well, 1 something failed, 2 wrong command line."};
    vit158_arguments files;
    const int parsed = vit158_parse_options(&usage, &files, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &o.run))
        return VIT158_EXIT_FAILED;
    if (o.top_k > c.info.classes)
        o.top_k = c.info.classes;
    vit158_prediction *const predictions = calloc(o.top_k, sizeof *predictions);
    int result = VIT158_EXIT_FAILED;
    if (predictions)
        result = classify_files(&c, &o, predictions, &files);
    else
        fprintf(stderr, "vit158 classify: not enough memory\n");
    free(predictions);
    vit158_classifier_close(&c);
    return result;
}
