/* SPDX-License-Identifier: MIT */
#ifndef VIT158_CLI_STATISTICS_H
#define VIT158_CLI_STATISTICS_H

#include <stddef.h>

/* Sorts `values` (count >= 1, none of them NaN) and returns the middle one, of an even number the
 * mean of the middle two. */
double vit158_median(double *values, size_t count);

#endif
