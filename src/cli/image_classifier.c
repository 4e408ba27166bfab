/* SPDX-License-Identifier: MIT
 *
 * See image_classifier.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/image_classifier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/find_model.h"

#define MAX_IMAGE_FILE_BYTES ((size_t)256 << 20)

static const char *const engine_names[] = {"auto", "scalar", "simd128", "avx2", NULL};
static const char *const gemm_names[] = {"auto", "dot", "table", NULL};

void vit158_run_option_rows(vit158_option rows[VIT158_RUN_OPTION_COUNT], vit158_run_options *run)
{
    rows[0] = (vit158_option){.name = "--model",
                              .letter = "-m",
                              .placeholder = "M",
                              .help = "model file, or name of a model in models/",
                              .kind = VIT158_OPTION_TEXT,
                              .value = &run->model};
    rows[1] = (vit158_option){.name = "--engine",
                              .help = "kernels to run (auto: the fastest)",
                              .kind = VIT158_OPTION_CHOICE,
                              .value = &run->engine,
                              .choices = engine_names};
    rows[2] = (vit158_option){.name = "--gemm",
                              .help = "kernel of ternary products (auto: by layer shape)",
                              .kind = VIT158_OPTION_CHOICE,
                              .value = &run->gemm,
                              .choices = gemm_names};
    rows[3] = (vit158_option){.name = "--threads",
                              .placeholder = "N",
                              .help = "threads per image (1)",
                              .kind = VIT158_OPTION_UINT,
                              .value = &run->threads,
                              .min = 1,
                              .max = 64};
    rows[4] =
        (vit158_option){.name = "--merge",
                        .placeholder = "M",
                        .help = "tokens to merge: fast, faster, fastest, or block:tokens,... (off)",
                        .kind = VIT158_OPTION_TEXT,
                        .value = &run->merge};
}

/* File name without folder and ".safetensors"; NULL if memory is short. */
static char *model_name(const char *path)
{
    static const char ending[] = ".safetensors";
    char *const name = strdup(vit158_base_name(path));
    const size_t n = name != NULL ? strlen(name) : 0;
    if (n > sizeof ending - 1 && strcmp(name + n - (sizeof ending - 1), ending) == 0)
        name[n - (sizeof ending - 1)] = '\0';
    return name;
}

bool vit158_classifier_open(vit158_classifier *c, const char *command,
                            const vit158_run_options *run)
{
    const vit158_options options = {.engine = (vit158_engine)run->engine,
                                    .gemm = (vit158_gemm)run->gemm,
                                    .threads = run->threads,
                                    .merge = run->merge,
                                    .now_ms = vit158_now_ms};
    vit158_error error = {0};
    *c = (vit158_classifier){.options = options};
    vit158_status status = vit158_find_model(&c->path, run->model, &error);
    if (status == VIT158_OK)
        status = vit158_open_model_file(&c->model, c->path, &error);
    if (status == VIT158_OK && !vit158_engine_runs(options.engine))
        status = vit158_fail(&error, VIT158_E_UNSUPPORTED,
                             "--engine %s: not in this build, or not for this processor",
                             engine_names[run->engine]);
    if (status == VIT158_OK)
        status = vit158_session_create(&c->session, c->model, &options, &error);
    if (status == VIT158_OK && (c->name = model_name(c->path)) == NULL)
        status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the model's name");
    if (status != VIT158_OK) {
        vit158_complain(command, c->path != NULL ? c->path : run->model, &error);
        vit158_classifier_close(c);
        return false;
    }
    vit158_model_get_info(c->model, &c->info);
    return true;
}

void vit158_classifier_close(vit158_classifier *c)
{
    vit158_session_close(c->session);
    vit158_model_close(c->model);
    free(c->path);
    free(c->name);
    *c = (vit158_classifier){0};
}

vit158_status vit158_read_image(uint8_t **bytes, size_t *n_bytes, const char *path,
                                vit158_error *error)
{
    return vit158_input_read(bytes, n_bytes, path, MAX_IMAGE_FILE_BYTES, error);
}

vit158_status vit158_classifier_feed(vit158_classifier *c, double *decode_ms, const uint8_t *bytes,
                                     size_t n_bytes, vit158_error *error)
{
    vit158_image image;
    const double start = vit158_now_ms();
    VIT158_RETURN_IF_ERROR(vit158_image_decode(&image, bytes, n_bytes, 0, error));
    *decode_ms = vit158_now_ms() - start;
    const vit158_status status =
        vit158_session_set_image(c->session, image.data, image.width, image.height, image.row_bytes,
                                 (vit158_pixels)image.pixels, error);
    vit158_image_free(&image);
    return status;
}

vit158_status vit158_classifier_run(vit158_classifier *c, vit158_image_timing *timing,
                                    const char *path, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    VIT158_RETURN_IF_ERROR(vit158_read_image(&bytes, &n_bytes, path, error));
    const vit158_status status = vit158_classifier_feed(c, &timing->decode, bytes, n_bytes, error);
    free(bytes);
    VIT158_RETURN_IF_ERROR(status);
    VIT158_RETURN_IF_ERROR(vit158_session_run(c->session, NULL, NULL, error));
    vit158_timing stages;
    vit158_session_timing(c->session, &stages);
    timing->preprocess = stages.preprocess;
    timing->embed = stages.embed;
    timing->blocks = stages.blocks;
    timing->head = stages.head;
    timing->total = timing->decode + stages.preprocess + stages.embed + stages.blocks + stages.head;
    return VIT158_OK;
}

double vit158_classifier_memory(const vit158_classifier *c)
{
    return (double)c->info.weight_bytes + (double)vit158_session_memory_bytes(c->session);
}

void vit158_classifier_json(const vit158_classifier *c, vit158_json *json)
{
    vit158_json_text(json, "model", c->name);
    vit158_json_text(json, "engine", vit158_session_engine(c->session));
    vit158_json_number(json, "numerics_version", vit158_numerics_version());
    vit158_json_number(json, "memory_bytes", vit158_classifier_memory(c));
}

double vit158_round_ms(double ms)
{
    return floor(ms * 1000.0 + 0.5) / 1000.0;
}
