/* SPDX-License-Identifier: MIT */
#include "compress/input_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

vit158_status vit158_input_queue_create(vit158_input_queue *q, uint32_t capacity, size_t stride,
                                        vit158_error *error)
{
    *q = (vit158_input_queue){.capacity = capacity, .stride = stride};
    q->images = calloc(capacity, sizeof *q->images);
    q->values = calloc(capacity * stride, sizeof *q->values);
    if (q->images != NULL && q->values != NULL)
        return VIT158_OK;
    vit158_input_queue_free(q);
    return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a queue of inputs");
}

void vit158_input_queue_free(vit158_input_queue *q)
{
    free(q->images);
    free(q->values);
    *q = (vit158_input_queue){0};
}

void vit158_input_queue_push(vit158_input_queue *q, uint32_t image, const float *values)
{
    q->images[q->next] = image;
    memcpy(q->values + q->next * q->stride, values, q->stride * sizeof *values);
    q->next = (q->next + 1) % q->capacity;
    q->count += q->count < q->capacity;
}

float vit158_teacher_share(uint64_t t, uint64_t end)
{
    return t < end ? (float)(1.0 - (double)t / (double)end) : 0.0F;
}

void vit158_force_input(float *out, const float *teacher, const float *student, size_t count,
                        float share)
{
    if (share == 1.0F) {
        memcpy(out, teacher, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = share * teacher[i] + (1.0F - share) * student[i];
}
