/* SPDX-License-Identifier: MIT
 *
 * vit158 quantize: from a float model and unlabelled images to a small model file.
 * src/compress/QUANTIZE.md describes the options and what is done.
 */
#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/quantize_images.h"
#include "cli/quantize_report.h"
#include "cli/run_command.h"
#include "compress/compress_run.h"
#include "model/metadata_json.h"

#define MEASURED_IMAGES 32U
#define MOST_WORKERS 16
/* Methods from here on round by gptq or mse and then train. */
#define FIRST_TRAINED (VIT158_METHOD_PTQ_VIT + 1U)
/* --steps similarity; those before are vit158_step_rule. */
#define SIMILARITY_STEPS 3U

typedef struct request {
    const char *in, *out, *report, *plot, *metadata, *weights;
    uint32_t threads, method, activations, steps, input_bits, ranking, biases;
    uint32_t weight_bits; /* 0: --weights names rows */
    uint32_t start, updates, modules, forcing, distil_updates;
    double minutes, distil, rate;
    vit158_quantize_images from;
    vit158_header extra;
    vit158_compress_job job;
    vit158_progress bar;
    const volatile int *stop; /* from vit158_stop_on_signals */
} request;

/* "int8", "rows:1" to "rows:4", "bits:4" to "bits:8", "budget:BYTES". */
static bool read_weights(request *r)
{
    const char *const text = r->weights;
    if (strcmp(text, "int8") == 0) {
        r->job.rows = 0;
        r->weight_bits = 8;
        return true;
    }
    if (strncmp(text, "bits:", 5) == 0 && text[5] >= '4' && text[5] <= '8' && text[6] == 0) {
        r->weight_bits = (uint32_t)(text[5] - '0');
        return true;
    }
    if (strncmp(text, "rows:", 5) == 0 && text[5] >= '1' && text[5] <= '4' && text[6] == 0) {
        r->job.rows = (uint32_t)(text[5] - '0');
        return true;
    }
    if (strncmp(text, "budget:", 7) != 0 || text[7] < '1' || text[7] > '9')
        return false;
    char *end;
    r->job.budget = strtoull(text + 7, &end, 10);
    return *end == 0 && r->job.budget < 1000000000000ULL;
}

static vit158_status read_metadata(request *r, vit158_error *error)
{
    if (r->metadata == NULL)
        return VIT158_OK;
    uint8_t *bytes;
    size_t n_bytes;
    VIT158_RETURN_IF_ERROR(
        vit158_input_read(&bytes, &n_bytes, r->metadata, VIT158_MAX_METADATA_BYTES, error));
    const vit158_status status =
        vit158_metadata_of_json(&r->extra, (const char *)bytes, n_bytes, error);
    free(bytes);
    r->job.extra = &r->extra;
    return status;
}

static int show_progress(void *context, uint32_t thousandths)
{
    request *const r = context;
    vit158_progress_update(&r->bar, thousandths);
    return *r->stop;
}

static vit158_status quantize_with(request *r, vit158_error *error)
{
    vit158_embedder images = {0};
    vit158_ends ends = {0};
    VIT158_RETURN_IF_ERROR(vit158_ends_create(&ends, r->job.model, error));
    vit158_status status =
        vit158_embedder_create(&images, r->job.model, &ends, (uint32_t)r->from.source.count, error);
    if (status == VIT158_OK)
        status = vit158_quantize_images_embed(&r->from, &images, &r->bar, r->stop, error);
    if (!vit158_rebuild_distils(&r->job.rebuild))
        vit158_image_source_free(&r->from.source); /* nothing is read again */
    if (status == VIT158_OK) {
        vit158_compress_result result = {0};
        r->job.ends = &ends;
        r->job.images = &images;
        r->job.learned = (uint32_t)r->from.learned;
        r->job.rebuild.reader = &r->from.reader;
        r->job.spends_images = true;
        r->job.progress = show_progress;
        r->job.context = r;
        r->bar = vit158_progress_start(1000);
        status = vit158_compress_run(&result, &r->job, r->out, error);
        vit158_progress_clear(&r->bar);
        if (status == VIT158_OK)
            status =
                vit158_quantize_report(&result, &r->job, r->weights, r->report, r->plot, error);
        if (status == VIT158_OK)
            vit158_quantize_summary(&result, r->out);
        vit158_compress_result_free(&result);
    }
    vit158_embedder_free(&images);
    vit158_ends_free(&ends);
    return status;
}

