/* SPDX-License-Identifier: MIT
 *
 * The passes of the resize: every variant against scalar byte for byte, buffers guarded; and one
 * hash over whole images for every build.
 */
#include <string.h>

#include "check.h"
#include "image/preprocess.h"
#include "image/resample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GUARD 64 /* check_alloc rounds up to this before the guard */

static const vit158_resample *const variants[] = {
    &vit158_resample_scalar,
#ifdef VIT158_HAVE_SIMD128
    &vit158_resample_simd128,
#endif
};

static uint8_t *random_bytes(check_rng *rng, size_t n_bytes)
{
    uint8_t *bytes = check_alloc(n_bytes);
    for (size_t i = 0; bytes != NULL && i < n_bytes; i++) {
        const uint32_t bits = check_bits(rng); /* a quarter of them extreme */
        bytes[i] = (uint8_t)(bits >> 8 & 1 ? bits : bits >> 9 & 1 ? 255 : 0);
    }
    return bytes;
}

/* Memory of n bytes that ends where the guard begins. */
static uint8_t *alloc_at_end(size_t n_bytes)
{
    const size_t rounded = (n_bytes + GUARD - 1) / GUARD * GUARD;
    uint8_t *block = check_alloc(rounded);
    return block == NULL ? NULL : block + (rounded - n_bytes);
}

/* inputs, outputs of the whole axis, first output, outputs */
static const uint32_t rows[][4] = {
    {1, 1, 0, 1},     {1, 9, 0, 9},     {2, 5, 1, 3},         {3, 3, 0, 3},     {5, 2, 0, 2},
    {7, 16, 3, 13},   {8, 8, 0, 8},     {9, 4, 0, 4},         {16, 15, 2, 11},  {17, 7, 0, 7},
    {31, 64, 20, 5},  {64, 31, 0, 31},  {100, 97, 1, 4},      {333, 33, 0, 33}, {500, 331, 53, 224},
    {640, 32, 0, 32}, {1021, 10, 2, 6}, {4000, 248, 12, 224},
};

static void check_row(const uint32_t *shape, vit158_filter filter, check_rng *rng)
{
    const vit158_axis axis = vit158_axis_make(filter, shape[0], shape[1]);
    const uint32_t n_out = shape[3];
    vit158_taps taps = {.n_out = n_out, .stride = 2 * vit158_taps_padded(axis.max_taps)};
    taps.first = check_alloc(n_out * sizeof *taps.first);
    taps.count = check_alloc(n_out * sizeof *taps.count);
    taps.weights = check_alloc((size_t)n_out * taps.stride * sizeof *taps.weights);
    double *scratch = check_alloc(axis.max_taps * sizeof *scratch);
    for (uint32_t o = 0; o < n_out; o++)
        vit158_axis_weights(&axis, shape[2] + o, &taps.first[o], &taps.count[o],
                            taps.weights + (size_t)o * taps.stride, scratch);
    const uint8_t *in = random_bytes(rng, shape[0] + VIT158_ROW_SLACK);
    uint8_t *expected = check_alloc(n_out + 3U);
    vit158_resample_scalar.row(expected, in, &taps);
    for (size_t v = 0; v < COUNT(variants); v++) {
        uint8_t *found = check_alloc(n_out + 3U);
        variants[v]->row(found, in, &taps);
        CHECK(memcmp(found, expected, n_out) == 0, "variant %u, %u to %u", (uint32_t)v, shape[0],
              shape[1]);
    }
    check_free_all();
}

static void rows_are_equal(void)
{
    check_rng rng = check_seed(11);
    for (size_t i = 0; i < COUNT(rows) && !check_failed(); i++) {
        check_row(rows[i], VIT158_FILTER_BILINEAR, &rng);
        check_row(rows[i], VIT158_FILTER_BICUBIC, &rng);
    }
}

static void check_column(uint32_t count, uint32_t row_bytes, check_rng *rng)
{
    const uint32_t ring_rows = count + check_below(rng, 3);
    const vit158_ring ring = {.rows = random_bytes(rng, (size_t)ring_rows * row_bytes),
                              .ring_rows = ring_rows,
                              .row_bytes = row_bytes};
    /* The middle output of an axis of that many taps. */
    const vit158_axis axis = vit158_axis_make(VIT158_FILTER_BICUBIC, count, 3);
    int16_t *weights = check_alloc(2 * vit158_taps_padded(axis.max_taps) * sizeof *weights);
    double *scratch = check_alloc(axis.max_taps * sizeof *scratch);
    uint32_t first, taps;
    vit158_axis_weights(&axis, 1, &first, &taps, weights, scratch);
    const uint32_t start = check_below(rng, ring_rows);
    uint8_t *expected = check_alloc(row_bytes);
    vit158_resample_scalar.column(expected, &ring, start, taps, weights);
    for (size_t v = 0; v < COUNT(variants); v++) {
        uint8_t *found = check_alloc(row_bytes);
        variants[v]->column(found, &ring, start, taps, weights);
        CHECK(memcmp(found, expected, row_bytes) == 0, "variant %u, %u taps of %u bytes",
              (uint32_t)v, taps, row_bytes);
    }
    check_free_all();
}

