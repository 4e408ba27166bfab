/* SPDX-License-Identifier: MIT
 *
 * What classify, eval and info share: the options that choose a model and how it runs, and files of
 * images to logits through the public interface.
 */
#ifndef VIT158_CLI_IMAGE_CLASSIFIER_H
#define VIT158_CLI_IMAGE_CLASSIFIER_H

#include <stdint.h>

#include "cli/options.h"
#include "model/json_out.h"
#include "vit158.h"

typedef struct vit158_run_options {
    const char *model; /* a file, the name of a model in models/, or NULL for the default one */
    uint32_t engine;   /* vit158_engine */
    uint32_t gemm;     /* vit158_gemm */
    uint32_t threads;
    const char *merge; /* as vit158_options has it */
} vit158_run_options;

#define VIT158_RUN_OPTION_COUNT 5

/* Fills the rows of a command's option table that set `run`. */
void vit158_run_option_rows(vit158_option rows[VIT158_RUN_OPTION_COUNT], vit158_run_options *run);

/* Milliseconds; reading the file is not counted, `total` is the sum of the others. */
typedef struct vit158_image_timing {
    double decode;
    double preprocess;
    double embed;
    double blocks;
    double head;
    double total;
} vit158_image_timing;

typedef struct vit158_classifier {
    char *path; /* of the model file */
    char *name; /* its name without folder and ".safetensors" */
    vit158_model *model;
    vit158_session *session;
    vit158_model_info info;
    vit158_options options; /* of the session */
} vit158_classifier;

/* On failure the error has been printed, with the file's name; nothing is left to close. */
bool vit158_classifier_open(vit158_classifier *c, const char *command,
                            const vit158_run_options *run);
void vit158_classifier_close(vit158_classifier *c);

/* A file of an image, whole; the caller frees *bytes. */
vit158_status vit158_read_image(uint8_t **bytes, size_t *n_bytes, const char *path,
                                vit158_error *error);

/* Decodes an image file in memory and makes it the session's input. */
vit158_status vit158_classifier_feed(vit158_classifier *c, double *decode_ms, const uint8_t *bytes,
                                     size_t n_bytes, vit158_error *error);

/* Reads and decodes an image file and runs the model; results are in c->session. */
vit158_status vit158_classifier_run(vit158_classifier *c, vit158_image_timing *timing,
                                    const char *path, vit158_error *error);

/* Bytes of weights and session. */
double vit158_classifier_memory(const vit158_classifier *c);

/* The members that end every record: model, engine, numerics_version, memory_bytes. */
void vit158_classifier_json(const vit158_classifier *c, vit158_json *json);

/* Rounded to three decimals, for JSON. */
double vit158_round_ms(double ms);

#endif
