/* SPDX-License-Identifier: MIT
 *
 * How each of a block's matrices is stored: the `encodings` metadata, checked against element types
 * and geometry. Float matrices need no entry, unless they are latent weights.
 */
#include <string.h>

#include "base/error.h"
#include "base/planes.h"
#include "model/json_in.h"
#include "model/layout.h"

#define NAME_BYTES (VIT158_SLOT_NAME_BYTES * 6U) /* even if every character is an escape */

typedef struct reader {
    vit158_json_in in;
    vit158_layout *layout;
    const vit158_header *header;
    vit158_error *error;
} reader;

typedef struct entry {
    char type[NAME_BYTES];
    uint64_t n_in;
    uint64_t n_out;
    uint64_t rows;
    bool has_rows;
} entry;

static vit158_status json_status(const reader *r)
{
    if (r->in.problem == NULL)
        return VIT158_OK;
    return vit158_fail(r->error, VIT158_E_METADATA, "metadata encodings: %s at byte %zu",
                       r->in.problem, r->in.position);
}

/* Decodes a short string; longer ones become "", which names nothing. */
static void decode_short(char out[NAME_BYTES], const vit158_json_string *string)
{
    out[0] = 0;
    if (string->raw_bytes < NAME_BYTES)
        vit158_json_string_decode(out, string);
}

static vit158_status parse_entry(reader *r, entry *out, const char *name)
{
    enum { TYPE = 1, N_IN = 2, N_OUT = 4, ROWS = 8 };
    unsigned seen = 0;
    vit158_json_in_enter(&r->in, '{');
    while (vit158_json_in_next(&r->in, '}')) {
        vit158_json_string key, value;
        char member[NAME_BYTES];
        if (!vit158_json_in_key(&r->in, &key))
            break;
        decode_short(member, &key);
        unsigned which = 0;
        if (strcmp(member, "type") == 0) {
            which = TYPE;
            if (vit158_json_in_text(&r->in, &value))
                decode_short(out->type, &value);
        } else if (strcmp(member, "n_in") == 0) {
            which = N_IN;
            vit158_json_in_u64(&r->in, &out->n_in);
        } else if (strcmp(member, "n_out") == 0) {
            which = N_OUT;
            vit158_json_in_u64(&r->in, &out->n_out);
        } else if (strcmp(member, "rows") == 0) {
            which = ROWS;
            out->has_rows = true;
            vit158_json_in_u64(&r->in, &out->rows);
        }
        if (which == 0 || (seen & which) != 0)
            vit158_json_in_problem(&r->in, "a repeated or unknown member");
        seen |= which;
    }
    VIT158_RETURN_IF_ERROR(json_status(r));
    if ((seen | ROWS) != (TYPE | N_IN | N_OUT | ROWS))
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s lacks type, n_in or n_out", name);
    return VIT158_OK;
}

uint32_t vit158_layout_rows(const vit158_layout *layout, uint32_t block, uint32_t linear)
{
    const uint32_t rows = layout->rows[block][linear];
    return rows != 0 ? rows : vit158_linear_n_out(&layout->shapes[block], linear);
}

bool vit158_layout_matrix(const vit158_layout *layout, uint32_t slot, uint32_t *n_in,
                          uint32_t *n_out)
{
    const vit158_model_info *info = &layout->info;
    uint32_t block, linear, part;
    *n_in = info->dim;
    switch (slot) {
    case VIT158_SLOT_POS:
        *n_out = info->tokens;
        return true;
    case VIT158_SLOT_PATCH_WEIGHT:
        *n_in = info->channels * info->patch_size * info->patch_size;
        *n_out = info->dim;
        return true;
    case VIT158_SLOT_HEAD_WEIGHT:
        *n_in = info->embedding;
        *n_out = info->classes;
        return true;
    default:
        if (!vit158_slot_of_linear(slot, &block, &linear, &part) || part != VIT158_LINEAR_WEIGHT)
            return false;
        *n_in = vit158_linear_n_in(&layout->shapes[block], linear);
        *n_out = vit158_linear_n_out(&layout->shapes[block], linear);
        return true;
    }
}

