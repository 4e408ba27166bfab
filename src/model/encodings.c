/* SPDX-License-Identifier: MIT
 *
 * How each of a block's matrices is stored: the `encodings` metadata, checked against element types
 * and geometry. Float matrices need no entry, unless they are latent weights.
 */
#include <string.h>

#include "base/error.h"
#include "model/json_in.h"
#include "model/layout.h"

#define NAME_BYTES (VIT158_SLOT_NAME_BYTES * 6U) /* even if every character is an escape */

typedef struct reader {
    vit158_json_in in;
    vit158_layout *layout;
    const vit158_header *header;
    bool seen[VIT158_MAX_DEPTH][VIT158_BLOCK_LINEARS];
    vit158_error *error;
} reader;

typedef struct entry {
    char type[NAME_BYTES];
    uint64_t n_in;
    uint64_t n_out;
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
    enum { TYPE = 1, N_IN = 2, N_OUT = 4 };
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
        }
        if (which == 0 || (seen & which) != 0)
            vit158_json_in_problem(&r->in, "a repeated or unknown member");
        seen |= which;
    }
    VIT158_RETURN_IF_ERROR(json_status(r));
    if (seen != (TYPE | N_IN | N_OUT))
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s lacks type, n_in or n_out", name);
    return VIT158_OK;
}

/* Finds the block and matrix that `slot` is the weight of. */
static bool locate(uint32_t slot, uint32_t *block, uint32_t *linear)
{
    if (slot < VIT158_SLOT_GLOBALS || slot >= VIT158_SLOT_COUNT)
        return false;
    *block = (slot - VIT158_SLOT_GLOBALS) / VIT158_BLOCK_PARTS;
    const uint32_t part = (slot - VIT158_SLOT_GLOBALS) % VIT158_BLOCK_PARTS;
    if (part < VIT158_PART_LINEARS)
        return false;
    *linear = (part - VIT158_PART_LINEARS) / VIT158_LINEAR_PARTS;
    return (part - VIT158_PART_LINEARS) % VIT158_LINEAR_PARTS == VIT158_LINEAR_WEIGHT;
}

const vit158_stored_type *vit158_layout_type(const vit158_layout *layout, uint32_t slot)
{
    uint32_t block, linear;
    return locate(slot, &block, &linear) ? layout->types[block][linear] : NULL;
}

static vit158_status apply_entry(reader *r, const char *name, const entry *e,
                                 const vit158_tensor_entry *tensor, uint32_t block, uint32_t linear)
{
    const vit158_stored_type *type = vit158_stored_type_named(e->type);
    if (type == NULL && strcmp(e->type, "i4") == 0)
        return vit158_fail(r->error, VIT158_E_UNSUPPORTED,
                           "metadata encodings: %s: i4 is not part of format version 1", name);
    if (type == NULL)
        return vit158_fail(r->error, VIT158_E_METADATA, "metadata encodings: %s: unknown type %s",
                           name, e->type);
    if (type->dtype != tensor->dtype)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: %s needs elements of %s, the tensor has %s",
                           name, e->type, vit158_dtype_name(type->dtype),
                           vit158_dtype_name(tensor->dtype));
    const uint32_t n_in = vit158_linear_n_in(&r->layout->info, linear);
    const uint32_t n_out = vit158_linear_n_out(&r->layout->info, linear);
    if (e->n_in != n_in || e->n_out != n_out)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s: n_in %llu and n_out %llu, not %u and %u", name,
                           (unsigned long long)e->n_in, (unsigned long long)e->n_out, n_in, n_out);
    r->layout->types[block][linear] = type;
    return VIT158_OK;
}

static vit158_status parse_member(reader *r)
{
    vit158_json_string key;
    if (!vit158_json_in_key(&r->in, &key))
        return json_status(r);
    char name[NAME_BYTES];
    decode_short(name, &key);
    const uint32_t slot = vit158_slot_of_name(name);
    uint32_t block = 0, linear = 0;
    if (!locate(slot, &block, &linear) || r->layout->tensors[slot] == 0)
        return vit158_fail(r->error, VIT158_E_METADATA,
                           "metadata encodings: %s is not a matrix of this file", name);
    if (r->seen[block][linear])
        return vit158_fail(r->error, VIT158_E_METADATA, "metadata encodings: %s occurs twice",
                           name);
    r->seen[block][linear] = true;
    entry e = {{0}, 0, 0};
    VIT158_RETURN_IF_ERROR(parse_entry(r, &e, name));
    return apply_entry(r, name, &e, vit158_layout_tensor(r->layout, r->header, slot), block,
                       linear);
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
    return layout->inner_norms || (architecture != NULL && strcmp(architecture, "vit-1.58b") == 0);
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
    const bool latent = vit158_layout_is_latent(layout, header);
    for (uint32_t block = 0; block < layout->info.depth; block++) {
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
            const uint32_t slot = vit158_linear_slot(block, linear, VIT158_LINEAR_WEIGHT);
            const vit158_tensor_entry *tensor = vit158_layout_tensor(layout, header, slot);
            if (!r.seen[block][linear])
                VIT158_RETURN_IF_ERROR(
                    without_entry(&r, &layout->types[block][linear], tensor, latent));
        }
    }
    return VIT158_OK;
}
