/* SPDX-License-Identifier: MIT */
#ifndef VIT158_CLI_BENCH_PROFILE_H
#define VIT158_CLI_BENCH_PROFILE_H

#include "cli/image_classifier.h"

/* The benchmark's input: seeded normal values. */
void vit158_bench_tensor(float *tensor, size_t count);

/* Runs a model with a clock around every operation and prints where the time goes, medians of
 * `runs` runs (1 to VIT158_PROFILE_MAX_RUNS, more are not made). Returns an exit code; errors have
 * been printed. The session must run on one thread, and stays timed. */
#define VIT158_PROFILE_MAX_RUNS 100U
int vit158_bench_profile(vit158_classifier *c, uint32_t runs, bool json);

#endif
