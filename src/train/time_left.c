/* SPDX-License-Identifier: MIT */
#include "train/time_left.h"

#include <math.h>
#include <stdbool.h>

#include "base/text.h"

/* Seconds that `wanted` more of something take if `done` of it took so long; below 0: not known. */
static double at_pace(double seconds, double done, double wanted)
{
    return done > 0.0 && seconds > 0.0 ? seconds * wanted / done : -1.0;
}

/* The smaller of what is known. */
static double earlier(double a, double b)
{
    if (a < 0.0 || b < 0.0)
        return fmax(a, b);
    return fmin(a, b);
}

double vit158_train_seconds_left(const vit158_train_moment *start, const vit158_train_moment *now,
                                 const vit158_train_limits *limits)
{
    const double seconds = now->seconds - start->seconds;
    const double rest = fmax(1.0 - now->progress, 0.0);
    double left = limits->schedule_seconds > 0.0
                      ? limits->schedule_seconds * rest
                      : at_pace(seconds, now->progress - start->progress, rest);
    if (limits->seconds > 0.0)
        left = earlier(left, fmax(limits->seconds - seconds, 0.0));
    if (limits->steps > 0) {
        const double steps = now->step < limits->steps ? (double)(limits->steps - now->step) : 0.0;
        left = earlier(left, at_pace(seconds, (double)(now->step - start->step), steps));
    }
    return left;
}

void vit158_train_time_words(char out[VIT158_TIME_WORDS], double seconds)
{
    const bool known = seconds >= 0.0 && seconds < 1e9;
    const unsigned minutes = known ? (unsigned)ceil(seconds / 60.0) : 0, hours = minutes / 60;
    if (!known)
        vit158_format(out, VIT158_TIME_WORDS, "?");
    else if (seconds <= 90.0)
        vit158_format(out, VIT158_TIME_WORDS, "%u s", (unsigned)ceil(seconds));
    else if (hours < 2)
        vit158_format(out, VIT158_TIME_WORDS, "%u min", minutes);
    else if (hours < 48)
        vit158_format(out, VIT158_TIME_WORDS, "%u h %u min", hours, minutes % 60);
    else
        vit158_format(out, VIT158_TIME_WORDS, "%u days %u h", hours / 24, hours % 24);
}