uint32_t vit158_scale_slot(uint32_t slot)
{
    switch (slot) {
    case VIT158_SLOT_POS:
        return VIT158_SLOT_POS_SCALE;
    case VIT158_SLOT_PATCH_WEIGHT:
        return VIT158_SLOT_PATCH_SCALE;
    case VIT158_SLOT_HEAD_WEIGHT:
        return VIT158_SLOT_HEAD_SCALE;
    default:
        return slot - VIT158_LINEAR_WEIGHT + VIT158_LINEAR_SCALE;
    }
}

/* Where the type of the matrix in a slot is kept, NULL if there is none. */
static const vit158_stored_type **type_place(vit158_layout *layout, uint32_t slot)
{
    uint32_t block, linear, part;
    if (slot < VIT158_SLOT_GLOBALS)
        return &layout->rest_types[slot];
    const bool found = vit158_slot_of_linear(slot, &block, &linear, &part);
    /* UNREACHABLE: only slots of matrices are asked for (parse_member). */
    return found && part == VIT158_LINEAR_WEIGHT ? &layout->types[block][linear] : NULL;
}

const vit158_stored_type *vit158_layout_type(const vit158_layout *layout, uint32_t slot)
{
    uint32_t block, linear, part;
    if (slot < VIT158_SLOT_GLOBALS)
        return layout->rest_types[slot];
    const bool found = vit158_slot_of_linear(slot, &block, &linear, &part);
    return found && part == VIT158_LINEAR_WEIGHT ? layout->types[block][linear] : NULL;
}

/* The rows that an entry says, which only some types may. */
static vit158_status apply_rows(reader *r, const char *name, const entry *e,
                                const vit158_stored_type *type, uint32_t slot)
{
    uint32_t block, linear, part;
    if (!e->has_rows)
        return VIT158_OK;
    /* UNREACHABLE: no type of the rest sums rows (apply_entry), so the slot is a block's. */
    if (!type->sums || !vit158_slot_of_linear(slot, &block, &linear, &part))
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: rows belong to trit matrices only", name);
    if (e->rows < e->n_out || e->rows > VIT158_MAX_PLANES * e->n_out)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: %llu rows for %llu outputs, which have 1 to 4 "
                           "each",
                           name, (unsigned long long)e->rows, (unsigned long long)e->n_out);
    r->layout->rows[block][linear] = (uint32_t)e->rows;
    return VIT158_OK;
}

static vit158_status apply_entry(reader *r, const char *name, const entry *e,
                                 const vit158_tensor_entry *tensor, uint32_t slot)
{
    const vit158_stored_type *type = vit158_stored_type_named(e->type);
    if (type == NULL && strcmp(e->type, "i4") == 0)
        return vit158_fail(r->error, VIT158_E_UNSUPPORTED,
                           "metadata encodings: %s: i4 is not part of format versions 1 and 2",
                           name);
    if (type == NULL)
        return vit158_fail(r->error, VIT158_E_METADATA, "metadata encodings: %s: unknown type %s",
                           name, e->type);
    if (type->dtype != tensor->dtype)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: %s needs elements of %s, the tensor has %s",
                           name, e->type, vit158_dtype_name(type->dtype),
                           vit158_dtype_name(tensor->dtype));
    if (slot < VIT158_SLOT_GLOBALS && !type->of_rest)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s cannot be stored as %s", name, e->type);
    uint32_t n_in, n_out;
    vit158_layout_matrix(r->layout, slot, &n_in, &n_out);
    if (e->n_in != n_in || e->n_out != n_out)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: n_in %llu and n_out %llu, not %u and %u", name,
                           (unsigned long long)e->n_in, (unsigned long long)e->n_out, n_in, n_out);
    *type_place(r->layout, slot) = type;
    return apply_rows(r, name, e, type, slot);
}

