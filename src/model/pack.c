/* SPDX-License-Identifier: MIT */
#include "model/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numerics.h"
#include "base/text.h"
#include "model/draft.h"
#include "model/json_in.h"
#include "model/layout.h"
#include "model/metadata_json.h"
#include "model/safetensors.h"
#include "model/ternary.h"

#define KEY_BYTES 256U
#define MOST_OUTPUTS VIT158_MAX_MLP_DIM /* which is above 3 VIT158_MAX_DIM */

typedef struct packer {
    const vit158_safetensors *in;
    vit158_header header; /* the file's, with additional metadata; borrows all but the two arrays */
    vit158_header extra;  /* the additional metadata */
    const vit158_pack_options *options;
    vit158_layout layout;
    vit158_draft draft;
    vit158_pack_report report;
    float *values; /* scratch for the largest tensor */
    int8_t *trits; /* the same for the largest matrix */
    float *scales; /* the same for its outputs */
    vit158_error *error;
} packer;

/* ---- What the matrices are ---- */

static vit158_status check_matrices(packer *p)
{
    for (uint32_t block = 0; block < p->layout.info.depth; block++) {
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
            const uint32_t slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
            const vit158_tensor_entry *tensor = vit158_layout_tensor(&p->layout, &p->header, slot);
            if (tensor != NULL && vit158_dtype_bytes(tensor->dtype) == 1)
                return vit158_fail(p->error, VIT158_E_UNSUPPORTED,
                                   "tensor %s holds codes, not floats: this file is packed already",
                                   tensor->name);
        }
    }
    const bool latent = vit158_header_metadata(&p->header, "encodings") == NULL &&
                        vit158_layout_is_latent(&p->layout, &p->header);
    if (latent && p->options->matrices >= VIT158_PACK_INT8)
        return vit158_fail(p->error, VIT158_E_UNSUPPORTED,
                           "its matrices are the latent weights of a ternary model, which mean "
                           "nothing as floats");
    p->report.untrained = !latent;
    return VIT158_OK;
}

static vit158_status not_ternary(const packer *p)
{
    return vit158_fail(p->error, VIT158_E_UNSUPPORTED,
                       "its matrices were not trained to be ternary (no inner norms, f32 in "
                       "`encodings`, or `weights` is float); --ternarize rounds them all the "
                       "same and loses accuracy");
}

/* ---- Metadata ---- */

/* Looks for the member that is no string, to name it. */
static vit158_status check_extra(const packer *p, const char *json)
{
    vit158_json_in in = vit158_json_in_over(json, strlen(json));
    char name[KEY_BYTES] = "";
    vit158_json_in_enter(&in, '{');
    while (vit158_json_in_next(&in, '}')) {
        vit158_json_string key, value;
        if (!vit158_json_in_key(&in, &key))
            break;
        name[0] = 0;
        if (key.raw_bytes < KEY_BYTES)
            vit158_json_string_decode(name, &key);
        if (!vit158_json_in_text(&in, &value))
            return vit158_fail(p->error, VIT158_E_JSON,
                               "the additional metadata: the value of %s is not a string: %s", name,
                               in.problem);
    }
    vit158_json_in_end(&in);
    if (in.problem == NULL)
        return VIT158_OK;
    return vit158_fail(
        p->error, VIT158_E_JSON,
        "the additional metadata is not a JSON object of strings: %s at byte %zu%s%s", in.problem,
        in.position, name[0] != 0 ? ", after " : "", name);
}

static vit158_status parse_extra(packer *p)
{
    const char *json = p->options->metadata_json != NULL ? p->options->metadata_json : "{}";
    VIT158_RETURN_IF_ERROR(check_extra(p, json));
    return vit158_metadata_of_json(&p->extra, json, strlen(json), p->error);
}

static void add_pair(vit158_header *header, const char *key, const char *value)
{
    header->metadata_keys[header->metadata_count] = key;
    header->metadata_values[header->metadata_count++] = value;
}

