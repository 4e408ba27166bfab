/* SPDX-License-Identifier: MIT
 *
 * Random changes of images: the same seed gives the same image, moves go where they say, and
 * AutoAugment's policy does to an image what its table says, as often as it says.
 */
#include "unit/test.h"

#include <string.h>

#include "train/augment.h"
#include "train/augment_ops.h"

#define SIDE 16U
#define AREA (SIDE * SIDE)
#define BYTES (3 * AREA)
#define DRAWS 20000

/* Every channel a ramp with its full range of values in every order, so that stretching does
 * nothing and every other operation can be seen. */
static void ramp(uint8_t *x)
{
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t i = 0; i < AREA; i++)
            x[c * AREA + i] = (uint8_t)(c == 1 ? 255 - i : i);
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    const vit158_train_augment how = {.operations = 2,
                                      .magnitude = 1.0F,
                                      .autoaugment = 1.0F,
                                      .crop = 2,
                                      .flip = 1,
                                      .erase = 0.5F};
    uint8_t in[BYTES], scratch[BYTES], out[3][BYTES];
    ramp(in);
    for (uint64_t seed = 1; seed < 50; seed++) {
        for (int i = 0; i < 3; i++) {
            vit158_rng rng = vit158_rng_seed(seed + (i == 2 ? 1000 : 0));
            vit158_train_augment_image(out[i], in, scratch, 3, SIDE, &how, &rng);
        }
        assert_memory_equal(out[0], out[1], BYTES);
        assert_memory_not_equal(out[0], out[2], BYTES);
    }
}

/* Colour, contrast and sharpness are mixed with a grey copy, its mean and a smoothed one: of a
 * plain grey image all three are the image itself. */
static void test_plain_grey_stays(void **state)
{
    (void)state;
    enum { COLOR = 6, SHARPNESS = 8, LISTED = 14, LEVEL = 203 }; /* of the list in augment_ops.c */
    uint8_t plain[BYTES], out[BYTES], scratch[BYTES];
    uint32_t seen = 0;
    memset(plain, LEVEL, sizeof plain);
    for (uint64_t seed = 1; seed < 300; seed++) {
        vit158_rng rng = vit158_rng_seed(seed), same = rng;
        vit158_rng_uniform(&same);
        vit158_rng_below(&same, 2);
        const uint32_t kind = vit158_rng_below(&same, LISTED);
        memcpy(out, plain, sizeof out);
        vit158_train_augment_operation(out, scratch, 3, SIDE, 1.0F, &rng);
        if (kind < COLOR || kind > SHARPNESS)
            continue;
        assert_memory_equal(out, plain, sizeof plain);
        seen++;
    }
    assert_true(seen > 30);
}

/* Chances from the table: an image is inverted by one pair of 25 in a tenth of cases, by another
 * in a tenth after equalizing; solarizing at level 8 turns all values above 28. */
static void test_the_policy_follows_its_table(void **state)
{
    (void)state;
    uint8_t in[BYTES], x[BYTES], scratch[BYTES], inverse[BYTES];
    ramp(in);
    for (uint32_t i = 0; i < BYTES; i++)
        inverse[i] = (uint8_t)(255 - in[i]);
    vit158_rng rng = vit158_rng_seed(3);
    int same = 0, inverted = 0;
    for (int i = 0; i < DRAWS; i++) {
        memcpy(x, in, BYTES);
        vit158_train_augment_policy(x, scratch, 3, SIDE, &rng);
        same += memcmp(x, in, BYTES) == 0;
        inverted += memcmp(x, inverse, BYTES) == 0;
    }
    /* Inverted and not changed in contrast (0.1 * 0.8), or equalized (nothing to do) and inverted
     * (0.1), of 25 pairs: 0.72 %. */
    assert_in_range(inverted, (int)(0.0055 * DRAWS), (int)(0.0090 * DRAWS));
    /* Sharpening a ramp does nothing either, nor does colour at level 0: the chances of the others
     * not to be drawn add up to 13.74 of 25. */
    assert_in_range(same, (int)(0.535 * DRAWS), (int)(0.565 * DRAWS));
}

static void test_parts_are_enlarged(void **state)
{
    (void)state;
    uint8_t in[BYTES], out[BYTES];
    ramp(in);
    const vit158_train_part whole = {0.0F, 0.0F, SIDE, SIDE};
    vit158_train_enlarge(out, in, 3, SIDE, &whole);
    assert_memory_equal(out, in, BYTES);
    /* A quarter: four places where one pixel was, linear between the pixels' centres. */
    for (uint32_t i = 0; i < BYTES; i++)
        in[i] = (uint8_t)(8 * (i % SIDE));
    const vit158_train_part quarter = {SIDE / 4, SIDE / 2, SIDE / 2, SIDE / 2};
    vit158_train_enlarge(out, in, 3, SIDE, &quarter);
    for (uint32_t i = 0; i < BYTES; i++)
        assert_int_equal(out[i], 8 * (SIDE / 4) + 4 * (i % SIDE) - 2);
    double area = 0.0;
    float least = 1.0F;
    vit158_rng rng = vit158_rng_seed(4);
    for (int i = 0; i < DRAWS; i++) {
        const vit158_train_part p = vit158_train_part_random(SIDE, 0.25F, &rng);
        const float share = p.w * p.h / (SIDE * SIDE);
        assert_true(p.x0 >= 0.0F && p.y0 >= 0.0F);
        assert_true(p.x0 + p.w <= SIDE + 0.001F && p.y0 + p.h <= SIDE + 0.001F);
        assert_true(p.w / p.h < 1.334F && p.h / p.w < 1.334F);
        least = share < least ? share : least;
        area += (double)share / DRAWS;
    }
    assert_true(least >= 0.2499F && least < 0.26F);
    assert_true(area > 0.55 && area < 0.64); /* 0.625, less for those that stick out */
}

static void test_moves_of_a_plane(void **state)
{
    (void)state;
    static const float in[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const struct {
        vit158_train_move move;
        float out[9];
    } cases[] = {{{0, 0, 0}, {1, 2, 3, 4, 5, 6, 7, 8, 9}},
                 {{1, 0, 0}, {2, 3, 0, 5, 6, 0, 8, 9, 0}},
                 {{0, -1, 0}, {0, 0, 0, 1, 2, 3, 4, 5, 6}},
                 {{0, 0, 1}, {3, 2, 1, 6, 5, 4, 9, 8, 7}},
                 {{-1, 2, 1}, {8, 7, 0, 0, 0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float out[9];
        vit158_train_move_plane(out, in, 3, &cases[i].move, 0.0F);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_grey_stays),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_parts_are_enlarged),
        cmocka_unit_test(test_moves_of_a_plane),
        cmocka_unit_test(test_the_policy_follows_its_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
