/* SPDX-License-Identifier: MIT
 *
 * vit158 bench: how long a model takes natively, from a seeded tensor to logits. The JSON is that
 * of `npm run bench`, with env "native" and no wasm memory.
 */
#include "cli/commands.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "cli/bench_profile.h"
#include "cli/console.h"
#include "cli/image_classifier.h"
#include "cli/json_file.h"
#include "cli/statistics.h"

#define MIN_RUNS 5U
#define MAX_RUNS 1000U

typedef struct bench_options {
    vit158_run_options run;
    uint32_t runs;
    double seconds;
    bool profile;
    bool json;
} bench_options;

typedef struct bench_times {
    double load;
    double first;
    double median;
    uint32_t count;
    double values[MAX_RUNS]; /* sorted */
} bench_times;

static vit158_status time_run(double *ms, vit158_session *session, const float *tensor,
                              size_t count, vit158_error *error)
{
    const double start = vit158_now_ms();
    VIT158_RETURN_IF_ERROR(vit158_session_set_tensor(session, tensor, count, error));
    VIT158_RETURN_IF_ERROR(vit158_session_run(session, NULL, NULL, error));
    *ms = vit158_now_ms() - start;
    return VIT158_OK;
}

/* Times of at least MIN_RUNS and at most options->runs runs. */
static vit158_status time_runs(bench_times *times, const vit158_classifier *c,
                               const bench_options *options, const float *tensor, size_t count,
                               vit158_error *error)
{
    double warm;
    VIT158_RETURN_IF_ERROR(time_run(&times->first, c->session, tensor, count, error));
    VIT158_RETURN_IF_ERROR(time_run(&warm, c->session, tensor, count, error));
    const double start = vit158_now_ms();
    while (times->count < options->runs &&
           (times->count < MIN_RUNS || vit158_now_ms() - start < options->seconds * 1000.0)) {
        VIT158_RETURN_IF_ERROR(
            time_run(&times->values[times->count], c->session, tensor, count, error));
        times->count++;
    }
    times->median = vit158_median(times->values, times->count);
    return VIT158_OK;
}

static void print_result(const vit158_classifier *c, const bench_options *options,
                         const bench_times *times)
{
    const uint32_t n = times->count;
    const char *const precision = c->info.ternary_parameters > 0 ? "ternary"
                                  : c->info.int8_parameters > 0  ? "int8"
                                                                 : "f32";
    const uint32_t threads = options->run.threads;
    if (!options->json) {
        printf(
            "%s, %s, %u thread%s, %s: median %.2f ms, min %.2f, max %.2f of %u runs; first %.2f, "
            "load %.2f; %.2f MiB\n",
            c->name, precision, threads, threads == 1 ? "" : "s", vit158_session_engine(c->session),
            times->median, times->values[0], times->values[n - 1], n, times->first, times->load,
            vit158_classifier_memory(c) / 1048576.0);
        return;
    }
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "kind", "model");
    vit158_json_text(&json, "system", "vit158");
    vit158_json_text(&json, "model", c->name);
    vit158_json_text(&json, "precision", precision);
    vit158_json_number(&json, "threads", threads);
    vit158_json_text(&json, "env", "native");
    vit158_json_number(&json, "median_ms", vit158_round_ms(times->median));
    vit158_json_number(&json, "min_ms", vit158_round_ms(times->values[0]));
    vit158_json_number(&json, "max_ms", vit158_round_ms(times->values[n - 1]));
    vit158_json_number(&json, "load_ms", vit158_round_ms(times->load));
    vit158_json_number(&json, "first_ms", vit158_round_ms(times->first));
    vit158_json_raw(&json, "wasm_mb", "null");
    vit158_json_number(&json, "size_bytes", (double)c->info.file_bytes);
    vit158_json_text(&json, "engine", vit158_session_engine(c->session));
    vit158_json_number(&json, "memory_bytes", vit158_classifier_memory(c));
    vit158_json_close(&json, '}');
    putchar('\n');
}

static int bench_model(vit158_classifier *c, const bench_options *options, bench_times *times)
{
    const size_t count = (size_t)c->info.channels * c->info.image_size * c->info.image_size;
    float *const tensor = malloc(count * sizeof *tensor);
    vit158_error error;
    vit158_status status = VIT158_OK;
    if (tensor != NULL) {
        vit158_bench_tensor(tensor, count);
        status = time_runs(times, c, options, tensor, count, &error);
    } else {
        status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the input");
    }
    free(tensor);
    if (status != VIT158_OK)
        return vit158_complain("bench", c->path, &error);
    print_result(c, options, times);
    return options->profile ? vit158_bench_profile(c, times->count, options->json) : VIT158_EXIT_OK;
}

int vit158_cmd_bench(int argc, char **argv)
{
    bench_options o = {.run = {.threads = 1}, .runs = 15, .seconds = 6.0};
    vit158_option options[4 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--runs",
         .placeholder = "N",
         .help = "at most N timed runs (15)",
         .kind = VIT158_OPTION_UINT,
         .value = &o.runs,
         .min = MIN_RUNS,
         .max = MAX_RUNS},
        {.name = "--seconds",
         .placeholder = "S",
         .help = "stop after this time once 5 runs are done (6)",
         .kind = VIT158_OPTION_NUMBER,
         .value = &o.seconds,
         .min = 0,
         .max = 3600},
        {.name = "--profile",
         .help = "also time each operation; one thread only",
         .kind = VIT158_OPTION_FLAG,
         .value = &o.profile},
        {.name = "--json",
         .help = "print the results as JSON objects, one per line",
         .kind = VIT158_OPTION_FLAG,
         .value = &o.json},
    };
    vit158_run_option_rows(options + 4, &o.run);
    const vit158_usage usage = {
        .synopsis = "bench [options]",
        .about = "Times a model natively, from a seeded tensor to logits. Images are not decoded.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .notes = "Exit codes: 0 success, 1 the model failed, 2 wrong usage."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (o.profile && o.run.threads > 1) {
        fprintf(stderr, "vit158 bench: --profile runs on one thread\n");
        return VIT158_EXIT_USAGE;
    }
    bench_times *const times = calloc(1, sizeof *times);
    const double start = vit158_now_ms();
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &o.run)) {
        free(times);
        return VIT158_EXIT_FAILED;
    }
    int result = VIT158_EXIT_FAILED;
    if (times != NULL) {
        times->load = vit158_now_ms() - start;
        result = bench_model(&c, &o, times);
    } else {
        fprintf(stderr, "vit158 bench: not enough memory\n");
    }
    vit158_classifier_close(&c);
    free(times);
    return result;
}
