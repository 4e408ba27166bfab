/* SPDX-License-Identifier: MIT
 *
 * The model's tensors from the source's: query, key and value joined, LayerScale multiplied into
 * the matrix before it, missing biases as zeros, positions resized, matrices stored as asked for.
 * What is exact stays exact: without folding, F32 values pass unchanged.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"
#include "base/text.h"
#include "import/importer.h"
#include "model/names.h"
#include "model/ternary.h"

typedef vit158_importer importer;

typedef struct matrix {
    const char *name; /* "attn.qkv" */
    uint32_t n_out;
    uint32_t n_in;
    uint32_t weight; /* place in a block */
    uint32_t scale;  /* place of its LayerScale, VIT158_IN_BLOCK for none */
    uint32_t inner;  /* place of its inner norm */
} matrix;

static void list_matrices(matrix out[VIT158_BLOCK_LINEARS], const vit158_model_info *info)
{
    out[0] = (matrix){"attn.qkv",           3 * info->dim,   info->dim,
                      VIT158_IN_QKV_WEIGHT, VIT158_IN_BLOCK, VIT158_IN_INNER_NORMS};
    out[1] = (matrix){"attn.proj",           info->dim,     info->dim,
                      VIT158_IN_PROJ_WEIGHT, VIT158_IN_LS1, VIT158_IN_INNER_NORMS + 2};
    out[2] = (matrix){"mlp.fc1",       info->mlp_dim,
                      info->dim,       VIT158_IN_FC1_WEIGHT,
                      VIT158_IN_BLOCK, VIT158_IN_INNER_NORMS + 4};
    out[3] = (matrix){"mlp.fc2",     info->dim,
                      info->mlp_dim, VIT158_IN_FC2_WEIGHT,
                      VIT158_IN_LS2, VIT158_IN_INNER_NORMS + 6};
}

/* ---- Matrices ---- */

/* Weight [n_out][n_in] and bias [n_out] of a block's matrix: qkv joined if it lies in parts. */
static vit158_status read_matrix(importer *im, float *weight, float *bias, uint32_t block,
                                 const matrix *m)
{
    const uint32_t at = vit158_place_in(block, m->weight);
    const uint32_t query = vit158_place_in(block, VIT158_IN_QUERY_WEIGHT);
    if (m->weight != VIT158_IN_QKV_WEIGHT || im->places.tensors[query] == 0) {
        VIT158_RETURN_IF_ERROR(vit158_import_place(im, weight, at, m->n_out, m->n_in, false));
        return vit158_import_place(im, bias, at + 1, m->n_out, 0, true);
    }
    const uint32_t dim = m->n_in;
    for (uint32_t part = 0; part < 3; part++) {
        VIT158_RETURN_IF_ERROR(vit158_import_place(im, weight + (size_t)part * dim * dim,
                                                   query + 2 * part, dim, dim, false));
        VIT158_RETURN_IF_ERROR(
            vit158_import_place(im, bias + (size_t)part * dim, query + 2 * part + 1, dim, 0, true));
    }
    return VIT158_OK;
}

static vit158_status fold_scale(importer *im, float *weight, float *bias, uint32_t block,
                                const matrix *m)
{
    if (m->scale == VIT158_IN_BLOCK || im->places.tensors[vit158_place_in(block, m->scale)] == 0)
        return VIT158_OK;
    float *gamma = vit158_import_floats(im, m->n_out);
    if (gamma == NULL)
        return VIT158_E_MEMORY;
    const vit158_status status =
        vit158_import_place(im, gamma, vit158_place_in(block, m->scale), m->n_out, 0, false);
    if (status == VIT158_OK) {
        for (uint32_t o = 0; o < m->n_out; o++) {
            for (uint32_t i = 0; i < m->n_in; i++)
                weight[(size_t)o * m->n_in + i] *= gamma[o];
            bias[o] *= gamma[o];
        }
        im->folded++;
    }
    free(gamma);
    return status;
}

/* Whether the values of a matrix are -m, 0 and m with one m for each row; scales [n_out] get the
 * m (1 for rows of zeros), *one whether it is the same everywhere. */
