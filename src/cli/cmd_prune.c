/* SPDX-License-Identifier: MIT
 *
 * vit158 prune: from a float model and unlabelled images to a float model with fewer heads and
 * narrower MLPs, for `quantize` or `finetune` to go on from. src/compress/PRUNE.md describes it.
 */
#include "cli/commands.h"

#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/json_file.h"
#include "cli/options.h"
#include "cli/quantize_images.h"
#include "cli/quantize_report.h"
#include "cli/run_command.h"
#include "compress/prune.h"

#define MOST_WORKERS 16

static const char *const score_names[VIT158_PRUNE_SCORES + 1] = {"obs", "activation", "magnitude",
                                                                 "random", NULL};

typedef struct request {
    const char *in, *out, *report;
    uint32_t threads, score;
    vit158_quantize_images from;
    vit158_prune_job job;
    vit158_progress bar;
    const volatile int *stop; /* from vit158_stop_on_signals */
} request;

static int show_progress(void *context, uint32_t thousandths)
{
    request *const r = context;
    vit158_progress_update(&r->bar, thousandths);
    return *r->stop;
}

/* ---- Report ---- */

/* What a pass multiplies, in millions: attention and the four matrices of each block. */
static double products_of(const vit158_model_info *info, const vit158_prune_result *result,
                          bool before)
{
    double sum = 0;
    const double d = info->dim, n = info->tokens;
    for (uint32_t i = 0; i < result->depth; i++) {
        const vit158_pruned_block *const b = &result->blocks[i];
        const double a = (double)info->head_dim * (before ? b->heads_before : b->kept_heads);
        const double f = before ? b->channels_before : b->kept_channels;
        sum += n * (4 * a * d + 2 * d * f + 2 * n * a);
    }
    return sum / 1e6;
}

static void write_kept(vit158_json *json, const char *key, const bool *kept, uint32_t count)
{
    vit158_json_open(json, key, '[');
    for (uint32_t i = 0; i < count; i++)
        if (kept[i])
            vit158_json_number(json, NULL, i);
    vit158_json_close(json, ']');
}

static void write_json(FILE *file, const request *r, const vit158_prune_result *result,
                       const vit158_model_info *info)
{
    const vit158_model_info *const before = &r->job.model->info;
    vit158_json json = vit158_json_to(file);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "score", score_names[r->score]);
    vit158_json_number(&json, "removed_mlp", r->job.settings.mlp_share);
    vit158_json_number(&json, "removed_heads", result->removed_heads);
    vit158_json_number(&json, "file_bytes_before", (double)before->file_bytes);
    vit158_json_number(&json, "file_bytes", (double)info->file_bytes);
    vit158_json_number(&json, "parameters_before", (double)before->parameters);
    vit158_json_number(&json, "parameters", (double)info->parameters);
    vit158_json_number(&json, "million_products_before", products_of(before, result, true));
    vit158_json_number(&json, "million_products", products_of(before, result, false));
    vit158_nearness_json(&json, "calibration", &result->learned, "images");
    vit158_nearness_json(&json, "held_out", &result->held, "images");
    vit158_json_open(&json, "blocks", '[');
    for (uint32_t i = 0; i < result->depth; i++) {
        const vit158_pruned_block *const b = &result->blocks[i];
        vit158_json_open(&json, NULL, '{');
        write_kept(&json, "heads", b->heads, b->heads_before);
        write_kept(&json, "channels", b->channels, b->channels_before);
        if (r->score == VIT158_PRUNE_OBS) {
            vit158_json_number(&json, "attention_error", b->proj_error);
            vit158_json_number(&json, "mlp_error", b->fc2_error);
        }
        vit158_json_close(&json, '}');
    }
    vit158_json_close(&json, ']');
    vit158_json_number(&json, "seconds", result->seconds);
    vit158_json_close(&json, '}');
    fputc('\n', file);
}

static vit158_status tell(const request *r, const vit158_prune_result *result,
                          const vit158_model_info *info, vit158_error *error)
{
    vit158_file_writer out;
    if (r->report != NULL) {
        VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, r->report, error));
        write_json(out.file, r, result, info);
        VIT158_RETURN_IF_ERROR(vit158_file_commit(&out, error));
    }
    const bool judged = result->held.images > 0;
    const vit158_nearness *const n = judged ? &result->held : &result->learned;
    const double before = products_of(&r->job.model->info, result, true);
    printf("%s: %llu bytes and %.0f %% of the blocks' products in %.0f s; on %u %s images the same "
           "answer as before for %.1f %%, divergence %.4f\n",
           r->out, (unsigned long long)info->file_bytes,
           100 * products_of(&r->job.model->info, result, false) / before, result->seconds,
           n->images, judged ? "held-out" : "calibration", 100 * n->agreement, n->divergence);
    return VIT158_OK;
}

/* ---- */

