/* SPDX-License-Identifier: MIT
 *
 * Resize, crop and normalisation against Pillow's results (tests/golden/make_resize_goldens.py)
 * and the shared ImageNet crops. With a file of cases as argument only these are run.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "image/preprocess.h"
#include "image/resample.h"
#include "unit/ppm.h"

typedef struct planned {
    vit158_preprocess *preprocess;
    void *block;
    size_t n_bytes;
} planned;

static planned plan(const vit158_recipe *recipe)
{
    vit158_arena arena = {0};
    assert_null(vit158_preprocess_plan(&arena, recipe));
    assert_false(arena.overflow);
    planned result = {.n_bytes = arena.used};
    result.block = aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    assert_non_null(result.block);
    memset(result.block, 0xA5, arena.used);
    arena = vit158_arena_over(result.block, arena.used);
    result.preprocess = vit158_preprocess_plan(&arena, recipe);
    assert_false(vit158_preprocess_complete(result.preprocess)); /* nothing has begun */
    assert_non_null(result.preprocess);
    assert_false(arena.overflow);
    return result;
}

static vit158_recipe recipe_of(uint32_t channels, uint32_t resize, uint32_t crop,
                               vit158_filter filter)
{
    return (vit158_recipe){.channels = channels,
                           .crop_size = crop,
                           .resize_size = resize,
                           .filter = filter,
                           .mean = {0.5F, 0.25F, 0.125F},
                           .std = {0.5F, 0.2F, 0.1F}};
}

static uint32_t hash(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    return x ^ x >> 16;
}

/* The same image as the Python script makes. Rows are padded by `slack` bytes of rubbish. */
static uint8_t *image(uint32_t width, uint32_t height, uint32_t pixels, uint32_t seed, size_t slack)
{
    const size_t row_bytes = (size_t)width * pixels;
    uint8_t *data = malloc((row_bytes + slack) * height);
    assert_non_null(data);
    memset(data, 0x5A, (row_bytes + slack) * height);
    for (size_t i = 0; i < row_bytes * height; i++) {
        const uint32_t x = hash((uint32_t)i + seed * 0x9E3779B9U);
        const uint32_t value = seed % 3 == 0   ? x
                               : seed % 3 == 1 ? (x >> 31) * 255
                                               : (uint32_t)i / 7 + (x & 15);
        data[i / row_bytes * (row_bytes + slack) + i % row_bytes] = (uint8_t)value;
    }
    return data;
}

/* Feeds the image in strips of 1, 2, 3, ... rows, wrapping at a seed-dependent height. */
static void feed(vit158_preprocess *p, const uint8_t *data, size_t row_bytes, uint32_t height,
                 uint32_t seed)
{
    const uint32_t tallest = 1 + seed % 37;
    uint32_t strip = 1;
    for (uint32_t y = 0; y < height;) {
        const uint32_t n = strip < height - y ? strip : height - y;
        assert_false(vit158_preprocess_complete(p));
        assert_null(vit158_preprocess_pixels(p));
        assert_int_equal(vit158_preprocess_rows(p, data + y * row_bytes, row_bytes, n, NULL), 0);
        y += n;
        strip = strip % tallest + 1;
    }
    assert_true(vit158_preprocess_complete(p));
}

static int run_case(const char *line, vit158_resize_mode mode)
{
    char filter[16], expected[65], found[65];
    unsigned channels, resize, crop, pixels, width, height, seed;
    if (sscanf(line, "%15s %u %u %u %u %u %u %u %64s", filter, &channels, &resize, &crop, &pixels,
               &width, &height, &seed, expected) != 9)
        fail_msg("not a case: %s", line);
    vit158_recipe recipe =
        recipe_of(channels, resize, crop,
                  strcmp(filter, "bicubic") == 0 ? VIT158_FILTER_BICUBIC : VIT158_FILTER_BILINEAR);
    recipe.resize_mode = mode;
    planned p = plan(&recipe);
    const size_t slack = seed % 5;
    uint8_t *data = image(width, height, pixels, seed, slack);
    /* An image broken off before must leave no trace. */
    if (seed % 2 == 0) {
        assert_int_equal(vit158_preprocess_begin(p.preprocess, 3, 2, VIT158_PIXELS_RGB, NULL), 0);
        assert_int_equal(
            vit158_preprocess_rows(p.preprocess, (const uint8_t *)"123456789", 9, 1, NULL), 0);
    }
    vit158_error error;
    assert_int_equal(vit158_preprocess_begin(p.preprocess, width, height, pixels, &error), 0);
    feed(p.preprocess, data, (size_t)width * pixels + slack, height, seed);
    vit158_sha256_hex(found, vit158_preprocess_pixels(p.preprocess),
                      (size_t)crop * crop * channels);
    const int wrong = strcmp(found, expected) != 0;
    if (wrong)
        print_error("differs from Pillow: %s", line);
    free(data);
    free(p.block);
    return wrong;
}

