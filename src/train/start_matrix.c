/* SPDX-License-Identifier: MIT
 *
 * Weights out of a model file for training: floats, latent ternary ones, codes with one or several
 * rows an output, int8 ends.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/planes.h"
#include "model/metadata.h"
#include "model/ternary.h"
#include "train/start_source.h"

vit158_status vit158_train_source_get(float *out, const vit158_train_source *s, uint32_t slot,
                                      uint64_t count, vit158_error *error)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, slot);
    return vit158_safetensors_get_f32(s->file, name, out, count, error);
}

/* A coded matrix as it lies in a file: `rows` rows of codes, of which output o sums counts[o]. */
typedef struct coded_matrix {
    int8_t *codes; /* [rows][n_in] */
    float *scales; /* [scale_count]: one, or one a row */
    uint8_t *counts;
    uint32_t rows, scale_count;
    bool trits;
} coded_matrix;

static void free_coded(coded_matrix *m)
{
    free(m->codes);
    free(m->scales);
    free(m->counts);
}

/* scale * code, several rows of an output summed. Rows lie as base/planes.h has it: the first of
 * every output, then the second of those that have one, and so on. */
static void sum_rows(float *w, const coded_matrix *m, const vit158_train_layer *l)
{
    const int8_t *codes = m->codes;
    uint32_t row = 0;
    memset(w, 0, (size_t)l->n_out * l->n_in * sizeof *w);
    for (uint32_t plane = 0; plane < VIT158_MAX_PLANES; plane++)
        for (uint32_t o = 0; o < l->n_out; o++) {
            if (m->counts[o] <= plane)
                continue;
            const float scale = m->scales[m->scale_count == 1 ? 0 : row];
            float *const sum = w + (size_t)o * l->n_in;
            for (uint32_t i = 0; i < l->n_in; i++)
                sum[i] += scale * (float)codes[i];
            row++, codes += l->n_in;
        }
}

/* Latent weights whose absmean scales and codes are the model's: those that share a scale are
 * divided by their share of codes that are not 0. */
static void make_latent(float *w, const int8_t *codes, const vit158_train_layer *l, bool row_scales)
{
    const size_t count = (row_scales ? 1 : (size_t)l->n_out) * l->n_in;
    for (size_t at = 0; at < (size_t)l->n_out * l->n_in; at += count) {
        size_t used = 0;
        for (size_t i = 0; i < count; i++)
            used += codes[at + i] != 0;
        const double unit = used > 0 ? (double)count / (double)used : 1.0;
        for (size_t i = 0; i < count; i++)
            w[at + i] = (float)(unit * (double)w[at + i]);
    }
}

/* From codes to what the network to be trained has in their place. */
static void take_codes(float *w, const vit158_train_source *s, const coded_matrix *m,
                       const vit158_train_layer *l)
{
    const vit158_train_net_config *own = &s->t->net.config;
    sum_rows(w, m, l);
    if (!own->ternary)
        return;
    if (m->trits && m->rows == l->n_out && (m->scale_count == 1 || own->row_scales))
        make_latent(w, m->codes, l, own->row_scales);
    else
        s->start->rounded = true;
}

static vit158_status read_tensor(void *out, const vit158_train_source *s, uint32_t slot,
                                 uint64_t n_bytes, vit158_error *error)
{
    const vit158_tensor_entry *entry = vit158_layout_tensor(s->model, s->header, slot);
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, slot);
    if (entry == NULL || entry->end - entry->begin != n_bytes)
        return vit158_fail(error, VIT158_E_TENSOR, "tensor %s is missing or has another size",
                           name);
    return vit158_safetensors_read(s->file, entry, out, error);
}

static vit158_status bad_byte(const vit158_stored_type *type, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_VALUE, "a byte of a packed matrix is not %s", type->element);
}

static void copy_i8(int8_t *out, const uint8_t *bytes, uint32_t n_rows, uint32_t n_in)
{
    memcpy(out, bytes, (size_t)n_rows * n_in);
}

