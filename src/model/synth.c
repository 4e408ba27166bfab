/* SPDX-License-Identifier: MIT */
#include "model/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "model/draft.h"
#include "model/layout.h"
#include "model/linear_parts.h"

typedef struct synth {
    const vit158_synth_options *options;
    vit158_variant variant;
    vit158_model_info info;
    vit158_block_shape shapes[VIT158_MAX_DEPTH];
    vit158_rng rng;
    vit158_draft draft;
} synth;

bool vit158_synth_preset(vit158_synth_options *out, char arch)
{
    static const struct {
        char arch;
        uint32_t dim;
        uint32_t heads;
        uint32_t depth;
    } presets[] = {{'t', 192, 3, 12}, {'s', 384, 6, 12}, {'b', 768, 12, 12}, {'l', 1024, 16, 24}};
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (presets[i].arch != arch)
            continue;
        *out = (vit158_synth_options){.image_size = 224,
                                      .patch_size = 16,
                                      .channels = 3,
                                      .dim = presets[i].dim,
                                      .depth = presets[i].depth,
                                      .heads = presets[i].heads,
                                      .mlp_dim = 4 * presets[i].dim,
                                      .classes = 1000,
                                      .outer_norms = true,
                                      .inner_norms = true,
                                      .encoding = VIT158_ENCODING_TRIT,
                                      .rest = VIT158_DTYPE_F16,
                                      .seed = 1};
        return true;
    }
    return false;
}

static void out_of_memory(synth *s)
{
    vit158_fail(&s->draft.failure, VIT158_E_MEMORY, "not enough memory for the new model");
}

/* A float tensor of normal values. */
static void normals(synth *s, const char *name, uint32_t rank, const uint64_t *shape, float mean,
                    float spread)
{
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (size_t)shape[i];
    float *values = malloc(count * sizeof *values);
    if (values == NULL) {
        out_of_memory(s);
        return;
    }
    for (size_t i = 0; i < count; i++)
        values[i] = mean + spread * vit158_rng_normal(&s->rng);
    vit158_draft_rest(&s->draft, name, rank, shape, values);
    free(values);
}

static void vector(synth *s, const char *prefix, const char *suffix, uint32_t n, float mean,
                   float spread)
{
    char name[64];
    const uint64_t shape = n;
    vit158_format(name, sizeof name, "%s.%s", prefix, suffix);
    normals(s, name, 1, &shape, mean, spread);
}

static void norm(synth *s, const char *prefix, uint32_t n)
{
    vector(s, prefix, "weight", n, 1.0F, 0.1F);
    vector(s, prefix, "bias", n, 0.0F, 0.1F);
}

static void inner_norm(synth *s, const char *prefix, uint32_t linear, uint32_t n)
{
    if ((s->variant.inner_norms >> linear & 1U) == 0)
        return;
    if (s->variant.inner_rms)
        vector(s, prefix, "weight", n, 1.0F, 0.1F);
    else
        norm(s, prefix, n);
}

static void float_matrix(synth *s, const char *prefix, uint32_t n_out, uint32_t n_in)
{
    const size_t count = (size_t)n_out * n_in;
    float *values = malloc(count * sizeof *values);
    if (values == NULL) {
        out_of_memory(s);
        return;
    }
    const float spread = 0.5F / sqrtf((float)n_in);
    for (size_t i = 0; i < count; i++)
        values[i] = spread * vit158_rng_normal(&s->rng);
    vit158_draft_float_matrix(&s->draft, prefix, n_out, n_in, values);
    free(values);
}

/* Codes of uniform trits: a third of each value. Inputs past the end have digit 1. */
static void random_trits(vit158_rng *rng, uint8_t *codes, uint32_t n_rows, uint32_t n_in)
{
    const uint32_t groups = vit158_trit_groups(n_in);
    const uint32_t full = n_in / VIT158_TRITS_PER_CODE;
    const uint32_t digits = n_in % VIT158_TRITS_PER_CODE;
    for (uint32_t first = 0; first < groups; first += VIT158_BLOCK_GROUPS) {
        uint32_t step;
        vit158_trit_offset(n_in, n_rows, first, &step);
        for (uint32_t i = 0; i < n_rows * step; i++) {
            uint32_t code = 0;
            if (first + i % step < full) {
                code = vit158_rng_below(rng, VIT158_TRIT_CODES);
            } else {
                for (uint32_t k = VIT158_TRITS_PER_CODE; k-- > 0;)
                    code = 3 * code + (k < digits ? vit158_rng_below(rng, 3) : 1);
            }
            *codes++ = (uint8_t)code;
        }
    }
}