static int quantize(request *r)
{
    vit158_error error;
    vit158_model *model = NULL;
    vit158_thread_pool threads;
    const char *subject = r->in;
    vit158_status status = vit158_open_model_file(&model, r->in, &error);
    if (status == VIT158_OK) {
        subject = r->metadata;
        status = read_metadata(r, &error);
    }
    if (status == VIT158_OK) {
        subject = NULL;
        status = vit158_quantize_images_collect(&r->from, &error);
    }
    if (status == VIT158_OK) {
        r->job.model = model;
        r->job.pool = vit158_thread_pool_start(&threads, r->threads);
        r->stop = vit158_stop_on_signals();
        status = quantize_with(r, &error);
        vit158_thread_pool_stop(&threads);
    }
    if (status != VIT158_OK)
        vit158_complain("quantize", subject, &error);
    vit158_quantize_images_free(&r->from);
    vit158_header_clear(&r->extra);
    vit158_model_close(model);
    return status == VIT158_OK ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

/* What is trained after the rounding. */
static void set_rebuild(request *r)
{
    vit158_quantizer_settings *const settings = &r->job.settings;
    vit158_rebuild_settings *const rebuild = &r->job.rebuild;
    *rebuild = vit158_rebuild_defaults();
    rebuild->seed = r->from.seed;
    rebuild->minutes = r->minutes;
    rebuild->distil_minutes = r->distil;
    rebuild->distil_updates = r->distil_updates;
    rebuild->forcing = r->forcing == 1;
    rebuild->rate = r->rate > 0 ? (float)(r->rate / 100) : rebuild->rate;
    rebuild->modules = r->modules > 0 ? r->modules : rebuild->modules;
    rebuild->updates = r->updates > 0 ? r->updates : rebuild->updates;
    if (r->method < FIRST_TRAINED)
        return;
    rebuild->kind = (vit158_rebuild_kind)(VIT158_REBUILD_LAYERS + r->method - FIRST_TRAINED);
    settings->method = r->start == 0 ? VIT158_METHOD_GPTQ : VIT158_METHOD_MSE;
    if (rebuild->kind != VIT158_REBUILD_LAYERS)
        return;
    settings->updates = rebuild->updates;
    settings->rate = rebuild->rate;
}

/* What the method needs to know, from the options. */
static void set_method(request *r, bool ptq)
{
    vit158_quantizer_settings *const settings = &r->job.settings;
    *settings = vit158_quantizer_defaults();
    settings->method = (vit158_rounding_method)r->method;
    set_rebuild(r);
    settings->static_steps = r->activations == UINT32_MAX ? ptq : r->activations == 1;
    settings->step_rule = r->steps == UINT32_MAX ? VIT158_STEP_SQUARED : (vit158_step_rule)r->steps;
    r->job.ptq = vit158_ptq_defaults();
    r->job.ptq.by_token = !settings->static_steps;
    r->job.ptq.search = r->steps != VIT158_STEP_LARGEST;
    r->job.ptq.ranking = (vit158_ranking_kind)r->ranking;
    r->job.ptq.correct_bias = r->biases == 1;
    if (r->weight_bits > 0)
        r->job.ptq.weight_bits = r->job.ptq.input_bits = r->weight_bits;
    if (r->input_bits > 0)
        r->job.ptq.input_bits = r->input_bits;
}

/* What is said of options that the others give no meaning to; NULL if there are none. */
static const char *idle_options(const request *r, bool ptq)
{
    const bool others = r->input_bits > 0 || r->ranking != VIT158_RANKING_MEAN || r->biases != 1;
    if (!ptq && others)
        return "--input-bits, --ranking and --biases are for --method ptq-vit";
    if (!ptq && r->steps != UINT32_MAX && r->activations != 1)
        return "--steps is for --activations static";
    if (ptq && r->job.budget && r->input_bits > 0)
        return "with budget:BYTES inputs have the bits of their module's weights: no --input-bits";
    if (r->method < FIRST_TRAINED &&
        (r->start > 0 || r->updates > 0 || r->modules > 0 || r->minutes > 0 || r->forcing != 1))
        return "--start, --updates, --modules, --minutes and --forcing are for rem and mrem";
    return NULL;
}

static bool wrong_steps(const request *r, bool ptq)
{
    const bool likeness = r->steps == SIMILARITY_STEPS;
    return r->steps != UINT32_MAX && r->steps != VIT158_STEP_LARGEST && likeness != ptq;
}

int vit158_cmd_quantize(int argc, char **argv)
{
    static const char *const methods[] = {"rtn", "mse",    "percentile", "gptq", "ptq-vit",
                                          "rem", "mrem-s", "mrem-p",     NULL};
    static const char *const starts[] = {"gptq", "rounding", NULL};
    static const char *const forcings[] = {"off", "annealed", NULL};
    static const char *const activations[] = {"token", "static", NULL};
    static const char *const steps[] = {"minmax", "percentile", "mse", "similarity", NULL};
    static const char *const biases[] = {"kept", "corrected", NULL};
    static const char *const rankings[] = {"off", "mean", "sum", "deviations", NULL};
    request r = {.method = VIT158_METHOD_GPTQ,
                 .activations = UINT32_MAX,
                 .steps = UINT32_MAX,
                 .biases = 1,
                 .ranking = VIT158_RANKING_MEAN,
                 .forcing = 1,
                 .threads = vit158_core_count(MOST_WORKERS),
                 .job = {.measured = MEASURED_IMAGES}};
    vit158_quantize_images_start(&r.from, "quantize");
    const vit158_option options[] = {
        vit158_calibrate_option(&r.from),
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.out},
        {.name = "--weights",
         .placeholder = "KIND",
         .help =
             "int8, rows:1 to rows:4, bits:4 to bits:8 (ptq-vit), or budget:BYTES of the finished "
             "file; default rows:3, with ptq-vit int8",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.weights},
        {.name = "--method",
         .help = "how weights are rounded; default gptq",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.method,
         .choices = methods},
        {.name = "--activations",
         .help = "inputs are rounded with a step for each token, or with a stored one for each "
                 "layer; default token, with ptq-vit static",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.activations,
         .choices = activations},
        {.name = "--steps",
         .help = "where stored steps come from: the largest input, 99.99 % of the inputs, least "
                 "squared error (default), or the likeness of outputs (ptq-vit, default there)",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.steps,
         .choices = steps},
        {.name = "--input-bits",
         .placeholder = "N",
         .help = "ptq-vit: 4 to 8 bits of inputs and attention's operands, below 8 simulated; "
                 "default the weights'",
         .kind = VIT158_OPTION_UINT,
         .value = &r.input_bits,
         .min = 4,
         .max = 8},
        {.name = "--ranking",
         .help = "ptq-vit: how the order of attention scores counts; default mean over pairs",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.ranking,
         .choices = rankings},
        {.name = "--biases",
         .help =
             "ptq-vit: whether biases take up the mean error of their outputs; default corrected",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.biases,
         .choices = biases},
        {.name = "--start",
         .help = "rem, mrem-s, mrem-p: what is trained from; default gptq",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.start,
         .choices = starts},
        {.name = "--updates",
         .placeholder = "N",
         .help = "rem, mrem-s, mrem-p: updates of each matrix or module; default 400",
         .kind = VIT158_OPTION_UINT,
         .value = &r.updates,
         .min = 1,
         .max = 1e6},
        {.name = "--modules",
         .placeholder = "N",
         .help = "mrem-s, mrem-p: modules the blocks are split into; default 4",
         .kind = VIT158_OPTION_UINT,
         .value = &r.modules,
         .min = 1,
         .max = 64},
        {.name = "--rate",
         .placeholder = "PERCENT",
         .help = "largest move of a weight in an update, of the gap between levels; default 0.2",
         .kind = VIT158_OPTION_NUMBER,
         .value = &r.rate,
         .min = 0.0001,
         .max = 10},
        {.name = "--forcing",
         .help = "mrem-p: whether inputs come from the float network at first; default annealed",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.forcing,
         .choices = forcings},
        {.name = "--minutes",
         .placeholder = "M",
         .help = "mrem-s, mrem-p: start no update after M minutes; default no limit",
         .kind = VIT158_OPTION_NUMBER,
         .value = &r.minutes,
         .max = 1e5},
        {.name = "--distill",
         .placeholder = "MINUTES",
         .help = "finally train all blocks towards the float model's logits for that long",
         .kind = VIT158_OPTION_NUMBER,
         .value = &r.distil,
         .max = 1e5},
        {.name = "--distill-updates",
         .placeholder = "N",
         .help = "the same for N batches of 8 images, whatever the time: a result to be had again",
         .kind = VIT158_OPTION_UINT,
         .value = &r.distil_updates,
         .min = 1,
         .max = 1e9},
        vit158_images_option(&r.from),
        vit158_hold_out_option(&r.from),
        {.name = "--seed",
         .placeholder = "N",
         .help = "of the draw; default 0",
         .kind = VIT158_OPTION_UINT,
         .value = &r.from.seed,
         .max = 4e9},
        {.name = "--metadata",
         .placeholder = "FILE",
         .help = "JSON object of strings that replaces or adds metadata (labels, license, ...)",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.metadata},
        {.name = "--report",
         .placeholder = "FILE",
         .help = "what was done to each layer, as JSON",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.report},
        {.name = "--plot",
         .placeholder = "FILE",
         .help = "size against sensitivity as SVG, with the choice marked; needs budget:BYTES",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.plot},
        {.name = "--threads",
         .placeholder = "N",
         .help = "threads; default one per core",
         .kind = VIT158_OPTION_UINT,
         .value = &r.threads,
         .min = 1,
         .max = MOST_WORKERS},
    };
    const vit158_usage usage = {
        .synopsis = "quantize MODEL --calibrate FOLDER|TAR -o OUT [options]",
        .about = "Makes a small model of a float one without training: the matrices of the blocks "
                 "become int8 or sums of 1 to 4 ternary rows per output; embedding and head become "
                 "int8. A few hundred unlabelled images like those to be classified show which "
                 "errors matter.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "The same images and options give the same file on any processor with AVX2. Exit "
                 "codes: 0 success, 1 it could not be done, 2 wrong usage."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    r.in = rest.values[0];
    const bool ptq = r.method == VIT158_METHOD_PTQ_VIT;
    if (r.weights == NULL)
        r.weights = ptq ? "int8" : "rows:3";
    const bool readable = read_weights(&r);
    set_method(&r, ptq);
    const bool distils = vit158_rebuild_distils(&r.job.rebuild);
    const char *const missing =
        r.from.calibrate.count == 0 ? "say which images with --calibrate"
        : r.out == NULL             ? "say where to write with -o FILE"
        : !readable                 ? "--weights is int8, rows:1 to rows:4, bits:4 to bits:8, or "
                                      "budget:BYTES"
        : !ptq && strncmp(r.weights, "bits:", 5) == 0 ? "--weights bits:N is for --method ptq-vit"
        : ptq && strncmp(r.weights, "rows:", 5) == 0  ? "--method ptq-vit takes --weights int8, "
                                                        "bits:N or budget:BYTES"
        : ptq && distils                              ? "--distill is not for ptq-vit"
        : r.activations == 1 && (distils || r.method >= FIRST_TRAINED)
            ? "--activations static is not trained with: use token"
        : r.distil > 0 && r.distil_updates > 0 ? "give --distill or --distill-updates, not both"
        : wrong_steps(&r, ptq) ? "--steps of ptq-vit is minmax or similarity, of other methods "
                                 "minmax, percentile or mse"
        : r.plot != NULL && (ptq || r.job.budget == 0)
            ? "--plot shows how rows were shared out: use "
              "--weights budget:BYTES, and not ptq-vit"
            : idle_options(&r, ptq);
    if (missing != NULL) {
        fprintf(stderr, "vit158 quantize: %s\n", missing);
        return VIT158_EXIT_USAGE;
    }
    return quantize(&r);
}
