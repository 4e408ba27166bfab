/* SPDX-License-Identifier: MIT
 *
 * A tiny float network and the streams of a few random images, to be quantized.
 */
#ifndef VIT158_TEST_COMPRESS_FIXTURE_H
#define VIT158_TEST_COMPRESS_FIXTURE_H

#include "compress/quantizer.h"
#include "compress/streams.h"
#include "unit/random_model.h"

#define COMPRESS_IMAGES 6U
#define COMPRESS_SIDE 32U

/* 17 tokens, 2 blocks, 7 classes. */
extern const random_shape compress_tiny;

/* Pixels of image `index`, RGB; valid until the next call. */
vit158_image compress_image(uint32_t index);

typedef struct compress_run {
    vit158_model *model;
    vit158_ends ends;
    vit158_embedder images;
    vit158_header metadata; /* that a file of the model wants */
} compress_run;

/* Ended by compress_run_end. */
compress_run compress_run_start(void);
void compress_run_end(compress_run *run);

/* Of the run's network and its first `learned` images, by the usual settings. */
vit158_quantizer_start compress_start(compress_run *run, uint32_t learned, uint32_t rows,
                                      vit158_pool *pool);

#endif
