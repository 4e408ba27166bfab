/* SPDX-License-Identifier: MIT */
#include "compress/quantized_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/half.h"
#include "model/ternary.h"

#define NAME_BYTES 64U
#define ENTRY_BYTES 128U

uint64_t vit158_row_bytes(uint32_t n_in)
{
    return vit158_trit_bytes(1, n_in) + sizeof(uint16_t);
}

/* A draft in the making; `filled` false: only sizes count. */
typedef struct builder {
    const vit158_quantized_file *file;
    vit158_draft *draft;
    bool filled;
    char *encodings; /* JSON members, room for all */
    size_t encodings_bytes, encodings_capacity;
} builder;

static void note_encoding(builder *b, const char *name, const char *type, uint32_t n_in,
                          uint32_t n_out, uint32_t n_rows)
{
    char *const to = b->encodings + b->encodings_bytes;
    const size_t room = b->encodings_capacity - b->encodings_bytes;
    size_t used = vit158_format(to, room, "%s\"%s\":{\"type\":\"%s\",\"n_in\":%u,\"n_out\":%u",
                                b->encodings_bytes > 1 ? "," : "", name, type, n_in, n_out);
    if (n_rows != n_out)
        used += vit158_format(to + used, room - used, ",\"rows\":%u", n_rows);
    used += vit158_format(to + used, room - used, "}");
    b->encodings_bytes += used;
}

/* A tensor PREFIX.PART; NULL after a failure. */
static void *add_tensor(builder *b, const char *prefix, const char *part, vit158_dtype dtype,
                        uint32_t rank, const uint64_t *shape)
{
    char name[NAME_BYTES];
    vit158_format(name, sizeof name, "%s%s", prefix, part);
    return vit158_draft_tensor(b->draft, name, dtype, rank, shape);
}

/* Scales of F16, or of F32 if they are to be or one of them is not exact in F16. */
static void add_scales(builder *b, const char *prefix, const float *scale, uint32_t count,
                       bool wide)
{
    const uint64_t shape = count;
    bool fits = !wide;
    for (uint32_t i = 0; b->filled && i < count; i++) {
        uint16_t half;
        fits = fits && vit158_f16_narrow(&half, scale[i]) && scale[i] >= 0x1p-14F &&
               vit158_f16_widen(half) == scale[i];
    }
    void *const to =
        add_tensor(b, prefix, ".scale", fits ? VIT158_DTYPE_F16 : VIT158_DTYPE_F32, 1, &shape);
    if (to == NULL || !b->filled)
        return;
    if (!fits) {
        memcpy(to, scale, count * sizeof *scale);
        return;
    }
    uint16_t *const halves = to;
    for (uint32_t i = 0; i < count; i++)
        vit158_f16_narrow(&halves[i], scale[i]);
}

static void add_int8_rows(builder *b, const char *name, const char *prefix, const char *part,
                          const vit158_int8_rows *rows, uint32_t rank, const uint64_t *shape)
{
    note_encoding(b, name, "i8", rows->n, rows->rows, rows->rows);
    int8_t *const to = add_tensor(b, prefix, part, VIT158_DTYPE_I8, rank, shape);
    if (to != NULL)
        memcpy(to, rows->codes, (size_t)rows->rows * rows->n);
    const bool filled = b->filled;
    b->filled = true; /* the ends are known from the start */
    add_scales(b, prefix, rows->scale, rows->rows, false);
    b->filled = filled;
}

static void add_ends(builder *b)
{
    const vit158_model *const model = b->file->model;
    const vit158_model_info *const info = &model->info;
    const uint64_t cls[3] = {1, 1, info->dim}, pos[3] = {1, info->tokens, info->dim};
    const uint64_t patch[4] = {info->dim, info->channels, info->patch_size, info->patch_size};
    const uint64_t head[2] = {info->classes, info->dim};
    const uint64_t dim = info->dim, classes = info->classes;
    vit158_draft_rest(b->draft, "cls_token", 3, cls, model->cls);
    add_int8_rows(b, "pos_embed", "pos_embed", "", &b->file->ends->positions, 3, pos);
    add_int8_rows(b, "patch_embed.proj.weight", "patch_embed.proj", ".weight",
                  &b->file->ends->patch, 4, patch);
    vit158_draft_rest(b->draft, "patch_embed.proj.bias", 1, &dim, model->patch.bias);
    vit158_draft_rest(b->draft, "norm.weight", 1, &dim, model->norm.weight);
    vit158_draft_rest(b->draft, "norm.bias", 1, &dim, model->norm.bias);
    add_int8_rows(b, "head.weight", "head", ".weight", &b->file->ends->head, 2, head);
    vit158_draft_rest(b->draft, "head.bias", 1, &classes, model->head.bias);
}