static void random_i8(vit158_rng *rng, uint8_t *bytes, uint32_t n_rows, uint32_t n_in)
{
    for (size_t i = 0; i < (size_t)n_rows * n_in; i++)
        bytes[i] = (uint8_t)((int32_t)vit158_rng_below(rng, 255) - 127);
}

/* By encoding: random weights, and their magnitude, so that outputs are of about the size of a
 * normal layer's whatever the encoding. */
static const struct {
    void (*fill)(vit158_rng *rng, uint8_t *bytes, uint32_t n_rows, uint32_t n_in);
    float magnitude;
} random_weights[VIT158_ENCODINGS] = {
    [VIT158_ENCODING_TRIT] = {random_trits, 1.0F}, [VIT158_ENCODING_I8] = {random_i8, 64.0F}};

/* Sums of ternary rows: each row of an output is worth about 2/5 of the one before. */
static void sums_matrix(synth *s, const char *prefix, uint32_t n_out, uint32_t n_in)
{
    uint8_t *counts = malloc(n_out);
    float *scale = malloc((size_t)VIT158_MAX_PLANES * n_out * sizeof *scale);
    if (counts == NULL || scale == NULL) {
        out_of_memory(s);
        free(counts);
        free(scale);
        return;
    }
    const uint32_t rows = s->options->rows;
    for (uint32_t o = 0; o < n_out; o++)
        counts[o] =
            (uint8_t)(rows == VIT158_SYNTH_MIXED ? 1 + vit158_rng_below(&s->rng, VIT158_MAX_PLANES)
                                                 : rows);
    uint32_t total = 0;
    float unit = 0.5F / sqrtf((float)n_in);
    for (uint32_t plane = 0; plane < VIT158_MAX_PLANES; plane++, unit *= 0.4F) {
        for (uint32_t o = 0; o < n_out; o++) {
            if (counts[o] > plane)
                scale[total++] = unit * (0.75F + 0.5F * vit158_rng_uniform(&s->rng));
        }
    }
    uint8_t *codes =
        vit158_draft_sums(&s->draft, prefix, n_out, n_in, counts, scale, s->options->rest);
    if (codes != NULL)
        random_trits(&s->rng, codes, total, n_in);
    free(counts);
    free(scale);
}

static void coded_matrix(synth *s, const char *prefix, uint32_t n_out, uint32_t n_in)
{
    const vit158_encoding encoding = s->options->encoding;
    const uint32_t scale_count = s->options->row_scales ? n_out : 1;
    float *scale = malloc(scale_count * sizeof *scale);
    if (scale == NULL) {
        out_of_memory(s);
        return;
    }
    const float unit = 0.5F / sqrtf((float)n_in) / random_weights[encoding].magnitude;
    for (uint32_t i = 0; i < scale_count; i++)
        scale[i] = unit * (0.75F + 0.5F * vit158_rng_uniform(&s->rng));
    uint8_t *bytes =
        vit158_draft_coded(&s->draft, prefix, encoding, n_out, n_in, scale, scale_count);
    if (bytes != NULL)
        random_weights[encoding].fill(&s->rng, bytes, n_out, n_in);
    free(scale);
}

static void optional_parts(synth *s, const char *prefix)
{
    for (uint32_t part = 0; part < VIT158_LINEAR_PARTS; part++) {
        if ((s->options->parts >> part & 1U) == 0)
            continue;
        const float *range = vit158_linear_parts[part].random;
        const float value = range[0] + (range[1] - range[0]) * vit158_rng_uniform(&s->rng);
        vit158_draft_part(&s->draft, prefix, part, 1, &value);
    }
}

