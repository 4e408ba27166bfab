/* SPDX-License-Identifier: MIT
 *
 * What tests of sessions begin with: a small model, a seeded input, a session, a whole pass.
 */
#ifndef VIT158_TESTS_SESSION_FIXTURE_H
#define VIT158_TESTS_SESSION_FIXTURE_H

#include "unit/random_model.h"
#include "vit158.h"

extern const random_shape small_shape;

size_t tensor_count(const vit158_model *model);

/* [channels][S][S] of normal values; the caller frees it. */
float *random_tensor(const vit158_model *model, uint64_t seed);

/* These fail the test with the library's sentence. */
vit158_session *open_session(const vit158_model *model, vit158_options options);
void run_tensor(vit158_session *session, const vit158_model *model, const float *tensor);

void assert_near(const char *what, const float *actual, const double *expected, size_t count,
                 double tolerance);

#endif
