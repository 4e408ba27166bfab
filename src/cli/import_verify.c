/* SPDX-License-Identifier: MIT */
#include "cli/import_verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/files.h"
#include "model/safetensors.h"

#define TOLERANCE 1e-4

typedef struct verification {
    vit158_safetensors *file;
    const vit158_tensor_entry *pixels;
    const vit158_tensor_entry *logits;
    vit158_model *model;
    vit158_session *session;
    vit158_model_info info;
    uint32_t results; /* logits of an image, or without a head the values of its embedding */
    float *inputs;
    float *wanted;
    double largest; /* |logit| */
    double apart;   /* largest difference */
    size_t count;   /* images */
    size_t agreed;  /* of these with the same top-1 */
    vit158_error *error;
} verification;

/* Finds the two tensors and checks that they fit the model. */
static vit158_status find_tensors(verification *v)
{
    v->pixels = vit158_safetensors_find(v->file, "pixel_values");
    v->logits = vit158_safetensors_find(v->file, "logits");
    if (v->pixels == NULL || v->logits == NULL)
        return vit158_fail(v->error, VIT158_E_TENSOR, "there is no tensor %s in it",
                           v->pixels == NULL ? "pixel_values" : "logits");
    const uint64_t *shape = v->pixels->shape;
    if (v->pixels->rank != 4 || shape[1] != v->info.channels || shape[2] != v->info.image_size ||
        shape[3] != v->info.image_size || shape[0] == 0)
        return vit158_fail(v->error, VIT158_E_TENSOR,
                           "pixel_values must have the shape [n, %u, %u, %u]", v->info.channels,
                           v->info.image_size, v->info.image_size);
    if (v->logits->rank != 2 || v->logits->shape[0] != shape[0] ||
        v->logits->shape[1] != v->results)
        return vit158_fail(v->error, VIT158_E_TENSOR, "logits must have the shape [%llu, %u]",
                           (unsigned long long)shape[0], v->results);
    v->count = (size_t)shape[0];
    return VIT158_OK;
}

static vit158_status read_tensors(verification *v)
{
    v->inputs = malloc((size_t)v->pixels->n_elements * sizeof *v->inputs);
    v->wanted = malloc((size_t)v->logits->n_elements * sizeof *v->wanted);
    if (v->inputs == NULL || v->wanted == NULL)
        return vit158_fail(v->error, VIT158_E_MEMORY, "not enough memory to verify");
    VIT158_RETURN_IF_ERROR(vit158_safetensors_read_f32(v->file, v->pixels, v->inputs, v->error));
    return vit158_safetensors_read_f32(v->file, v->logits, v->wanted, v->error);
}

static void compare(verification *v, const float *logits, const float *wanted)
{
    size_t ours = 0;
    size_t theirs = 0;
    for (size_t c = 0; c < v->results; c++) {
        v->largest = fmax(v->largest, fabs((double)wanted[c]));
        v->apart = fmax(v->apart, fabs((double)logits[c] - (double)wanted[c]));
        ours = logits[c] > logits[ours] ? c : ours;
        theirs = wanted[c] > wanted[theirs] ? c : theirs;
    }
    v->agreed += ours == theirs;
}

static vit158_status run_images(verification *v)
{
    const size_t one = (size_t)v->info.channels * v->info.image_size * v->info.image_size;
    for (size_t i = 0; i < v->count; i++) {
        VIT158_RETURN_IF_ERROR(
            vit158_session_set_tensor(v->session, v->inputs + i * one, one, v->error));
        VIT158_RETURN_IF_ERROR(vit158_session_run(v->session, NULL, NULL, v->error));
        compare(v,
                v->info.classes > 0 ? vit158_session_logits(v->session)
                                    : vit158_session_embedding(v->session),
                v->wanted + i * v->results);
    }
    return VIT158_OK;
}

static vit158_status verify(verification *v, const char *model_path, const char *verify_path)
{
    VIT158_RETURN_IF_ERROR(vit158_open_model_file(&v->model, model_path, v->error));
    vit158_model_get_info(v->model, &v->info);
    v->results = v->info.classes > 0 ? v->info.classes : v->info.embedding;
    VIT158_RETURN_IF_ERROR(vit158_safetensors_open(&v->file, verify_path, v->error));
    VIT158_RETURN_IF_ERROR(find_tensors(v));
    VIT158_RETURN_IF_ERROR(read_tensors(v));
    VIT158_RETURN_IF_ERROR(vit158_session_create(&v->session, v->model, NULL, v->error));
    return run_images(v);
}

vit158_status vit158_import_verify(bool *passed, const char *model_path, const char *verify_path,
                                   bool exact, vit158_error *error)
{
    verification v = {.error = error};
    *passed = false;
    const vit158_status status = verify(&v, model_path, verify_path);
    if (status == VIT158_OK) {
        *passed = exact ? v.apart <= TOLERANCE * v.largest : v.agreed == v.count;
        printf("verify: %zu images, logits at most %.2g apart at a largest of %.3g (%.2g of it), "
               "top-1 equal in %zu: %s\n",
               v.count, v.apart, v.largest, v.apart / v.largest, v.agreed,
               *passed ? "passed" : "FAILED");
    }
    vit158_session_close(v.session);
    vit158_model_close(v.model);
    vit158_safetensors_close(v.file);
    free(v.inputs);
    free(v.wanted);
    return status;
}