static void block(synth *s, uint32_t index)
{
    char name[64];
    if (s->options->outer_norms) {
        vit158_format(name, sizeof name, "blocks.%u.norm1", index);
        norm(s, name, s->info.dim);
        vit158_format(name, sizeof name, "blocks.%u.norm2", index);
        norm(s, name, s->info.dim);
    }
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
        const uint32_t n_in = vit158_linear_n_in(&s->shapes[index], linear);
        const uint32_t n_out = vit158_linear_n_out(&s->shapes[index], linear);
        vit158_format(name, sizeof name, "blocks.%u.%s.norm", index, vit158_linear_name(linear));
        inner_norm(s, name, linear, n_in);
        vit158_format(name, sizeof name, "blocks.%u.%s", index, vit158_linear_name(linear));
        vector(s, name, "bias", n_out, 0.0F, 0.05F);
        if (random_weights[s->options->encoding].fill == NULL)
            float_matrix(s, name, n_out, n_in);
        else if (s->options->rows > 1)
            sums_matrix(s, name, n_out, n_in);
        else
            coded_matrix(s, name, n_out, n_in);
        optional_parts(s, name);
    }
}

/* Patch, head or positions: float, or as int8 with scales that give about the same spread. */
static void rest_matrix(synth *s, const char *name, uint32_t rank, const uint64_t *shape,
                        float spread)
{
    if (!s->options->int8_rest) {
        normals(s, name, rank, shape, 0.0F, spread);
        return;
    }
    const uint32_t n_out = (uint32_t)shape[rank == 3 ? 1 : 0]; /* positions are [1][N][d] */
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (size_t)shape[i];
    float *scale = calloc(n_out, sizeof *scale);
    if (scale == NULL) {
        out_of_memory(s);
        return;
    }
    for (uint32_t i = 0; i < n_out; i++)
        scale[i] = spread / 64.0F * (0.75F + 0.5F * vit158_rng_uniform(&s->rng));
    int8_t *values = vit158_draft_i8_rest(&s->draft, name, rank, shape, scale, s->options->rest);
    if (values != NULL)
        random_i8(&s->rng, (uint8_t *)values, n_out, (uint32_t)(count / n_out));
    free(scale);
}

static void globals(synth *s)
{
    const vit158_model_info *info = &s->info;
    const uint64_t cls[3] = {1, info->prefix_tokens, info->dim};
    const uint64_t pos[3] = {1, info->tokens, info->dim};
    const uint64_t patch[4] = {info->dim, info->channels, info->patch_size, info->patch_size};
    const uint64_t head[2] = {info->classes, info->embedding};
    if (info->prefix_tokens > 0)
        normals(s, "cls_token", 3, cls, 0.0F, 0.5F);
    rest_matrix(s, "pos_embed", 3, pos, 0.5F);
    rest_matrix(s, "patch_embed.proj.weight", 4, patch,
                1.0F / sqrtf((float)(info->channels * info->patch_size * info->patch_size)));
    vector(s, "patch_embed.proj", "bias", info->dim, 0.0F, 0.05F);
    if (s->variant.norm_pre)
        norm(s, "norm_pre", info->dim);
    if (s->variant.final_norm)
        norm(s, "norm", info->dim);
    if (s->variant.fc_norm)
        norm(s, "fc_norm", info->dim);
    if (s->variant.headless)
        return;
    rest_matrix(s, "head.weight", 2, head, 1.0F / sqrtf((float)info->embedding));
    vector(s, "head", "bias", info->classes, 0.0F, 0.05F);
}

static void metadata(synth *s)
{
    char text[64];
    vit158_draft *draft = &s->draft;
    const bool rgb = s->options->channels == 3;
    vit158_draft_set(draft, "architecture",
                     s->options->encoding == VIT158_ENCODING_TRIT ? "vit-1.58b" : "vit");
    vit158_draft_set(draft, "mean", rgb ? "0.5,0.5,0.5" : "0.5");
    vit158_draft_set(draft, "std", rgb ? "0.5,0.5,0.5" : "0.5");
    vit158_draft_set(draft, "trained", "false");
    vit158_draft_set(draft, "dataset", "none: random weights");
    vit158_format(text, sizeof text, "vit158 synth, seed %llu",
                  (unsigned long long)s->options->seed);
    vit158_draft_set(draft, "source", text);
    if (s->options->unsure > 0.0) {
        snprintf(text, sizeof text, "%.9g", s->options->unsure);
        vit158_draft_set(draft, "unsure", text);
    }
    vit158_draft_variant(draft, &s->variant);
    vit158_draft_complete(draft, &s->info);
}