static vit158_status prune_with(request *r, vit158_embedder *images, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_quantize_images_embed(&r->from, images, &r->bar, r->stop, error));
    vit158_prune_result result = {0};
    vit158_model_info info;
    char described[128];
    r->job.images = images;
    r->job.learned = (uint32_t)r->from.learned;
    r->job.progress = show_progress;
    r->job.context = r;
    r->bar = vit158_progress_start(1000);
    vit158_status status = vit158_prune_run(&result, &r->job, error);
    vit158_progress_clear(&r->bar);
    vit158_format(described, sizeof described, "%g of each MLP and %u heads, score %s",
                  r->job.settings.mlp_share, result.removed_heads, score_names[r->score]);
    if (status == VIT158_OK)
        status = vit158_pruned_write(r->out, r->in, r->job.model, &result, described, &info, error);
    if (status == VIT158_OK)
        status = tell(r, &result, &info, error);
    vit158_prune_result_free(&result);
    return status;
}

static vit158_status prune_model(request *r, vit158_error *error)
{
    vit158_embedder images = {0};
    vit158_thread_pool threads;
    VIT158_RETURN_IF_ERROR(vit158_quantize_images_collect(&r->from, error));
    VIT158_RETURN_IF_ERROR(
        vit158_embedder_create(&images, r->job.model, NULL, (uint32_t)r->from.source.count, error));
    r->job.pool = vit158_thread_pool_start(&threads, r->threads);
    r->stop = vit158_stop_on_signals();
    const vit158_status status = prune_with(r, &images, error);
    vit158_thread_pool_stop(&threads);
    vit158_embedder_free(&images);
    return status;
}

static int prune(request *r)
{
    vit158_error error;
    vit158_model *model = NULL;
    const char *subject = r->in;
    vit158_status status = vit158_open_model_file(&model, r->in, &error);
    if (status == VIT158_OK)
        status = vit158_prune_check(model, &error);
    if (status == VIT158_OK) {
        subject = NULL;
        r->job.model = model;
        status = prune_model(r, &error);
    }
    if (status != VIT158_OK)
        vit158_complain("prune", subject, &error);
    vit158_quantize_images_free(&r->from);
    vit158_model_close(model);
    return status == VIT158_OK ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

int vit158_cmd_prune(int argc, char **argv)
{
    request r = {.threads = vit158_core_count(MOST_WORKERS),
                 .job = {.settings = vit158_prune_defaults()}};
    vit158_quantize_images_start(&r.from, "prune");
    const vit158_option options[] = {
        vit158_calibrate_option(&r.from),
        {.name = "--output",
         .letter = "-o",
         .placeholder = "FILE",
         .help = "the model to write (required)",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.out},
        {.name = "--remove-mlp",
         .placeholder = "SHARE",
         .help = "of the channels of each MLP, 0 to 0.95; what stays is rounded up to a multiple "
                 "of 16; default 0",
         .kind = VIT158_OPTION_NUMBER,
         .value = &r.job.settings.mlp_share,
         .max = 0.95},
        {.name = "--remove-heads",
         .placeholder = "N",
         .help = "attention heads of all blocks together, the cheapest; each block keeps one; "
                 "default 0",
         .kind = VIT158_OPTION_UINT,
         .value = &r.job.settings.heads,
         .max = 65536},
        {.name = "--score",
         .help = "what goes: obs also fits the rest by least squares (default); the others are "
                 "baselines that leave it as it is",
         .kind = VIT158_OPTION_CHOICE,
         .value = &r.score,
         .choices = score_names},
        vit158_images_option(&r.from),
        vit158_hold_out_option(&r.from),
        {.name = "--seed",
         .placeholder = "N",
         .help = "of the draw, and of --score random; default 0",
         .kind = VIT158_OPTION_UINT,
         .value = &r.from.seed,
         .max = 4e9},
        {.name = "--report",
         .placeholder = "FILE",
         .help = "what stays of each block and how near the result is, as JSON",
         .kind = VIT158_OPTION_TEXT,
         .value = &r.report},
        {.name = "--threads",
         .placeholder = "N",
         .help = "threads; default one per core",
         .kind = VIT158_OPTION_UINT,
         .value = &r.threads,
         .min = 1,
         .max = MOST_WORKERS},
    };
    const vit158_usage usage = {
        .synopsis = "prune MODEL --calibrate FOLDER|TAR -o OUT [options]",
        .about =
            "Takes channels of the MLPs and attention heads out of a float model: its matrices "
            "become smaller, and what is left is fitted to what the model computed on a few "
            "hundred unlabelled images. The result is a float model for quantize, eval and "
            "classify.",
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
    r.job.settings.score = (vit158_prune_score)r.score;
    r.job.settings.seed = r.from.seed;
    const char *const missing = r.from.calibrate.count == 0 ? "say which images with --calibrate"
                                : r.out == NULL             ? "say where to write with -o FILE"
                                                            : NULL;
    if (missing != NULL) {
        fprintf(stderr, "vit158 prune: %s\n", missing);
        return VIT158_EXIT_USAGE;
    }
    return prune(&r);
}
