/* SPDX-License-Identifier: MIT */
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/half.h"
#include "model/names.h"

#define FIRST_PIECE_BYTES 65536U

/* Whether a tensor's integers become floats when its scales are there too. */
static bool becomes_float(const vit158_tensor_entry *tensor)
{
    return tensor->dtype == VIT158_DTYPE_I8 &&
           vit158_slot_of_name(tensor->name) < VIT158_SLOT_GLOBALS;
}

/* Bytes of a tensor in memory: 16-bit floats become F32, and so do some integers. */
static uint64_t memory_bytes(const vit158_tensor_entry *tensor)
{
    const uint64_t stored = tensor->end - tensor->begin;
    return vit158_dtype_bytes(tensor->dtype) == 2 ? 2 * stored
           : becomes_float(tensor)                ? 4 * stored
                                                  : stored;
}

static uint64_t round_up(uint64_t n_bytes)
{
    return (n_bytes + VIT158_ARENA_ALIGN - 1) / VIT158_ARENA_ALIGN * VIT158_ARENA_ALIGN;
}

uint64_t vit158_weights_bytes(const vit158_header *header)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < header->tensor_count; i++)
        total += round_up(memory_bytes(&header->tensors[i]));
    return total;
}

/* A block whose address, rounded up to alignment, is returned; *piece is what to free. */
static uint8_t *new_piece(void **piece, size_t n_bytes)
{
    *piece = malloc(n_bytes + VIT158_ARENA_ALIGN - 1);
    if (*piece == NULL)
        return NULL;
    const uintptr_t past = (uintptr_t)*piece % VIT158_ARENA_ALIGN;
    return (uint8_t *)*piece + (past == 0 ? 0 : VIT158_ARENA_ALIGN - past);
}

static vit158_status no_memory(uint64_t n_bytes, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for %llu bytes of weights",
                       (unsigned long long)n_bytes);
}

/* Looks up what is to be done with the current tensor. */
static void begin_tensor(vit158_weights *w)
{
    const vit158_tensor_entry *tensor = &w->header->tensors[w->current];
    const uint32_t slot = vit158_slot_of_name(tensor->name);
    uint32_t part = 0;
    const bool of_linear = vit158_slot_of_linear(slot, &w->block, &w->linear, &part);
    w->width = vit158_dtype_bytes(tensor->dtype);
    w->brain = tensor->dtype == VIT158_DTYPE_BF16;
    w->positive = vit158_slot_is_positive(slot);
    w->counts = of_linear && part == VIT158_LINEAR_ROWS;
    w->type = w->counts ? &vit158_row_counts : vit158_layout_type(w->layout, slot);
}

vit158_status vit158_weights_plan(vit158_weights *out, const vit158_header *header,
                                  const vit158_layout *layout, bool growing, vit158_error *error)
{
    *out = (vit158_weights){.header = header, .layout = layout, .growing = growing};
    const uint64_t total = vit158_weights_bytes(header);
    /* UNREACHABLE: 8,192 tensors within the layout's limits are fewer in 64 bits, not in 32. */
    if (total > SIZE_MAX / 2)
        return no_memory(total, error);
    out->piece_count = growing ? header->tensor_count : 1;
    out->data = calloc(header->tensor_count, sizeof *out->data);
    out->pieces = calloc(out->piece_count, sizeof *out->pieces);
    if (out->data == NULL || out->pieces == NULL)
        return no_memory(total, error);
    begin_tensor(out);
    if (growing)
        return VIT158_OK;
    uint8_t *place = new_piece(&out->pieces[0], (size_t)total);
    if (place == NULL)
        return no_memory(total, error);
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        out->data[i] = place;
        place += round_up(memory_bytes(&header->tensors[i]));
    }
    return VIT158_OK;
}

void vit158_weights_clear(vit158_weights *weights)
{
    for (uint32_t i = 0; weights->pieces != NULL && i < weights->piece_count; i++)
        free(weights->pieces[i]);
    free(weights->pieces);
    free(weights->data);
    *weights = (vit158_weights){0};
}