static uint32_t count_rows(const vit158_rounded *m, bool *uniform)
{
    uint32_t total = 0;
    *uniform = true;
    for (uint32_t o = 0; o < m->n_out; o++) {
        total += m->rows[o];
        *uniform = *uniform && m->rows[o] == m->rows[0];
    }
    return total;
}

/* Rows in planes: the first of every output, the second of those that have one, ... */
static vit158_status fill_trits(uint8_t *codes, float *scale, const vit158_rounded *m,
                                uint32_t n_rows, vit158_error *error)
{
    int8_t *const trits = malloc((size_t)n_rows * m->n_in);
    if (trits == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    size_t row = 0;
    for (uint32_t plane = 0; plane < VIT158_MAX_ROW_SUMS; plane++)
        for (uint32_t o = 0; o < m->n_out; o++) {
            if (m->rows[o] <= plane)
                continue;
            const uint8_t *const chosen = m->chosen + (size_t)o * m->n_in;
            for (uint32_t i = 0; i < m->n_in; i++)
                trits[row * m->n_in + i] =
                    (int8_t)vit158_level_trit(&m->levels[o], chosen[i], plane);
            scale[row++] = m->levels[o].scale[plane];
        }
    vit158_pack_trits(codes, trits, n_rows, m->n_in);
    free(trits);
    return VIT158_OK;
}

static vit158_status add_trits(builder *b, const char *prefix, const vit158_rounded *m,
                               vit158_error *error)
{
    bool uniform;
    const uint32_t n_rows = count_rows(m, &uniform);
    const uint64_t n_bytes = vit158_trit_bytes(n_rows, m->n_in);
    const uint64_t counts = uniform ? 1 : m->n_out;
    uint8_t *const codes = add_tensor(b, prefix, ".weight", VIT158_DTYPE_U8, 1, &n_bytes);
    uint8_t *const rows =
        n_rows == m->n_out ? NULL : add_tensor(b, prefix, ".rows", VIT158_DTYPE_U8, 1, &counts);
    if (rows != NULL)
        memcpy(rows, m->rows, counts);
    float *const scale = calloc(n_rows, sizeof *scale);
    if (scale == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    vit158_status status = VIT158_OK;
    if (codes != NULL && b->filled)
        status = fill_trits(codes, scale, m, n_rows, error);
    if (status == VIT158_OK)
        add_scales(b, prefix, scale, n_rows, b->file->wide_scales);
    free(scale);
    return status;
}

static vit158_status add_int8(builder *b, const char *prefix, const vit158_rounded *m,
                              vit158_error *error)
{
    const uint64_t shape[2] = {m->n_out, m->n_in};
    int8_t *const codes = add_tensor(b, prefix, ".weight", VIT158_DTYPE_I8, 2, shape);
    float *const scale = calloc(m->n_out, sizeof *scale);
    if (scale == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    for (uint32_t o = 0; codes != NULL && b->filled && o < m->n_out; o++) {
        const int middle = (int)(m->levels[o].count / 2);
        for (size_t i = (size_t)o * m->n_in; i < (size_t)(o + 1) * m->n_in; i++)
            codes[i] = (int8_t)((int)m->chosen[i] - middle);
        scale[o] = m->levels[o].scale[0];
    }
    add_scales(b, prefix, scale, m->n_out, b->file->wide_scales);
    free(scale);
    return VIT158_OK;
}

static void add_norm(builder *b, const char *prefix, const char *part, const vit158_norm *norm,
                     uint64_t n)
{
    char name[NAME_BYTES];
    if (norm->weight == NULL)
        return;
    vit158_format(name, sizeof name, "%s%s.weight", prefix, part);
    vit158_draft_rest(b->draft, name, 1, &n, norm->weight);
    vit158_format(name, sizeof name, "%s%s.bias", prefix, part);
    vit158_draft_rest(b->draft, name, 1, &n, norm->bias);
}

static vit158_status add_matrix(builder *b, uint32_t block, uint32_t kind,
                                const vit158_linear *linear, vit158_error *error)
{
    const vit158_rounded *const m = &b->file->matrices[block * VIT158_BLOCK_LINEARS + kind];
    char prefix[NAME_BYTES], name[NAME_BYTES];
    bool uniform;
    const uint64_t n_out = m->n_out;
    vit158_format(prefix, sizeof prefix, "blocks.%u.%s", block, vit158_linear_name(kind));
    add_norm(b, prefix, ".norm", &linear->norm, m->n_in);
    const bool int8 = m->rows[0] == 0;
    vit158_format(name, sizeof name, "%s.weight", prefix);
    note_encoding(b, name, int8 ? "i8" : "trit", m->n_in, m->n_out,
                  int8 ? m->n_out : count_rows(m, &uniform));
    VIT158_RETURN_IF_ERROR(int8 ? add_int8(b, prefix, m, error) : add_trits(b, prefix, m, error));
    if (m->step > 0)
        vit158_draft_part(b->draft, prefix, VIT158_LINEAR_STEP, 1, &m->step);
    vit158_format(name, sizeof name, "%s.bias", prefix);
    if (m->bias != NULL || linear->bias != NULL)
        vit158_draft_rest(b->draft, name, 1, &n_out, m->bias != NULL ? m->bias : linear->bias);
    return VIT158_OK;
}

static vit158_status add_block(builder *b, uint32_t block, vit158_error *error)
{
    const vit158_block *const from = &b->file->model->blocks[block];
    const vit158_linear *const linears[VIT158_BLOCK_LINEARS] = {&from->qkv, &from->proj, &from->fc1,
                                                                &from->fc2};
    char prefix[NAME_BYTES];
    vit158_format(prefix, sizeof prefix, "blocks.%u", block);
    add_norm(b, prefix, ".norm1", &from->norm1, b->file->model->info.dim);
    add_norm(b, prefix, ".norm2", &from->norm2, b->file->model->info.dim);
    for (uint32_t kind = 0; kind < VIT158_BLOCK_LINEARS; kind++)
        VIT158_RETURN_IF_ERROR(add_matrix(b, block, kind, linears[kind], error));
    return VIT158_OK;
}

static void add_metadata(builder *b)
{
    const vit158_header *const own = &b->file->model->header, *const extra = b->file->extra;
    for (uint32_t i = 0; i < own->metadata_count; i++)
        if (extra == NULL || vit158_header_metadata(extra, own->metadata_keys[i]) == NULL)
            vit158_draft_set(b->draft, own->metadata_keys[i], own->metadata_values[i]);
    for (uint32_t i = 0; extra != NULL && i < extra->metadata_count; i++)
        vit158_draft_set(b->draft, extra->metadata_keys[i], extra->metadata_values[i]);
    vit158_draft_set(b->draft, "weights", b->file->weights);
    vit158_draft_complete(b->draft, &b->file->model->info);
    vit158_draft_set(b->draft, "format_version", "2");
    b->encodings[b->encodings_bytes] = '}';
    b->encodings[b->encodings_bytes + 1] = 0;
    vit158_draft_set(b->draft, "encodings", b->encodings);
}

/* `draft` is to be cleared by the caller, on failure too. */
static vit158_status build(vit158_draft *draft, const vit158_quantized_file *file, bool filled,
                           vit158_error *error)
{
    const uint32_t depth = file->model->info.depth;
    builder b = {.file = file, .draft = draft, .filled = filled};
    *draft = vit158_draft_start(VIT158_DTYPE_F16);
    b.encodings_capacity = ((size_t)depth * VIT158_BLOCK_LINEARS + 4) * ENTRY_BYTES;
    b.encodings = malloc(b.encodings_capacity);
    if (b.encodings == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    b.encodings[b.encodings_bytes++] = '{';
    add_ends(&b);
    vit158_status status = VIT158_OK;
    for (uint32_t block = 0; block < depth && status == VIT158_OK; block++)
        status = add_block(&b, block, error);
    if (status == VIT158_OK)
        add_metadata(&b);
    free(b.encodings);
    return status;
}

vit158_status vit158_quantized_bytes(uint64_t *n_bytes, const vit158_quantized_file *file,
                                     vit158_error *error)
{
    vit158_draft draft;
    vit158_status status = build(&draft, file, false, error);
    if (status == VIT158_OK && draft.failure.status != VIT158_OK) {
        status = draft.failure.status;
        if (error != NULL)
            *error = draft.failure;
    }
    if (status == VIT158_OK) {
        const vit158_contents contents = {draft.tensors, draft.tensor_count, draft.metadata,
                                          draft.metadata_count};
        *n_bytes = vit158_safetensors_bytes(&contents);
        if (*n_bytes == 0)
            status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the new model");
    }
    vit158_draft_clear(&draft);
    return status;
}

vit158_status vit158_quantized_write(const char *path, const vit158_quantized_file *file,
                                     vit158_model_info *info, vit158_error *error)
{
    vit158_draft draft;
    vit158_status status = build(&draft, file, true, error);
    if (status == VIT158_OK)
        status = vit158_draft_write(&draft, path, info, error);
    vit158_draft_clear(&draft);
    return status;
}