static void columns_are_equal(void)
{
    check_rng rng = check_seed(12);
    for (uint32_t count = 1; count < 70 && !check_failed(); count++)
        check_column(count, 16 * (1 + check_below(&rng, 5)), &rng);
    check_column(263, 672, &rng);
}

static void splits_are_equal(void)
{
    check_rng rng = check_seed(13);
    for (uint32_t n = 0; n < 70 && !check_failed(); n++) {
        for (uint32_t pixel_bytes = 3; pixel_bytes <= 4; pixel_bytes++) {
            const size_t plane_bytes = n + VIT158_ROW_SLACK;
            uint8_t *in = alloc_at_end((size_t)n * pixel_bytes);
            for (uint32_t i = 0; i < n * pixel_bytes; i++)
                in[i] = (uint8_t)check_bits(&rng);
            uint8_t *expected = check_alloc(3 * plane_bytes);
            vit158_resample_scalar.split(expected, plane_bytes, in, pixel_bytes, n);
            for (size_t v = 0; v < COUNT(variants); v++) {
                uint8_t *found = check_alloc(3 * plane_bytes);
                variants[v]->split(found, plane_bytes, in, pixel_bytes, n);
                for (size_t c = 0; c < 3; c++)
                    CHECK(memcmp(found + c * plane_bytes, expected + c * plane_bytes, n) == 0,
                          "variant %u, %u pixels of %u bytes", (uint32_t)v, n, pixel_bytes);
            }
            check_free_all();
        }
    }
}

/* width, height, pixels, channels, resize, crop */
static const uint32_t images[][6] = {
    {1, 1, 3, 3, 8, 8},       {37, 29, 3, 3, 32, 32},   {29, 37, 4, 3, 33, 32},
    {64, 48, 1, 3, 40, 35},   {200, 31, 3, 1, 24, 24},  {31, 300, 4, 3, 17, 16},
    {333, 500, 3, 3, 73, 64}, {224, 224, 3, 3, 64, 64}, {90, 61, 1, 1, 64, 55},
};

static uint64_t hash_image(uint64_t hash, const uint32_t *shape, vit158_filter filter,
                           check_rng *rng)
{
    const vit158_recipe recipe = {.channels = shape[3],
                                  .resize_size = shape[4],
                                  .crop_size = shape[5],
                                  .filter = filter,
                                  .mean = {0.485F, 0.456F, 0.406F},
                                  .std = {0.229F, 0.224F, 0.225F}};
    vit158_arena arena = {0};
    vit158_preprocess_plan(&arena, &recipe);
    arena = vit158_arena_over(check_alloc(arena.used), arena.used);
    vit158_preprocess *p = vit158_preprocess_plan(&arena, &recipe);
    const size_t row_bytes = (size_t)shape[0] * shape[2];
    const uint8_t *data = random_bytes(rng, row_bytes * shape[1]);
    const size_t n = (size_t)shape[5] * shape[5] * shape[3];
    float *tensor = check_alloc(n * sizeof *tensor);
    CHECK(vit158_preprocess_begin(p, shape[0], shape[1], (vit158_pixels)shape[2], NULL) ==
                  VIT158_OK &&
              vit158_preprocess_rows(p, data, row_bytes, shape[1], NULL) == VIT158_OK &&
              vit158_preprocess_complete(p),
          "%u x %u", shape[0], shape[1]);
    if (check_failed())
        return 0;
    hash = check_hash(hash, vit158_preprocess_pixels(p), n);
    vit158_preprocess_tensor(p, tensor);
    hash = check_hash(hash, tensor, n * sizeof *tensor);
    check_free_all();
    return hash;
}

static void images_have_one_hash(void)
{
    check_rng rng = check_seed(14);
    uint64_t hash = CHECK_HASH;
    for (size_t i = 0; i < COUNT(images) && !check_failed(); i++) {
        hash = hash_image(hash, images[i], VIT158_FILTER_BILINEAR, &rng);
        hash = hash_image(hash, images[i], VIT158_FILTER_BICUBIC, &rng);
    }
    CHECK(hash == 3009813457736046863ULL, "hash %llu", (unsigned long long)hash);
}

CHECK_CASES({"rows are equal", rows_are_equal}, {"columns are equal", columns_are_equal},
            {"splits are equal", splits_are_equal},
            {"pictures have one hash", images_have_one_hash})