/* Makes room for `needed` bytes in memory of the current tensor. Its share grows with all that has
 * arrived, so that after the first few tensors none is moved. */
static vit158_status make_room(vit158_weights *w, uint64_t needed, vit158_error *error)
{
    if (!w->growing || needed <= w->capacity)
        return VIT158_OK;
    uint64_t capacity = 2 * (uint64_t)w->capacity;
    if (capacity < w->taken)
        capacity = w->taken;
    if (capacity < FIRST_PIECE_BYTES)
        capacity = FIRST_PIECE_BYTES;
    if (capacity < needed)
        capacity = needed;
    const vit158_tensor_entry *tensor = &w->header->tensors[w->current];
    const uint64_t full =
        round_up(becomes_float(tensor) ? tensor->n_elements : memory_bytes(tensor));
    if (capacity > full)
        capacity = full;
    void *piece;
    uint8_t *place = new_piece(&piece, (size_t)capacity);
    if (place == NULL)
        return no_memory(capacity, error);
    if (w->capacity > 0)
        memcpy(place, w->data[w->current], w->capacity);
    free(w->pieces[w->current]);
    w->pieces[w->current] = piece;
    w->data[w->current] = place;
    w->capacity = (size_t)capacity;
    return VIT158_OK;
}

/* ---- Checks: values from .. to - 1 of the current tensor ---- */

static vit158_status check_floats(const vit158_weights *w, uint64_t from, uint64_t to,
                                  vit158_error *error)
{
    const float *values = (const float *)w->data[w->current];
    bool bad = false;
    for (size_t i = (size_t)from; i < (size_t)to; i++)
        bad |= !vit158_is_finite(values[i]);
    if (!bad)
        return VIT158_OK;
    size_t i = (size_t)from;
    while (vit158_is_finite(values[i]))
        i++;
    return vit158_fail(error, VIT158_E_VALUE, "tensor %s: value %zu is not finite",
                       w->header->tensors[w->current].name, i);
}

static vit158_status check_scales(const vit158_weights *w, uint64_t from, uint64_t to,
                                  vit158_error *error)
{
    const float *values = (const float *)w->data[w->current];
    for (size_t i = (size_t)from; i < (size_t)to; i++) {
        if (!vit158_is_finite(values[i]) || !(values[i] > 0.0F))
            return vit158_fail(error, VIT158_E_VALUE,
                               "tensor %s: value %zu is not a finite number above 0",
                               w->header->tensors[w->current].name, i);
    }
    return VIT158_OK;
}

static vit158_status check_bytes(const vit158_weights *w, uint64_t from, uint64_t to,
                                 vit158_error *error)
{
    const uint8_t *bytes = w->data[w->current] + from;
    const size_t n_bytes = (size_t)(to - from);
    const size_t i = w->type->first_bad(bytes, n_bytes);
    if (i == n_bytes)
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_VALUE, "tensor %s: byte %zu is %u, not %s",
                       w->header->tensors[w->current].name, (size_t)from + i, bytes[i],
                       w->type->element);
}

/* The same for whatever the tensor's elements are. */
static vit158_status check_part(const vit158_weights *w, uint64_t from, uint64_t to,
                                vit158_error *error)
{
    if (w->width == 1)
        return check_bytes(w, from, to, error);
    return (w->positive ? check_scales : check_floats)(w, from / w->width, to / w->width, error);
}

/* ---- Taking ---- */

/* 16-bit values may be split between pieces: the first byte then waits in `carry`. */
static void widen(vit158_weights *w, const uint8_t *bytes, size_t n_bytes)
{
    float *out = (float *)w->data[w->current] + w->at / 2;
    const bool brain = w->brain;
    size_t i = 0;
    if (w->at % 2 != 0) {
        const uint16_t half = (uint16_t)(w->carry | bytes[0] << 8);
        *out++ = brain ? vit158_bf16_widen(half) : vit158_f16_widen(half);
        i = 1;
    }
    for (; i + 1 < n_bytes; i += 2) {
        const uint16_t half = (uint16_t)(bytes[i] | bytes[i + 1] << 8);
        *out++ = brain ? vit158_bf16_widen(half) : vit158_f16_widen(half);
    }
    if (i < n_bytes)
        w->carry = bytes[i];
}