/* The file's pairs that are not replaced, then the additional ones. */
static vit158_status merge_metadata(packer *p)
{
    const vit158_header *own = vit158_safetensors_header(p->in);
    VIT158_RETURN_IF_ERROR(parse_extra(p));
    p->header = *own;
    const size_t most = (size_t)own->metadata_count + p->extra.metadata_count + 1;
    p->header.metadata_count = 0;
    p->header.metadata_keys = malloc(most * sizeof *p->header.metadata_keys);
    p->header.metadata_values = malloc(most * sizeof *p->header.metadata_values);
    if (p->header.metadata_keys == NULL || p->header.metadata_values == NULL)
        return vit158_fail(p->error, VIT158_E_MEMORY, "not enough memory to pack it");
    for (uint32_t i = 0; i < own->metadata_count; i++) {
        if (vit158_header_metadata(&p->extra, own->metadata_keys[i]) == NULL)
            add_pair(&p->header, own->metadata_keys[i], own->metadata_values[i]);
    }
    for (uint32_t i = 0; i < p->extra.metadata_count; i++)
        add_pair(&p->header, p->extra.metadata_keys[i], p->extra.metadata_values[i]);
    return VIT158_OK;
}

/* ---- Tensors ---- */

static void draft_i8(packer *p, const char *prefix, uint32_t n_out, uint32_t n_in)
{
    for (uint32_t o = 0; o < n_out; o++) {
        const float *row = p->values + (size_t)o * n_in;
        float largest = 0.0F;
        for (uint32_t i = 0; i < n_in; i++)
            largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
        const float scale = largest / 127.0F;
        p->scales[o] = scale > 0.0F ? scale : 1.0F;
        for (uint32_t i = 0; i < n_in; i++) {
            const float x = vit158_rne(row[i] / p->scales[o]);
            p->trits[(size_t)o * n_in + i] = (int8_t)(x > 127.0F ? 127 : x < -127.0F ? -127 : x);
        }
    }
    int8_t *place =
        vit158_draft_coded(&p->draft, prefix, VIT158_ENCODING_I8, n_out, n_in, p->scales, n_out);
    if (place != NULL)
        memcpy(place, p->trits, (size_t)n_out * n_in);
}

static vit158_status draft_trits(packer *p, const char *prefix, uint32_t n_out, uint32_t n_in)
{
    const size_t count = (size_t)n_in * n_out;
    uint32_t scale_count = vit158_find_trits(p->trits, p->scales, p->values, n_out, n_in);
    if (scale_count > 0) {
        p->report.kept++;
    } else if (!p->report.untrained) {
        scale_count = 1;
        p->scales[0] = vit158_absmean(p->values, n_out, n_in);
        vit158_ternarize(p->trits, p->values, count, p->scales[0]);
    } else if (p->options->matrices == VIT158_PACK_TRAINED) {
        return not_ternary(p);
    } else {
        scale_count = 1;
        p->scales[0] = vit158_ternarize_untrained(p->trits, p->values, n_out, n_in);
    }
    uint8_t *codes = vit158_draft_coded(&p->draft, prefix, VIT158_ENCODING_TRIT, n_out, n_in,
                                        p->scales, scale_count);
    if (codes == NULL)
        return VIT158_OK; /* the draft keeps the reason */
    vit158_pack_trits(codes, p->trits, n_out, n_in);
    for (size_t i = 0; i < count; i++)
        p->report.zeros += p->trits[i] == 0;
    return VIT158_OK;
}

static vit158_status pack_matrix(packer *p, uint32_t block, uint32_t linear)
{
    char name[VIT158_SLOT_NAME_BYTES];
    char prefix[VIT158_SLOT_NAME_BYTES];
    vit158_slot_name(name, vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT));
    vit158_format(prefix, sizeof prefix, "blocks.%u.%s", block, vit158_linear_name(linear));
    const uint32_t n_in = vit158_linear_n_in(&p->layout.shapes[block], linear);
    const uint32_t n_out = vit158_linear_n_out(&p->layout.shapes[block], linear);
    const size_t count = (size_t)n_in * n_out;
    VIT158_RETURN_IF_ERROR(vit158_safetensors_get_f32(p->in, name, p->values, count, p->error));
    if (p->options->matrices == VIT158_PACK_FLOAT)
        vit158_draft_float_matrix(&p->draft, prefix, n_out, n_in, p->values);
    else if (p->options->matrices == VIT158_PACK_INT8)
        draft_i8(p, prefix, n_out, n_in);
    else
        return draft_trits(p, prefix, n_out, n_in);
    return VIT158_OK;
}

static vit158_status pack_rest(packer *p, uint32_t slot)
{
    const vit158_tensor_entry *tensor = vit158_layout_tensor(&p->layout, &p->header, slot);
    if (tensor == NULL)
        return VIT158_OK; /* absent norms; the loader complains about anything else */
    VIT158_RETURN_IF_ERROR(vit158_safetensors_read_f32(p->in, tensor, p->values, p->error));
    vit158_draft_rest(&p->draft, tensor->name, tensor->rank, tensor->shape, p->values);
    return VIT158_OK;
}

