/* SPDX-License-Identifier: MIT */
#include "model/encoding.h"

#include <string.h>

#include "base/planes.h"

static void shape_of_plain(uint64_t *shape, uint32_t n_rows, uint32_t n_in)
{
    shape[0] = n_rows;
    shape[1] = n_in;
}

/* ---- Trits ---- */

static void shape_of_trits(uint64_t *shape, uint32_t n_rows, uint32_t n_in)
{
    shape[0] = vit158_trit_bytes(n_rows, n_in);
}

static size_t first_bad_trits(const uint8_t *bytes, size_t n)
{
    uint8_t largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = bytes[i] > largest ? bytes[i] : largest;
    if (largest < VIT158_TRIT_CODES)
        return n;
    size_t i = 0;
    while (bytes[i] < VIT158_TRIT_CODES)
        i++;
    return i;
}

/* Digits of a code that are 1, of the first `digits`. */
static uint32_t zeros_of_code(uint32_t code, uint32_t digits)
{
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < digits; i++, code /= 3)
        zeros += code % 3 == 1;
    return zeros;
}

static uint64_t zeros_of_trits(const uint8_t *bytes, uint32_t n_rows, uint32_t n_in)
{
    uint64_t zeros = 0;
    for (uint32_t g = 0; g < vit158_trit_groups(n_in); g++) {
        const uint32_t left = n_in - g * VIT158_TRITS_PER_CODE;
        const uint32_t digits = left < VIT158_TRITS_PER_CODE ? left : VIT158_TRITS_PER_CODE;
        uint32_t step;
        const uint8_t *code = bytes + vit158_trit_offset(n_in, n_rows, g, &step);
        for (uint32_t row = 0; row < n_rows; row++)
            zeros += zeros_of_code(code[(size_t)row * step], digits);
    }
    return zeros;
}

static uint64_t *counter_of_trits(vit158_model_info *info)
{
    return &info->ternary_parameters;
}

/* ---- Int8 ---- */

static size_t first_bad_i8(const uint8_t *bytes, size_t n)
{
    bool bad = false;
    for (size_t i = 0; i < n; i++)
        bad |= bytes[i] == 0x80;
    size_t i = bad ? 0 : n;
    while (i < n && bytes[i] != 0x80)
        i++;
    return i;
}

static uint64_t *counter_of_i8(vit158_model_info *info)
{
    return &info->int8_parameters;
}

/* ---- Rows ---- */

static size_t first_bad_count(const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && bytes[i] >= 1 && bytes[i] <= VIT158_MAX_PLANES)
        i++;
    return i;
}

const vit158_stored_type vit158_row_counts = {.first_bad = first_bad_count,
                                              .element = "a count of rows, 1 to 4"};

/* ---- The table ---- */

static const vit158_stored_type types[] = {
    {.name = "trit",
     .shown = "trit",
     .dtype = VIT158_DTYPE_U8,
     .encoding = VIT158_ENCODING_TRIT,
     .coded = true,
     .rank = 1,
     .shape = shape_of_trits,
     .first_bad = first_bad_trits,
     .element = "a trit code",
     .zeros = zeros_of_trits,
     .sums = true,
     .counter = counter_of_trits},
    {.name = "i8",
     .shown = "I8",
     .dtype = VIT158_DTYPE_I8,
     .encoding = VIT158_ENCODING_I8,
     .coded = true,
     .rank = 2,
     .shape = shape_of_plain,
     .first_bad = first_bad_i8,
     .element = "an int8 weight, -127 to 127",
     .of_rest = true,
     .counter = counter_of_i8},
    {.name = "f32",
     .shown = "F32",
     .dtype = VIT158_DTYPE_F32,
     .encoding = VIT158_ENCODING_F32,
     .rank = 2,
     .shape = shape_of_plain,
     .of_rest = true},
    {.name = "f16",
     .shown = "F16",
     .dtype = VIT158_DTYPE_F16,
     .encoding = VIT158_ENCODING_F32,
     .rank = 2,
     .shape = shape_of_plain,
     .of_rest = true},
    {.name = "bf16",
     .shown = "BF16",
     .dtype = VIT158_DTYPE_BF16,
     .encoding = VIT158_ENCODING_F32,
     .rank = 2,
     .shape = shape_of_plain,
     .of_rest = true},
};
static const vit158_stored_type *const types_end = types + sizeof types / sizeof types[0];

const vit158_stored_type *vit158_stored_type_named(const char *name)
{
    for (const vit158_stored_type *type = types; type < types_end; type++) {
        if (strcmp(type->name, name) == 0)
            return type;
    }
    return NULL;
}

const vit158_stored_type *vit158_stored_type_of(vit158_dtype dtype)
{
    const vit158_stored_type *type = types;
    while (type->dtype != dtype)
        type++;
    return type;
}

const vit158_stored_type *vit158_stored_type_for(vit158_encoding encoding, vit158_dtype rest)
{
    const vit158_stored_type *type = types;
    while (type->encoding != encoding || (!type->coded && type->dtype != rest))
        type++;
    return type;
}

uint64_t vit158_stored_bytes(const vit158_stored_type *type, uint32_t n_rows, uint32_t n_in)
{
    uint64_t shape[VIT158_MAX_RANK];
    uint64_t bytes = vit158_dtype_bytes(type->dtype);
    type->shape(shape, n_rows, n_in);
    for (uint32_t i = 0; i < type->rank; i++)
        bytes *= shape[i];
    return bytes;
}