/* Bytes of the current tensor, not beyond its end. */
static vit158_status take_part(vit158_weights *w, const uint8_t *bytes, size_t n_bytes,
                               vit158_error *error)
{
    const uint64_t from = w->at;
    const uint64_t to = from + n_bytes;
    const bool widened = w->width == 2;
    VIT158_RETURN_IF_ERROR(make_room(w, widened ? (to + 1) / 2 * 4 : to, error));
    if (widened)
        widen(w, bytes, n_bytes);
    else
        memcpy(w->data[w->current] + from, bytes, n_bytes);
    w->at = to;
    w->taken += n_bytes;
    return check_part(w, from, to, error);
}

/* Row counts are complete: they must add up to what the header says. */
static vit158_status check_rows(const vit158_weights *w, vit158_error *error)
{
    const vit158_tensor_entry *tensor = &w->header->tensors[w->current];
    const uint8_t *counts = w->data[w->current];
    const uint32_t rows = vit158_layout_rows(w->layout, w->block, w->linear);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < tensor->n_elements; i++)
        sum += counts[i];
    if (tensor->n_elements == 1)
        sum *= vit158_linear_n_out(&w->layout->shapes[w->block], w->linear);
    if (sum == rows)
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_VALUE, "tensor %s: counts of %llu rows, `encodings` says %u",
                       tensor->name, (unsigned long long)sum, rows);
}

vit158_status vit158_weights_take(vit158_weights *weights, const uint8_t *bytes, size_t n_bytes,
                                  vit158_error *error)
{
    vit158_weights *w = weights;
    while (n_bytes > 0) {
        const vit158_tensor_entry *tensor = &w->header->tensors[w->current];
        const uint64_t left = tensor->end - tensor->begin - w->at;
        const size_t part = left < n_bytes ? (size_t)left : n_bytes;
        VIT158_RETURN_IF_ERROR(take_part(w, bytes, part, error));
        bytes += part;
        n_bytes -= part;
        if (part == left) {
            if (w->counts)
                VIT158_RETURN_IF_ERROR(check_rows(w, error));
            w->current++;
            w->at = 0;
            w->capacity = 0;
            if (w->current < w->header->tensor_count)
                begin_tensor(w);
        }
    }
    return VIT158_OK;
}

/* ---- Integers that become floats ---- */

/* In place too: from the end, where a float never reaches an integer that is still to be read. */
static void scale_integers(float *out, const int8_t *in, const float *scale, uint32_t n_rows,
                           uint32_t n_in)
{
    for (uint32_t row = n_rows; row-- > 0;) {
        for (size_t i = n_in; i-- > 0;) {
            const size_t at = (size_t)row * n_in + i;
            out[at] = (float)in[at] * scale[row];
        }
    }
}

vit158_status vit158_weights_finish(vit158_weights *weights, vit158_error *error)
{
    vit158_weights *w = weights;
    for (uint32_t i = 0; i < w->header->tensor_count; i++) {
        const vit158_tensor_entry *tensor = &w->header->tensors[i];
        if (!becomes_float(tensor))
            continue;
        const uint32_t slot = vit158_slot_of_name(tensor->name);
        const float *scale =
            (const float *)w->data[w->layout->tensors[vit158_scale_slot(slot)] - 1];
        uint32_t n_in, n_rows;
        vit158_layout_matrix(w->layout, slot, &n_in, &n_rows);
        const int8_t *in = (const int8_t *)w->data[i];
        void *piece = NULL;
        if (w->growing) {
            w->data[i] = new_piece(&piece, (size_t)round_up(memory_bytes(tensor)));
            if (w->data[i] == NULL)
                return no_memory(memory_bytes(tensor), error);
        }
        scale_integers((float *)w->data[i], in, scale, n_rows, n_in);
        if (w->growing) {
            free(w->pieces[i]);
            w->pieces[i] = piece;
        }
    }
    return VIT158_OK;
}
