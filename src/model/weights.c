/* SPDX-License-Identifier: MIT */
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/half.h"
#include "model/names.h"

#define FIRST_PIECE_BYTES 65536U

/* Bytes of a tensor in memory: 16-bit floats become F32. */
static uint64_t memory_bytes(const vit158_tensor_entry *tensor)
{
    const uint64_t stored = tensor->end - tensor->begin;
    return vit158_dtype_bytes(tensor->dtype) == 2 ? 2 * stored : stored;
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
    w->width = vit158_dtype_bytes(tensor->dtype);
    w->brain = tensor->dtype == VIT158_DTYPE_BF16;
    w->positive = vit158_slot_is_scale(slot);
    w->type = vit158_layout_type(w->layout, slot);
}

vit158_status vit158_weights_plan(vit158_weights *out, const vit158_header *header,
                                  const vit158_layout *layout, bool growing, vit158_error *error)
{
    *out = (vit158_weights){.header = header, .layout = layout, .growing = growing};
    const uint64_t total = vit158_weights_bytes(header);
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
    const uint64_t full = round_up(memory_bytes(&w->header->tensors[w->current]));
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
            w->current++;
            w->at = 0;
            w->capacity = 0;
            if (w->current < w->header->tensor_count)
                begin_tensor(w);
        }
    }
    return VIT158_OK;
}