/* By encoding: weights of a file as int8 [n_rows][n_in]; NULL: training does not start from it. */
static void (*const unpackers[VIT158_ENCODINGS])(int8_t *out, const uint8_t *bytes, uint32_t n_rows,
                                                 uint32_t n_in) = {
    [VIT158_ENCODING_TRIT] = vit158_unpack_trits, [VIT158_ENCODING_I8] = copy_i8};

static vit158_status read_codes(coded_matrix *m, const vit158_train_source *s,
                                const vit158_stored_type *type, uint32_t slot,
                                const vit158_train_layer *l, vit158_error *error)
{
    const uint64_t n_bytes = vit158_stored_bytes(type, m->rows, l->n_in);
    uint8_t *bytes = malloc((size_t)n_bytes);
    if (bytes == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u rows of codes", m->rows);
    vit158_status status = read_tensor(bytes, s, slot, n_bytes, error);
    if (status == VIT158_OK && type->first_bad(bytes, (size_t)n_bytes) != n_bytes)
        status = bad_byte(type, error);
    if (status == VIT158_OK)
        unpackers[type->encoding](m->codes, bytes, m->rows, l->n_in);
    free(bytes);
    return status;
}

static vit158_status read_counts(coded_matrix *m, const vit158_train_source *s, uint32_t slot,
                                 uint32_t n_out, vit158_error *error)
{
    uint64_t total = 0;
    uint8_t all = 1; /* what every output has, where one number stands for them */
    const vit158_tensor_entry *entry = vit158_layout_tensor(s->model, s->header, slot);
    const bool one_each = entry != NULL && entry->end - entry->begin != 1;
    if (entry != NULL && !one_each)
        VIT158_RETURN_IF_ERROR(read_tensor(&all, s, slot, 1, error));
    memset(m->counts, all, n_out);
    if (one_each)
        VIT158_RETURN_IF_ERROR(read_tensor(m->counts, s, slot, n_out, error));
    if (vit158_row_counts.first_bad(m->counts, n_out) != n_out)
        return bad_byte(&vit158_row_counts, error);
    for (uint32_t o = 0; o < n_out; o++)
        total += m->counts[o];
    return total == m->rows ? VIT158_OK
                            : vit158_fail(error, VIT158_E_VALUE,
                                          "the outputs of a packed matrix have %llu rows, not %u",
                                          (unsigned long long)total, m->rows);
}

static vit158_status read_coded(coded_matrix *m, const vit158_train_source *s, uint32_t block,
                                uint32_t linear, const vit158_train_layer *l, vit158_error *error)
{
    const vit158_stored_type *type = s->model->types[block][linear];
    const uint32_t scale_slot = vit158_linear_slot(block, linear, VIT158_LINEAR_SCALE);
    const vit158_tensor_entry *scales = vit158_layout_tensor(s->model, s->header, scale_slot);
    *m = (coded_matrix){.trits = type->encoding == VIT158_ENCODING_TRIT,
                        .rows = vit158_layout_rows(s->model, block, linear)};
    if (scales == NULL || scales->rank > 1 ||
        (scales->rank == 1 && scales->shape[0] != 1 && scales->shape[0] != m->rows))
        return vit158_fail(error, VIT158_E_TENSOR,
                           "the scales of a packed matrix are missing or of another number");
    m->scale_count = scales->rank == 0 ? 1 : (uint32_t)scales->shape[0];
    m->codes = malloc((size_t)m->rows * l->n_in);
    m->scales = malloc(m->scale_count * sizeof *m->scales);
    m->counts = malloc(l->n_out);
    if (m->codes == NULL || m->scales == NULL || m->counts == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u rows of codes", m->rows);
    VIT158_RETURN_IF_ERROR(
        vit158_train_source_get(m->scales, s, scale_slot, m->scale_count, error));
    VIT158_RETURN_IF_ERROR(
        read_counts(m, s, vit158_linear_slot(block, linear, VIT158_LINEAR_ROWS), l->n_out, error));
    return read_codes(m, s, type, vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT), l,
                      error);
}

/* Floats that are ternary already, or the latent weights of a ternary network, into what such a
 * network computes with, as codes; m->scale_count is 0 if they are neither. */
static vit158_status find_codes(coded_matrix *m, const vit158_train_source *s, const float *w,
                                const vit158_train_layer *l, vit158_error *error)
{
    *m = (coded_matrix){.trits = true, .rows = l->n_out};
    m->codes = malloc((size_t)l->n_out * l->n_in);
    m->scales = malloc(l->n_out * sizeof *m->scales);
    m->counts = malloc(l->n_out);
    if (m->codes == NULL || m->scales == NULL || m->counts == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u rows of codes", m->rows);
    memset(m->counts, 1, l->n_out);
    m->scale_count = vit158_find_trits(m->codes, m->scales, w, l->n_out, l->n_in);
    const char *weights = vit158_header_metadata(s->header, "weights");
    if (m->scale_count == 0 && vit158_layout_is_latent(s->model, s->header) && weights != NULL &&
        strcmp(weights, "ternary") == 0) {
        m->scale_count = 1;
        m->scales[0] = vit158_absmean(w, l->n_out, l->n_in);
        vit158_ternarize(m->codes, w, (size_t)l->n_out * l->n_in, m->scales[0]);
    }
    return VIT158_OK;
}

vit158_status vit158_train_source_matrix(const vit158_train_source *s, uint32_t block,
                                         uint32_t linear, vit158_error *error)
{
    const vit158_train_layer *l = &s->t->net.blocks[block].layers[linear];
    const uint32_t slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
    const vit158_stored_type *type = s->model->types[block][linear];
    const vit158_train_net_config *own = &s->t->net.config;
    float *w = s->t->parameters + l->weight;
    coded_matrix m = {0};
    VIT158_RETURN_IF_ERROR(vit158_train_source_get(
        s->t->parameters + l->bias, s, vit158_linear_slot(block, linear, VIT158_LINEAR_BIAS),
        l->n_out, error));
    vit158_status status;
    if (type != NULL && type->coded) {
        if (unpackers[type->encoding] == NULL)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "training cannot start from matrices of type %s", type->name);
        status = read_coded(&m, s, block, linear, l, error);
        if (status == VIT158_OK)
            take_codes(w, s, &m, l);
        free_coded(&m);
        return status;
    }
    VIT158_RETURN_IF_ERROR(
        vit158_train_source_get(w, s, slot, (uint64_t)l->n_out * l->n_in, error));
    const bool latent = type == NULL && vit158_layout_is_latent(s->model, s->header);
    if (own->ternary && latent && !own->row_scales)
        return VIT158_OK; /* as they are */
    status = find_codes(&m, s, w, l, error);
    if (status == VIT158_OK && m.scale_count > 0)
        take_codes(w, s, &m, l);
    else
        s->start->rounded |= own->ternary;
    free_coded(&m);
    return status;
}

vit158_status vit158_train_source_rows(float *out, const vit158_train_source *s, uint32_t slot,
                                       uint32_t rows, uint32_t cols, vit158_error *error)
{
    const vit158_stored_type *type = s->model->rest_types[slot];
    if (type == NULL || !type->coded)
        return vit158_train_source_get(out, s, slot, (uint64_t)rows * cols, error);
    int8_t *codes = malloc((size_t)rows * cols);
    float *scales = malloc(rows * sizeof *scales);
    vit158_status status = VIT158_OK;
    if (codes == NULL || scales == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory for %u rows of codes", rows);
    if (status == VIT158_OK)
        status = read_tensor(codes, s, slot, (uint64_t)rows * cols, error);
    if (status == VIT158_OK)
        status = vit158_train_source_get(scales, s, vit158_scale_slot(slot), rows, error);
    for (size_t i = 0; status == VIT158_OK && i < (size_t)rows * cols; i++)
        out[i] = scales[i / cols] * (float)codes[i];
    free(codes);
    free(scales);
    return status;
}