static bool is_ternary(float *scales, bool *one, const float *values, uint32_t n_out, uint32_t n_in)
{
    float common = 0.0F;
    *one = true;
    for (uint32_t o = 0; o < n_out; o++) {
        float m = 0.0F;
        for (uint32_t i = 0; i < n_in; i++) {
            const float v = values[(size_t)o * n_in + i];
            const float magnitude = v < 0.0F ? -v : v;
            if (magnitude != 0.0F && m != 0.0F && magnitude != m)
                return false;
            m = magnitude != 0.0F ? magnitude : m;
        }
        scales[o] = m != 0.0F ? m : 1.0F;
        *one &= m == 0.0F || common == 0.0F || m == common;
        common = m != 0.0F ? m : common;
    }
    if (*one)
        scales[0] = common != 0.0F ? common : 1.0F;
    return common != 0.0F;
}

static void keep_trits(importer *im, const char *prefix, const matrix *m, const float *weight,
                       const float *scales, bool one)
{
    const size_t count = (size_t)m->n_out * m->n_in;
    uint8_t *codes = vit158_draft_coded(im->draft, prefix, VIT158_ENCODING_TRIT, m->n_out, m->n_in,
                                        scales, one ? 1 : m->n_out);
    int8_t *trits = malloc(count);
    if (codes != NULL && trits != NULL) {
        for (size_t i = 0; i < count; i++)
            trits[i] = (int8_t)((weight[i] > 0.0F) - (weight[i] < 0.0F));
        vit158_pack_trits(codes, trits, m->n_out, m->n_in);
    } else if (trits == NULL) {
        vit158_fail(&im->draft->failure, VIT158_E_MEMORY, "not enough memory for the new model");
    }
    free(trits);
}

static void keep_i8(importer *im, const char *prefix, const matrix *m, const float *weight,
                    float *scales)
{
    vit158_import_scales(scales, weight, m->n_out, m->n_in);
    int8_t *place = vit158_draft_coded(im->draft, prefix, VIT158_ENCODING_I8, m->n_out, m->n_in,
                                       scales, m->n_out);
    if (place != NULL)
        vit158_import_round(place, weight, scales, m->n_out, m->n_in);
}

static void keep_matrix(importer *im, uint32_t block, const matrix *m, const float *weight,
                        const float *bias, float *scales)
{
    char prefix[VIT158_SLOT_NAME_BYTES];
    char name[VIT158_SLOT_NAME_BYTES + 8];
    bool one = false;
    const uint64_t n_out = m->n_out;
    vit158_format(prefix, sizeof prefix, "blocks.%u.%s", block, m->name);
    if (im->ternary) {
        (void)is_ternary(scales, &one, weight, m->n_out, m->n_in); /* it is: find_ternary */
        keep_trits(im, prefix, m, weight, scales, one);
    } else if (im->options->weights == VIT158_IMPORT_I8) {
        keep_i8(im, prefix, m, weight, scales);
    } else {
        vit158_draft_float_matrix(im->draft, prefix, m->n_out, m->n_in, weight);
    }
    im->matrix_weights += (uint64_t)m->n_out * m->n_in;
    im->matrix_rows += m->n_out;
    im->made++;
    vit158_format(name, sizeof name, "%s.bias", prefix);
    vit158_import_keep(im, name, 1, &n_out, bias);
}

/* ---- Blocks ---- */

/* Weight or bias of a norm. */
static vit158_status copy_vector(importer *im, uint32_t place, const char *name, const char *part,
                                 uint32_t width, bool optional)
{
    char full[VIT158_SLOT_NAME_BYTES + 8];
    const uint64_t shape = width;
    float *values = vit158_import_floats(im, width);
    if (values == NULL)
        return VIT158_E_MEMORY;
    const vit158_status status = vit158_import_place(im, values, place, width, 0, optional);
    vit158_format(full, sizeof full, "%s.%s", name, part);
    if (status == VIT158_OK)
        vit158_import_keep(im, full, 1, &shape, values);
    free(values);
    return status;
}

/* With `bias` false it has none. */
static vit158_status copy_norm(importer *im, uint32_t place, const char *name, uint32_t width,
                               bool bias)
{
    VIT158_RETURN_IF_ERROR(copy_vector(im, place, name, "weight", width, false));
    return bias ? copy_vector(im, place + 1, name, "bias", width, true) : VIT158_OK;
}

typedef vit158_status (*matrix_use)(importer *im, uint32_t block, const matrix *m,
                                    const float *weight, const float *bias, float *scales);

static vit158_status store_matrix(importer *im, uint32_t block, const matrix *m,
                                  const float *weight, const float *bias, float *scales)
{
    keep_matrix(im, block, m, weight, bias, scales);
    return VIT158_OK;
}

