/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a model file: it opens, and then all of it can be read and a small one be run, or it
 * gives an error with a sentence. Opening as a whole and in pieces of unknown total must agree.
 */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* Reads every float and code once, so that sanitizers see a view that is too long. */
static uint32_t checksum;

static void touch(const void *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        checksum = checksum * 31 + ((const uint8_t *)bytes)[i];
}

static void touch_floats(const float *values, size_t count)
{
    if (values == NULL)
        return;
    touch(values, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        if (values[i] - values[i] != 0.0F) /* NaN unless finite */
            abort();
    }
}

static void touch_linear(const vit158_linear *l)
{
    const size_t count = (size_t)l->n_in * l->n_out;
    touch_floats(l->norm.weight, l->n_in);
    touch_floats(l->norm.bias, l->n_in);
    touch_floats(l->bias, l->n_out);
    touch_floats(l->scale, l->scale_count);
    if (l->encoding == VIT158_ENCODING_F32) {
        touch_floats(l->weight, count);
    } else if (l->encoding == VIT158_ENCODING_I8) {
        touch(l->weight, count);
    } else {
        const uint8_t *codes = l->weight;
        for (size_t i = 0; i < (size_t)(l->n_in + 4) / 5 * l->n_out; i++) {
            if (codes[i] > 242)
                abort();
        }
    }
}

static void touch_model(const vit158_model *m)
{
    const vit158_model_info *info = &m->info;
    touch_linear(&m->patch);
    touch_linear(&m->head);
    touch_floats(m->cls, info->dim);
    touch_floats(m->pos, (size_t)info->tokens * info->dim);
    touch_floats(m->norm.weight, info->dim);
    touch_floats(m->norm.bias, info->dim);
    for (uint32_t i = 0; i < info->depth; i++) {
        const vit158_block *block = &m->blocks[i];
        touch_floats(block->norm1.weight, info->dim);
        touch_floats(block->norm2.bias, info->dim);
        touch_linear(&block->qkv);
        touch_linear(&block->proj);
        touch_linear(&block->fc1);
        touch_linear(&block->fc2);
    }
    for (uint32_t i = 0; i < info->classes; i++)
        touch(vit158_model_label(m, i), strlen(vit158_model_label(m, i)));
    touch(vit158_model_metadata_json(m), strlen(vit158_model_metadata_json(m)));
}

/* A forward pass, if it is short. */
static void run_model(const vit158_model *m)
{
    const vit158_model_info *info = &m->info;
    if ((uint64_t)info->tokens * info->depth * info->dim * (info->dim + info->mlp_dim) > 2000000 ||
        info->tokens > 100)
        return;
    const size_t count = (size_t)info->channels * info->image_size * info->image_size;
    float *pixels = calloc(count, sizeof *pixels);
    vit158_session *session = NULL;
    vit158_error error;
    if (pixels == NULL || vit158_session_create(&session, m, NULL, &error) != VIT158_OK)
        abort();
    if (vit158_session_set_tensor(session, pixels, count, &error) != VIT158_OK)
        abort();
    const vit158_status status = vit158_session_run(session, NULL, NULL, &error);
    if (status != VIT158_OK && status != VIT158_E_NUMERIC)
        abort();
    vit158_session_close(session);
    free(pixels);
}

/* Pieces of lengths that the data itself decides. */
static vit158_status open_in_pieces(const uint8_t *data, size_t n_bytes)
{
    vit158_loader *loader = NULL;
    vit158_model *model = NULL;
    if (vit158_loader_create(&loader, 0, NULL) != VIT158_OK)
        abort();
    vit158_status status = VIT158_OK;
    for (size_t at = 0; status == VIT158_OK && at < n_bytes;) {
        size_t piece = 1 + data[at] + (size_t)(data[at] % 16) * 100;
        if (piece > n_bytes - at)
            piece = n_bytes - at;
        status = vit158_loader_push(loader, data + at, piece, NULL);
        at += piece;
    }
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, &model, NULL);
    vit158_model_close(model);
    vit158_loader_close(loader);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_model *model = NULL;
    vit158_error error = {0};
    const vit158_status status = vit158_model_open(&model, data, n_bytes, &error);
    if (status == VIT158_OK) {
        touch_model(model);
        run_model(model);
    } else if (error.status != status || strlen(error.message) < 10 || model != NULL) {
        abort();
    }
    vit158_model_close(model);
    /* A length that is known is compared with the header first; else the data may be at fault. */
    const vit158_status pieces = open_in_pieces(data, n_bytes);
    const bool length_first = status == VIT158_E_TRUNCATED || status == VIT158_E_FORMAT;
    if (pieces != status && !(length_first && pieces == VIT158_E_VALUE))
        abort();
    return 0;
}