/* The blocks' sizes; the model's are then the largest of them. Random numbers of its own leave the
 * weights of even models what they are. */
static void shape_blocks(synth *s)
{
    const vit158_synth_options *o = s->options;
    vit158_rng rng = vit158_rng_seed(o->seed + 1);
    s->info.head_dim = o->dim / o->heads;
    for (uint32_t i = 0; i < o->depth; i++) {
        s->shapes[i] = (vit158_block_shape){o->dim, o->dim, o->mlp_dim};
        if (!o->uneven)
            continue;
        const uint32_t heads = 1 + vit158_rng_below(&rng, o->heads);
        s->shapes[i].attention = heads * s->info.head_dim;
        s->shapes[i].mlp -= vit158_rng_below(&rng, o->mlp_dim / 2 + 1);
        s->info.heads = i == 0 || heads > s->info.heads ? heads : s->info.heads;
        s->info.mlp_dim =
            i == 0 || s->shapes[i].mlp > s->info.mlp_dim ? s->shapes[i].mlp : s->info.mlp_dim;
    }
    if (o->uneven) {
        s->draft.newer = true;
        vit158_draft_set_count(&s->draft, "head_dim", s->info.head_dim);
    }
}

/* Zero sizes and sizes that would overflow before the loader can look at them. */
static vit158_status check(const vit158_synth_options *o, vit158_error *error)
{
    const bool zero = o->patch_size == 0 || o->dim == 0 || o->depth == 0 || o->heads == 0 ||
                      o->mlp_dim == 0 || o->classes == 0 || o->channels == 0;
    const bool large = o->image_size > VIT158_MAX_IMAGE_SIZE || o->channels > 3 ||
                       o->patch_size > VIT158_MAX_PATCH_SIZE || o->dim > VIT158_MAX_DIM ||
                       o->depth > VIT158_MAX_DEPTH || o->mlp_dim > VIT158_MAX_MLP_DIM ||
                       o->classes > VIT158_MAX_CLASSES;
    if (zero || large)
        return vit158_fail(error, VIT158_E_ARGUMENT, "a size is 0 or above its limit (FORMAT.md)");
    if (o->rows > 1 && (o->encoding != VIT158_ENCODING_TRIT || o->rows > VIT158_SYNTH_MIXED))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "rows: 1 to 4 or mixed, and of trit weights only");
    if (o->image_size == 0 || o->image_size % o->patch_size != 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "an image size of %u is not a multiple of the patch size %u",
                           o->image_size, o->patch_size);
    return VIT158_OK;
}

static vit158_variant variant_of(const vit158_synth_options *options)
{
    vit158_variant variant = {.prefix_tokens = 1,
                              .head_tokens = 1,
                              .final_norm = true,
                              .inner_norms = VIT158_ALL_INNER_NORMS};
    if (options->variant != NULL)
        variant = *options->variant;
    if (!options->inner_norms)
        variant.inner_norms = 0;
    return variant;
}

vit158_status vit158_synth_file(const char *path, const vit158_synth_options *options,
                                vit158_model_info *info, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(check(options, error));
    const uint32_t grid = options->image_size / options->patch_size;
    const vit158_variant variant = variant_of(options);
    synth s = {.options = options,
               .info = {.image_size = options->image_size,
                        .patch_size = options->patch_size,
                        .channels = options->channels,
                        .dim = options->dim,
                        .depth = options->depth,
                        .heads = options->heads,
                        .mlp_dim = options->mlp_dim,
                        .classes = variant.headless ? 0 : options->classes,
                        .tokens = grid * grid + variant.prefix_tokens,
                        .prefix_tokens = variant.prefix_tokens,
                        .embedding = vit158_variant_embedding(&variant, options->dim)},
               .variant = variant,
               .rng = vit158_rng_seed(options->seed),
               .draft = vit158_draft_start(options->rest)};
    shape_blocks(&s);
    globals(&s);
    for (uint32_t i = 0; i < options->depth; i++)
        block(&s, i);
    metadata(&s);
    const vit158_status status = vit158_draft_write(&s.draft, path, info, error);
    vit158_draft_clear(&s.draft);
    return status;
}
