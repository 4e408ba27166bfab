/* SPDX-License-Identifier: MIT
 *
 * How long a run of the trainer will go on: what its schedule still asks for at the pace of this
 * session, or less if the session is to stop before.
 */
#ifndef VIT158_TRAIN_TIME_LEFT_H
#define VIT158_TRAIN_TIME_LEFT_H

#include <stddef.h>
#include <stdint.h>

/* A moment of a run. */
typedef struct vit158_train_moment {
    double seconds;  /* of training, on the recipe's clock */
    double progress; /* of the schedule, 0 to 1 */
    uint64_t step;
} vit158_train_moment;

/* What ends a session before its schedule does; 0 = nothing. */
typedef struct vit158_train_limits {
    double seconds;          /* of this session, --stop-after */
    uint64_t steps;          /* of the run, --max-steps */
    double schedule_seconds; /* what the schedule takes if it goes by time, 0 if by epochs */
} vit158_train_limits;

/* Seconds from `now` on; the session began at `start`. Below 0 while nothing is known: a schedule
 * by epochs has no pace before its first step. */
double vit158_train_seconds_left(const vit158_train_moment *start, const vit158_train_moment *now,
                                 const vit158_train_limits *limits);

#define VIT158_TIME_WORDS 32

/* "40 s", "12 min", "3 h 20 min", "2 days 4 h"; "?" below 0. */
void vit158_train_time_words(char out[VIT158_TIME_WORDS], double seconds);

#endif