/* Returns the number of cases in *count, and of failures. */
static int run_cases(const char *path, vit158_resize_mode mode, int *count)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    char line[256];
    int wrong = 0;
    *count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        wrong += run_case(line, mode);
        ++*count;
    }
    fclose(file);
    return wrong;
}

static void test_bounds_of_taps(void **state)
{
    (void)state;
    assert_int_equal(vit158_axis_taps_bound(VIT158_FILTER_BICUBIC, 0.25), 5); /* enlarged: 2 + 2 */
    assert_int_equal(vit158_axis_taps_bound(VIT158_FILTER_BILINEAR, 0.25), 3);
    assert_int_equal(vit158_axis_taps_bound(VIT158_FILTER_BICUBIC, 2.0), 9);
}

static void test_committed_cases_equal_pillow(void **state)
{
    (void)state;
    int count;
    assert_int_equal(
        run_cases(VIT158_TEST_DATA "/images/resize_goldens.txt", VIT158_RESIZE_SHORTEST, &count),
        0);
    assert_true(count >= 150);
    assert_int_equal(
        run_cases(VIT158_TEST_DATA "/images/squash_goldens.txt", VIT158_RESIZE_SQUASH, &count), 0);
    assert_true(count >= 60);
}

static void test_shared_crops_equal_pillow(void **state)
{
    (void)state;
    static const char *const names[] = {"n01440764_tench",        "n02002724_black_stork",
                                        "n02111277_Newfoundland", "n02500267_indri",
                                        "n03109150_corkscrew",    "n03717622_manhole_cover",
                                        "n04118538_rugby_ball",   "n04553703_washbasin"};
    const char *shared = getenv("VIT158_SHARED");
    if (shared == NULL)
        shared = VIT158_SOURCE_DIR "/../shared";
    const vit158_recipe recipe = recipe_of(3, 248, 224, VIT158_FILTER_BICUBIC);
    planned p = plan(&recipe);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/golden/%s.ppm", shared, names[i]);
        test_ppm source = {0};
        if (!test_ppm_read(&source, path)) {
            print_message("SKIPPED: %s is not there (set VIT158_SHARED)\n", path);
            free(p.block);
            skip();
        }
        snprintf(path, sizeof path, "%s/golden/%s.crop224.ppm", shared, names[i]);
        test_ppm expected = {0};
        assert_true(test_ppm_read(&expected, path));
        assert_int_equal(vit158_preprocess_begin(p.preprocess, source.width, source.height,
                                                 VIT158_PIXELS_RGB, NULL),
                         0);
        feed(p.preprocess, source.data, (size_t)source.width * 3, source.height, 7);
        assert_memory_equal(vit158_preprocess_pixels(p.preprocess), expected.data, 224 * 224 * 3);
        free(source.data);
        free(expected.data);
    }
    free(p.block);
}

/* The largest and thinnest images: memory planned once serves them; a constant stays constant. */
static void test_extreme_sizes_stay_constant(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1},
                                        {1, VIT158_MAX_IMAGE_SIDE},
                                        {VIT158_MAX_IMAGE_SIDE, 1},
                                        {VIT158_MAX_IMAGE_SIDE, 1999},
                                        {1999, VIT158_MAX_IMAGE_SIDE},
                                        {7000, 6999}};
    uint8_t *row = malloc((size_t)VIT158_MAX_IMAGE_SIDE * 3);
    memset(row, 201, (size_t)VIT158_MAX_IMAGE_SIDE * 3);
    for (int bicubic = 0; bicubic < 2; bicubic++) {
        const vit158_recipe recipe =
            recipe_of(3, 33, 31, bicubic ? VIT158_FILTER_BICUBIC : VIT158_FILTER_BILINEAR);
        planned p = plan(&recipe);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const size_t row_bytes = (size_t)sizes[i][0] * 3;
            assert_int_equal(vit158_preprocess_begin(p.preprocess, sizes[i][0], sizes[i][1],
                                                     VIT158_PIXELS_RGB, NULL),
                             0);
            for (uint32_t y = 0; y < sizes[i][1]; y++)
                assert_int_equal(vit158_preprocess_rows(p.preprocess, row, row_bytes, 1, NULL), 0);
            const uint8_t *pixels = vit158_preprocess_pixels(p.preprocess);
            for (size_t k = 0; k < (size_t)31 * 31 * 3; k++)
                assert_int_equal(pixels[k], 201);
        }
        free(p.block);
    }
    free(row);
}

