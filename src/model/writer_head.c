/* SPDX-License-Identifier: MIT */
#include "model/writer_head.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define DATA_ALIGN 64U

/* ---- Header text ---- */

typedef struct builder {
    char *text;
    size_t length;
    size_t capacity;
    bool failed; /* out of memory */
} builder;

static void append(builder *to, const char *bytes, size_t n_bytes)
{
    if (to->failed)
        return;
    if (n_bytes > to->capacity - to->length) {
        size_t capacity = to->capacity == 0 ? 4096 : to->capacity;
        while (n_bytes > capacity - to->length)
            capacity *= 2;
        char *grown = realloc(to->text, capacity);
        if (grown == NULL) {
            to->failed = true;
            return;
        }
        to->text = grown;
        to->capacity = capacity;
    }
    memcpy(to->text + to->length, bytes, n_bytes);
    to->length += n_bytes;
}

static void append_text(builder *to, const char *text)
{
    append(to, text, strlen(text));
}

static void append_number(builder *to, uint64_t value)
{
    char digits[24];
    append(to, digits, vit158_format(digits, sizeof digits, "%llu", (unsigned long long)value));
}

static void append_string(builder *to, const char *text)
{
    append_text(to, "\"");
    for (; *text != 0; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            const char escape[2] = {'\\', *text};
            append(to, escape, 2);
        } else if (c < 0x20) {
            const char escape[6] = {
                '\\', 'u', '0', '0', c < 0x10 ? '0' : '1', "0123456789abcdef"[c & 15]};
            append(to, escape, 6);
        } else {
            append(to, text, 1);
        }
    }
    append_text(to, "\"");
}

uint64_t vit158_tensor_view_bytes(const vit158_tensor_view *view)
{
    uint64_t n_bytes = vit158_dtype_bytes(view->dtype);
    for (uint32_t i = 0; i < view->rank; i++)
        n_bytes *= view->shape[i];
    return n_bytes;
}

static void append_tensor(builder *to, const vit158_tensor_view *view, uint64_t begin)
{
    append_string(to, view->name);
    append_text(to, ":{\"dtype\":\"");
    append_text(to, vit158_dtype_name(view->dtype));
    append_text(to, "\",\"shape\":[");
    for (uint32_t i = 0; i < view->rank; i++) {
        if (i > 0)
            append_text(to, ",");
        append_number(to, view->shape[i]);
    }
    append_text(to, "],\"data_offsets\":[");
    append_number(to, begin);
    append_text(to, ",");
    append_number(to, begin + vit158_tensor_view_bytes(view));
    append_text(to, "]}");
}

/* Indices of the tensors by falling element size, otherwise as given. */
static void order_tensors(uint32_t *order, const vit158_contents *contents)
{
    size_t count = 0;
    for (uint32_t element = 4; element > 0; element /= 2) {
        for (size_t i = 0; i < contents->tensor_count; i++) {
            if (vit158_dtype_bytes(contents->tensors[i].dtype) == element)
                order[count++] = (uint32_t)i;
        }
    }
}

static void build_header(builder *to, const vit158_contents *contents, const uint32_t *order)
{
    static const char no_length[VIT158_PREFIX_BYTES] = {0};
    append(to, no_length, sizeof no_length);
    append_text(to, "{\"__metadata__\":{");
    for (size_t i = 0; i < contents->metadata_count; i++) {
        if (i > 0)
            append_text(to, ",");
        append_string(to, contents->metadata[i].key);
        append_text(to, ":");
        append_string(to, contents->metadata[i].value);
    }
    append_text(to, "}");
    uint64_t begin = 0;
    for (size_t i = 0; i < contents->tensor_count; i++) {
        const vit158_tensor_view *view = &contents->tensors[order[i]];
        append_text(to, ",");
        append_tensor(to, view, begin);
        begin += vit158_tensor_view_bytes(view);
    }
    append_text(to, "}");
    while (!to->failed && to->length % DATA_ALIGN != 0)
        append_text(to, " ");
}

/* A file must not be written that the reader would refuse. */
static vit158_status check_header(const builder *header, vit158_error *error)
{
    vit158_header parsed;
    vit158_error reason;
    const size_t n_bytes = header->length - VIT158_PREFIX_BYTES;
    const vit158_status status =
        vit158_header_parse(&parsed, header->text + VIT158_PREFIX_BYTES, n_bytes, &reason);
    if (status == VIT158_E_MEMORY)
        return vit158_fail(error, status, "not enough memory");
    if (status != VIT158_OK)
        return vit158_fail(error, VIT158_E_ARGUMENT, "cannot be written: %s", reason.message);
    vit158_header_clear(&parsed);
    if (n_bytes > VIT158_MAX_HEADER_BYTES)
        return vit158_fail(error, VIT158_E_ARGUMENT, "cannot be written: a header of %zu bytes",
                           n_bytes);
    return VIT158_OK;
}

vit158_status vit158_head_build(vit158_file_head *out, const vit158_contents *contents,
                                vit158_error *error)
{
    *out = (vit158_file_head){0};
    for (size_t i = 0; i < contents->tensor_count; i++) {
        if (contents->tensors[i].rank > VIT158_MAX_RANK)
            return vit158_fail(error, VIT158_E_ARGUMENT, "tensor %s: more than %u dimensions",
                               contents->tensors[i].name, VIT158_MAX_RANK);
    }
    builder header = {0};
    out->order = malloc((contents->tensor_count + 1) * sizeof *out->order);
    if (out->order != NULL) {
        order_tensors(out->order, contents);
        build_header(&header, contents, out->order);
    }
    out->text = header.text;
    out->n_bytes = header.length;
    const vit158_status status =
        out->order == NULL || header.failed
            ? vit158_fail(error, VIT158_E_MEMORY, "not enough memory to write the model")
            : check_header(&header, error);
    if (status != VIT158_OK) {
        vit158_head_clear(out);
        return status;
    }
    for (unsigned i = 0; i < VIT158_PREFIX_BYTES; i++)
        out->text[i] = (char)(uint8_t)((uint64_t)(out->n_bytes - VIT158_PREFIX_BYTES) >> 8 * i);
    return VIT158_OK;
}

void vit158_head_clear(vit158_file_head *head)
{
    free(head->text);
    free(head->order);
    *head = (vit158_file_head){0};
}
