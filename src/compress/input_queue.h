/* SPDX-License-Identifier: MIT
 *
 * Between two modules that are trained at the same time (MREM-P, METHODS.md 3.4): the latest
 * outputs of the one, which the other takes its inputs from, and the annealed teacher forcing of
 * those inputs.
 */
#ifndef VIT158_COMPRESS_INPUT_QUEUE_H
#define VIT158_COMPRESS_INPUT_QUEUE_H

#include <stddef.h>

#include "vit158.h"

/* A ring: a new entry takes the place of the oldest once it is full. */
typedef struct vit158_input_queue {
    uint32_t capacity, count, next;
    size_t stride;    /* floats of an entry */
    uint32_t *images; /* [capacity] whose output it is */
    float *values;    /* [capacity][stride] */
} vit158_input_queue;

/* Errors: VIT158_E_MEMORY. */
vit158_status vit158_input_queue_create(vit158_input_queue *queue, uint32_t capacity, size_t stride,
                                        vit158_error *error);
void vit158_input_queue_free(vit158_input_queue *queue);

/* Copies the values in. */
void vit158_input_queue_push(vit158_input_queue *queue, uint32_t image, const float *values);

/* The teacher's share of a student's input at update t = 0, 1, ...: 1 at first, falling evenly to
 * 0 at t = `end` and after. */
float vit158_teacher_share(uint64_t t, uint64_t end);

/* out [count] = share * teacher + (1 - share) * student; with share 1 nothing of the student. */
void vit158_force_input(float *out, const float *teacher, const float *student, size_t count,
                        float share);

#endif
