/* SPDX-License-Identifier: MIT */
#include "unit/compress_fixture.h"

#include <stdlib.h>

#include "base/rng.h"
#include "model/metadata_json.h"
#include "unit/test.h"

const random_shape compress_tiny = {.side = COMPRESS_SIDE,
                                    .patch = 8,
                                    .channels = 3,
                                    .dim = 32,
                                    .depth = 2,
                                    .heads = 2,
                                    .mlp_dim = 64,
                                    .classes = 7,
                                    .outer_norms = true,
                                    .encoding = VIT158_ENCODING_F32,
                                    .spread = 0.3F};

vit158_image compress_image(uint32_t index)
{
    static uint8_t pixels[COMPRESS_SIDE * COMPRESS_SIDE * 3];
    vit158_rng rng = vit158_rng_seed(5 + index);
    for (size_t p = 0; p < sizeof pixels; p++)
        pixels[p] = (uint8_t)(vit158_rng_below(&rng, 128) + 20 * index);
    return (vit158_image){COMPRESS_SIDE, COMPRESS_SIDE, VIT158_PIXELS_RGB, COMPRESS_SIDE * 3,
                          pixels};
}

compress_run compress_run_start(void)
{
    static const char metadata[] =
        "{\"mean\":\"0.5,0.5,0.5\",\"std\":\"0.5,0.5,0.5\",\"resize\":\"32\",\"heads\":\"2\"}";
    compress_run run = {.model = random_model_make(compress_tiny, 21)};
    assert_int_equal(vit158_ends_create(&run.ends, run.model, NULL), VIT158_OK);
    assert_int_equal(
        vit158_embedder_create(&run.images, run.model, &run.ends, COMPRESS_IMAGES, NULL),
        VIT158_OK);
    assert_int_equal(vit158_metadata_of_json(&run.metadata, metadata, sizeof metadata - 1, NULL),
                     VIT158_OK);
    for (uint32_t i = 0; i < COMPRESS_IMAGES; i++) {
        const vit158_image image = compress_image(i);
        assert_int_equal(vit158_embedder_add(&run.images, &image, NULL), VIT158_OK);
    }
    return run;
}

void compress_run_end(compress_run *run)
{
    vit158_embedder_free(&run->images);
    vit158_header_clear(&run->metadata);
    vit158_ends_free(&run->ends);
    random_model_free(run->model);
}

vit158_quantizer_start compress_start(compress_run *run, uint32_t learned, uint32_t rows,
                                      vit158_pool *pool)
{
    return (vit158_quantizer_start){.teacher = run->model,
                                    .student = &run->ends.model,
                                    .known = &run->images.known,
                                    .rounded = &run->images.rounded,
                                    .learned = learned,
                                    .rows = rows,
                                    .settings = vit158_quantizer_defaults(),
                                    .pool = pool};
}