static void test_sums_fit_int32(void **state)
{
    (void)state;
    /* 255 * sum |weight| + half must stay below 2^31 for every phase and edge. */
    static double scratch[2100];
    static int16_t weights[4400];
    int64_t worst = 0;
    for (uint32_t n_in = 1; n_in < 300; n_in += 1 + n_in / 16) {
        for (uint32_t n_out = 1; n_out < 300; n_out += 1 + n_out / 16) {
            const vit158_axis axis = vit158_axis_make(VIT158_FILTER_BICUBIC, n_in, n_out);
            for (uint32_t o = 0; o < n_out; o++) {
                uint32_t first, count;
                vit158_axis_weights(&axis, o, &first, &count, weights, scratch);
                assert_true(first + count <= n_in && count <= axis.max_taps);
                int64_t sum = 0, total = 0;
                for (uint32_t t = 0; t < count; t++) {
                    const int16_t *vector = weights + t / 8 * 16;
                    const int32_t w = vector[8 + t % 8] * 2048 + vector[t % 8];
                    sum += w < 0 ? -w : w;
                    total += w;
                }
                assert_in_range(total + 400 - (1 << 22), 0, 800);
                worst = sum > worst ? sum : worst;
            }
        }
    }
    assert_true(worst * 255 + (1 << 21) < INT32_MAX);
}

static void test_tensor_is_normalised_bytes(void **state)
{
    (void)state;
    const vit158_recipe recipe = recipe_of(3, 4, 4, VIT158_FILTER_BILINEAR);
    planned p = plan(&recipe);
    uint8_t *data = image(4, 4, 3, 3, 0);
    assert_int_equal(vit158_preprocess_begin(p.preprocess, 4, 4, VIT158_PIXELS_RGB, NULL), 0);
    feed(p.preprocess, data, 12, 4, 0);
    assert_memory_equal(vit158_preprocess_pixels(p.preprocess), data, 48);
    float tensor[48];
    vit158_preprocess_tensor(p.preprocess, tensor);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 16; i++) {
            const float expected =
                ((float)data[3 * i + c] / 255.0F - recipe.mean[c]) / recipe.std[c];
            assert_memory_equal(&tensor[16 * c + i], &expected, sizeof expected);
        }
    free(data);
    free(p.block);
}

static void test_wrong_calls_are_refused(void **state)
{
    (void)state;
    const vit158_recipe recipe = recipe_of(1, 8, 8, VIT158_FILTER_BILINEAR);
    planned p = plan(&recipe);
    vit158_preprocess *q = p.preprocess;
    vit158_error e;
    uint8_t row[64] = {0};
    assert_int_equal(vit158_preprocess_rows(q, row, 64, 1, &e), VIT158_E_STATE);
    assert_int_equal(vit158_preprocess_begin(q, 0, 5, VIT158_PIXELS_GRAY, &e), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_preprocess_begin(q, 5, 0, VIT158_PIXELS_GRAY, &e), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_preprocess_begin(q, 16385, 5, VIT158_PIXELS_GRAY, &e), VIT158_E_LIMIT);
    assert_int_equal(vit158_preprocess_begin(q, 5, 16385, VIT158_PIXELS_GRAY, &e), VIT158_E_LIMIT);
    assert_int_equal(vit158_preprocess_begin(q, 5, 5, (vit158_pixels)2, &e), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_preprocess_rows(q, row, 64, 1, &e), VIT158_E_STATE);
    assert_int_equal(vit158_preprocess_begin(q, 5, 2, VIT158_PIXELS_RGB, &e), VIT158_OK);
    assert_int_equal(vit158_preprocess_rows(q, row, 14, 1, &e), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_preprocess_rows(q, NULL, 15, 1, &e), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_preprocess_rows(q, row, 15, 3, &e), VIT158_E_STATE);
    assert_int_equal(vit158_preprocess_rows(q, NULL, 15, 0, &e), VIT158_OK);
    assert_int_equal(vit158_preprocess_rows(q, row, 15, 2, &e), VIT158_OK);
    assert_true(vit158_preprocess_complete(q));
    assert_int_equal(vit158_preprocess_rows(q, row, 15, 1, &e), VIT158_E_STATE);
    free(p.block);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int count;
        const int wrong =
            run_cases(argv[1], argc > 2 ? VIT158_RESIZE_SQUASH : VIT158_RESIZE_SHORTEST, &count);
        printf("%d of %d cases equal Pillow's bytes\n", count - wrong, count);
        return wrong != 0 || count == 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed_cases_equal_pillow),
        cmocka_unit_test(test_shared_crops_equal_pillow),
        cmocka_unit_test(test_extreme_sizes_stay_constant),
        cmocka_unit_test(test_sums_fit_int32),
        cmocka_unit_test(test_tensor_is_normalised_bytes),
        cmocka_unit_test(test_bounds_of_taps),
        cmocka_unit_test(test_wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