static vit158_status parse_member(reader *r)
{
    vit158_json_string key;
    if (!vit158_json_in_key(&r->in, &key))
        return json_status(r);
    char name[NAME_BYTES];
    decode_short(name, &key);
    const uint32_t slot = vit158_slot_of_name(name);
    uint32_t n_in, n_out;
    if (!vit158_layout_matrix(r->layout, slot, &n_in, &n_out) || r->layout->tensors[slot] == 0)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s is not a matrix of this file", name);
    if (*type_place(r->layout, slot) != NULL)
        return vit158_fail(r->error, VIT158_E_METADATA, "metadata encodings: %s occurs twice",
                           name);
    entry e = {0};
    VIT158_RETURN_IF_ERROR(parse_entry(r, &e, name));
    return apply_entry(r, name, &e, vit158_layout_tensor(r->layout, r->header, slot), slot);
}

/* A matrix without an entry: its element type must speak for itself. */
static vit158_status without_entry(reader *r, const vit158_stored_type **type,
                                   const vit158_tensor_entry *tensor, bool latent)
{
    *type = vit158_stored_type_of(tensor != NULL ? tensor->dtype : VIT158_DTYPE_F32);
    if ((*type)->coded)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s, stored as %s, has no entry", tensor->name,
                           vit158_dtype_name(tensor->dtype));
    if (latent && tensor != NULL)
        return vit158_fail(
            r->error, VIT158_E_METADATA,
            "this file holds the float weights that a ternary model is trained with; "
            "run `vit158 pack` on it first");
    return VIT158_OK;
}

bool vit158_layout_is_latent(const vit158_layout *layout, const vit158_header *header)
{
    const char *weights = vit158_header_metadata(header, "weights");
    if (weights != NULL && strcmp(weights, "float") == 0)
        return false;
    const char *architecture = vit158_header_metadata(header, "architecture");
    return layout->variant.inner_norms != 0 ||
           (architecture != NULL && strcmp(architecture, "vit-1.58b") == 0);
}

vit158_status vit158_encodings_read(vit158_layout *layout, const vit158_header *header,
                                    vit158_error *error)
{
    reader r = {.layout = layout, .header = header, .error = error};
    const char *text = vit158_header_metadata(header, "encodings");
    if (text != NULL) {
        r.in = vit158_json_in_over(text, strlen(text));
        vit158_json_in_enter(&r.in, '{');
        while (vit158_json_in_next(&r.in, '}'))
            VIT158_RETURN_IF_ERROR(parse_member(&r));
        vit158_json_in_end(&r.in);
        VIT158_RETURN_IF_ERROR(json_status(&r));
    }
    static const uint32_t rest[] = {VIT158_SLOT_POS, VIT158_SLOT_PATCH_WEIGHT,
                                    VIT158_SLOT_HEAD_WEIGHT};
    for (uint32_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        const vit158_tensor_entry *tensor = vit158_layout_tensor(layout, header, rest[i]);
        if (layout->rest_types[rest[i]] == NULL && tensor != NULL)
            layout->rest_types[rest[i]] = vit158_stored_type_of(
                vit158_dtype_bytes(tensor->dtype) > 1 ? tensor->dtype : VIT158_DTYPE_F32);
    }
    const bool latent = vit158_layout_is_latent(layout, header);
    for (uint32_t block = 0; block < layout->info.depth; block++) {
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
            const uint32_t slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
            const vit158_tensor_entry *tensor = vit158_layout_tensor(layout, header, slot);
            if (layout->types[block][linear] == NULL)
                VIT158_RETURN_IF_ERROR(
                    without_entry(&r, &layout->types[block][linear], tensor, latent));
        }
    }
    return VIT158_OK;
}
