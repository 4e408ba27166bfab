/* SPDX-License-Identifier: MIT */
#include "unit/session_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "unit/test.h"

const random_shape small_shape = {.side = 12,
                                  .patch = 4,
                                  .channels = 3,
                                  .dim = 20,
                                  .depth = 2,
                                  .heads = 5,
                                  .mlp_dim = 33,
                                  .classes = 7,
                                  .outer_norms = true,
                                  .inner_norms = true,
                                  .encoding = VIT158_ENCODING_TRIT,
                                  .spread = 0.2F};

float *random_tensor(const vit158_model *model, uint64_t seed)
{
    const size_t count =
        (size_t)model->info.channels * model->info.image_size * model->info.image_size;
    float *tensor = malloc(count * sizeof *tensor);
    assert_non_null(tensor);
    vit158_rng rng = vit158_rng_seed(seed);
    for (size_t i = 0; i < count; i++)
        tensor[i] = vit158_rng_normal(&rng);
    return tensor;
}

size_t tensor_count(const vit158_model *model)
{
    return (size_t)model->info.channels * model->info.image_size * model->info.image_size;
}

vit158_session *open_session(const vit158_model *model, vit158_options options)
{
    vit158_session *session = NULL;
    vit158_error error = {0};
    if (vit158_session_create(&session, model, &options, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return session;
}

void run_tensor(vit158_session *session, const vit158_model *model, const float *tensor)
{
    vit158_error error = {0};
    vit158_status status = vit158_session_set_tensor(session, tensor, tensor_count(model), &error);
    if (status == VIT158_OK)
        status = vit158_session_run(session, NULL, NULL, &error);
    if (status != VIT158_OK)
        fail_msg("%s", error.message);
}

void assert_near(const char *what, const float *actual, const double *expected, size_t count,
                 double tolerance)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)actual[i] - expected[i]) <= tolerance))
            fail_msg("%s[%zu] is %.9g, expected %.9g", what, i, (double)actual[i], expected[i]);
}