/* Clears im->ternary at the first matrix that is not. */
static vit158_status look_at_matrix(importer *im, uint32_t block, const matrix *m,
                                    const float *weight, const float *bias, float *scales)
{
    bool one;
    (void)block;
    (void)bias;
    im->ternary = is_ternary(scales, &one, weight, m->n_out, m->n_in);
    return VIT158_OK;
}

static vit158_status with_matrix(importer *im, uint32_t block, const matrix *m, matrix_use use)
{
    float *weight = vit158_import_floats(im, (size_t)m->n_out * m->n_in);
    float *bias = vit158_import_floats(im, m->n_out);
    float *scales = vit158_import_floats(im, m->n_out);
    vit158_status status =
        weight != NULL && bias != NULL && scales != NULL ? VIT158_OK : VIT158_E_MEMORY;
    if (status == VIT158_OK)
        status = read_matrix(im, weight, bias, block, m);
    if (status == VIT158_OK)
        status = fold_scale(im, weight, bias, block, m);
    if (status == VIT158_OK)
        status = use(im, block, m, weight, bias, scales);
    free(weight);
    free(bias);
    free(scales);
    return status;
}

/* Whether all matrices of the blocks are ternary already. */
static vit158_status find_ternary(importer *im, const matrix *matrices)
{
    im->ternary = true;
    for (uint32_t block = 0; im->ternary && block < im->info.depth; block++) {
        for (uint32_t i = 0; im->ternary && i < VIT158_BLOCK_LINEARS; i++)
            VIT158_RETURN_IF_ERROR(with_matrix(im, block, &matrices[i], look_at_matrix));
    }
    im->zeros = 0;
    im->folded = 0;
    return VIT158_OK;
}

static vit158_status make_block(importer *im, uint32_t block, const matrix *matrices)
{
    char name[VIT158_SLOT_NAME_BYTES];
    const bool outer = im->places.tensors[vit158_place_in(0, VIT158_IN_NORM1_WEIGHT)] != 0;
    for (uint32_t norm = 0; outer && norm < 2; norm++) {
        vit158_format(name, sizeof name, "blocks.%u.norm%u", block, norm + 1);
        VIT158_RETURN_IF_ERROR(copy_norm(im,
                                         vit158_place_in(block, VIT158_IN_NORM1_WEIGHT + 2 * norm),
                                         name, im->info.dim, true));
    }
    for (uint32_t i = 0; i < VIT158_BLOCK_LINEARS; i++) {
        const matrix *m = &matrices[i];
        VIT158_RETURN_IF_ERROR(with_matrix(im, block, m, store_matrix));
        if ((im->variant.inner_norms >> i & 1U) == 0)
            continue;
        vit158_format(name, sizeof name, "blocks.%u.%s.norm", block, m->name);
        VIT158_RETURN_IF_ERROR(
            copy_norm(im, vit158_place_in(block, m->inner), name, m->n_in, !im->variant.inner_rms));
    }
    return VIT158_OK;
}

vit158_status vit158_import_tensors(importer *im)
{
    matrix matrices[VIT158_BLOCK_LINEARS];
    list_matrices(matrices, &im->info);
    VIT158_RETURN_IF_ERROR(find_ternary(im, matrices));
    const char *architecture = vit158_import_said(im, "architecture");
    const bool latent = (im->variant.inner_norms != 0 && !im->scale_norms) ||
                        (architecture != NULL && strcmp(architecture, "vit-1.58b") == 0);
    if (latent && !im->ternary)
        return vit158_fail(im->error, VIT158_E_UNSUPPORTED,
                           "%s holds the latent weights of a ternary model (it has inner norms): "
                           "run vit158 pack on it instead",
                           im->weight_file);
    VIT158_RETURN_IF_ERROR(vit158_import_globals(im));
    for (uint32_t block = 0; block < im->info.depth; block++)
        VIT158_RETURN_IF_ERROR(make_block(im, block, matrices));
    for (uint32_t i = 0; i < im->source.tensor_count; i++) {
        const vit158_source_tensor *tensor = &im->source.tensors[i];
        if (!tensor->used && tensor->place != VIT158_PLACE_IGNORED)
            return vit158_fail(im->error, VIT158_E_TENSOR, "tensor %s has no use beside the others",
                               tensor->name);
    }
    return VIT158_OK;
}