static vit158_status pack_tensors(packer *p)
{
    for (uint32_t slot = 0; slot < VIT158_SLOT_GLOBALS; slot++)
        VIT158_RETURN_IF_ERROR(pack_rest(p, slot));
    for (uint32_t block = 0; block < p->layout.info.depth; block++) {
        for (uint32_t part = 0; part < VIT158_BLOCK_PARTS; part++) {
            const bool of_linear = part >= VIT158_PART_LINEARS;
            const uint32_t linear =
                of_linear ? (part - VIT158_PART_LINEARS) / VIT158_LINEAR_PARTS : 0;
            if (of_linear &&
                (part - VIT158_PART_LINEARS) % VIT158_LINEAR_PARTS == VIT158_LINEAR_WEIGHT)
                VIT158_RETURN_IF_ERROR(pack_matrix(p, block, linear));
            else
                VIT158_RETURN_IF_ERROR(pack_rest(p, vit158_block_slot(block, part)));
        }
    }
    return VIT158_OK;
}

static void pack_metadata(packer *p)
{
    for (uint32_t i = 0; i < p->header.metadata_count; i++)
        vit158_draft_set(&p->draft, p->header.metadata_keys[i], p->header.metadata_values[i]);
    if (p->options->matrices >= VIT158_PACK_INT8) {
        vit158_draft_default(&p->draft, "architecture", "vit");
        if (p->options->matrices == VIT158_PACK_INT8)
            vit158_draft_set(&p->draft, "weights", "int8, a scale an output");
    } else {
        const bool all = p->report.kept == p->layout.info.depth * VIT158_BLOCK_LINEARS;
        p->report.untrained = p->report.untrained && !all;
        vit158_draft_set(&p->draft, "architecture", "vit-1.58b");
        vit158_draft_set(&p->draft, "weights",
                         p->report.untrained ? "ternary, rounded without training: accuracy is lost"
                         : all               ? "ternary, with the scales they came with"
                                             : "ternary, one absmean scale a matrix");
    }
    vit158_draft_complete(&p->draft, &p->layout.info);
}

/* ---- */

static vit158_status take_scratch(packer *p)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < p->header.tensor_count; i++) {
        if (p->header.tensors[i].n_elements > largest)
            largest = p->header.tensors[i].n_elements;
    }
    /* UNREACHABLE: a file has fewer elements than 64 bits count; in wasm's 32 it may have more. */
    if (largest <= SIZE_MAX / sizeof(float)) {
        p->values = malloc((size_t)largest * sizeof *p->values);
        p->trits = malloc((size_t)largest);
        p->scales = malloc(MOST_OUTPUTS * sizeof *p->scales);
    }
    return p->values != NULL && p->trits != NULL && p->scales != NULL
               ? VIT158_OK
               : vit158_fail(p->error, VIT158_E_MEMORY, "not enough memory to pack it");
}

static vit158_status run(packer *p)
{
    VIT158_RETURN_IF_ERROR(merge_metadata(p));
    VIT158_RETURN_IF_ERROR(vit158_layout_geometry(&p->layout, &p->header, p->error));
    VIT158_RETURN_IF_ERROR(check_matrices(p));
    VIT158_RETURN_IF_ERROR(take_scratch(p));
    p->draft.newer = vit158_variant_beyond_plain(&p->layout.variant, true) != NULL ||
                     vit158_layout_is_uneven(&p->layout);
    VIT158_RETURN_IF_ERROR(pack_tensors(p));
    pack_metadata(p);
    return VIT158_OK;
}

vit158_status vit158_pack_draft(vit158_draft *draft, vit158_pack_report *report,
                                const vit158_safetensors *in, const vit158_pack_options *options,
                                vit158_error *error)
{
    *draft = vit158_draft_start(options->rest);
    packer *p = calloc(1, sizeof *p);
    if (p == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to pack it");
    p->in = in;
    p->options = options;
    p->error = error;
    p->draft = *draft;
    const vit158_status status = run(p);
    *draft = p->draft;
    *report = p->report;
    free(p->header.metadata_keys);
    free(p->header.metadata_values);
    vit158_header_clear(&p->extra);
    free(p->values);
    free(p->trits);
    free(p->scales);
    free(p);
    return status;
}
