/* SPDX-License-Identifier: MIT
 *
 * Distillation of a rounded network's logits: views of images that are parts of them, the same on
 * any number of threads, and an end that held-out images choose.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "compress/rebuild.h"
#include "compress/sensitivity.h"
#include "image/decoded.h"
#include "unit/compress_fixture.h"
#include "unit/test.h"

#define LEARNED 4U

/* Those of the fixture, all at once: they are read by several threads. */
static vit158_image images[COMPRESS_IMAGES];

static int make_images(void **state)
{
    (void)state;
    static uint8_t pixels[COMPRESS_IMAGES][COMPRESS_SIDE * COMPRESS_SIDE * 3];
    for (uint32_t i = 0; i < COMPRESS_IMAGES; i++) {
        images[i] = compress_image(i);
        memcpy(pixels[i], images[i].data, sizeof pixels[i]);
        images[i].data = pixels[i];
    }
    return 0;
}

static vit158_status read_image(void *context, uint32_t index, vit158_image *out,
                                vit158_error *error)
{
    const uint32_t *const missing = context;
    if (missing != NULL && index == *missing)
        return vit158_fail(error, VIT158_E_IO, "image %u is gone", index);
    *out = images[index];
    const size_t n_bytes = (size_t)out->height * out->row_bytes;
    out->data = vit158_block_alloc(n_bytes);
    if (out->data == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory");
    memcpy(out->data, images[index].data, n_bytes);
    return VIT158_OK;
}

/* Pixel (x, y) has the gray value 20 y + x. */
static void test_a_view_is_a_square_of_the_image(void **state)
{
    (void)state;
    uint8_t data[9 * 12];
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i / 12 * 20 + i % 12);
    const vit158_image image = {
        .width = 12, .height = 9, .pixels = VIT158_PIXELS_GRAY, .row_bytes = 12, .data = data};
    vit158_rng rng = vit158_rng_seed(1);
    uint32_t mirrored = 0, whole = 0;
    for (int n = 0; n < 200; n++) {
        vit158_image view;
        assert_int_equal(vit158_view_of(&view, &image, &rng, NULL), VIT158_OK);
        assert_true(view.width == view.height && view.row_bytes == view.width);
        assert_true(view.width >= 5 && view.width <= 9); /* 0.6 of 9 and all of it */
        const int step = (int)view.data[1] - (int)view.data[0];
        assert_true(step == 1 || step == -1);
        for (uint32_t i = 0; i < view.width * view.height; i++)
            assert_int_equal(view.data[i], (int)view.data[0] + 20 * (int)(i / view.width) +
                                               step * (int)(i % view.width));
        mirrored += step < 0;
        whole += view.width == 9;
        free(view.data);
    }
    assert_in_range(mirrored, 60, 140);
    assert_in_range(whole, 1, 100);
}

/* A single pixel is a view of itself. */
static void test_the_smallest_image(void **state)
{
    (void)state;
    uint8_t data[3] = {1, 2, 3};
    const vit158_image image = {
        .width = 1, .height = 1, .pixels = VIT158_PIXELS_RGB, .row_bytes = 3, .data = data};
    vit158_rng rng = vit158_rng_seed(2);
    for (int n = 0; n < 20; n++) {
        vit158_image view;
        assert_int_equal(vit158_view_of(&view, &image, &rng, NULL), VIT158_OK);
        assert_true(view.width == 1 && view.height == 1);
        assert_memory_equal(view.data, data, sizeof data);
        free(view.data);
    }
}

static void draw(vit158_fresh_views *views, const compress_run *run,
                 const vit158_image_reader *reader, vit158_pool *pool, uint64_t seed)
{
    const uint32_t drawn[3] = {2, 0, 2};
    assert_int_equal(
        vit158_fresh_views_create(views, reader, run->model, &run->ends.model, pool, 3, NULL),
        VIT158_OK);
    assert_int_equal(vit158_fresh_views_draw(views, drawn, seed, NULL), VIT158_OK);
}

static void test_views_do_not_depend_on_threads(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_pool serial = vit158_pool_serial();
    vit158_thread_pool threads;
    vit158_pool *const pool = vit158_thread_pool_start(&threads, 3);
    const vit158_image_reader reader = {read_image, NULL};
    vit158_fresh_views one, three, other;
    draw(&one, &run, &reader, &serial, 5);
    draw(&three, &run, &reader, pool, 5);
    draw(&other, &run, &reader, &serial, 6);
    const size_t inputs = 3 * one.stride * sizeof(float), targets = 3 * one.classes * sizeof(float);
    assert_memory_equal(one.inputs, three.inputs, inputs);
    assert_memory_equal(one.targets, three.targets, targets);
    assert_memory_not_equal(one.inputs, other.inputs, inputs);
    /* Two views of one image differ. */
    assert_memory_not_equal(one.inputs, one.inputs + 2 * one.stride, one.stride * sizeof(float));
    vit158_fresh_views_free(&one);
    vit158_fresh_views_free(&three);
    vit158_fresh_views_free(&other);
    vit158_thread_pool_stop(&threads);
    compress_run_end(&run);
}

/* Mean divergence of the images from `first` on. */
static double divergence(const vit158_quantizer *q, uint32_t first, uint32_t end)
{
    float a[64], b[64];
    double sum = 0;
    for (uint32_t i = first; i < end; i++) {
        vit158_shadow_logits(&q->teacher, q->works, q->known.values + i * q->known.stride, a);
        vit158_shadow_logits(&q->student, q->works, q->rounded.values + i * q->rounded.stride, b);
        sum += vit158_divergence(a, b, q->model->info.classes);
    }
    return sum / (end - first);
}

static vit158_status distil(compress_run *run, const vit158_rebuild_settings *settings,
                            uint32_t learned, vit158_quantizer *q, vit158_rebuild_outcome *outcome,
                            vit158_error *error)
{
    static vit158_pool pool;
    pool = vit158_pool_serial();
    vit158_quantizer_start start = compress_start(run, learned, 1, &pool);
    start.settings.method = VIT158_METHOD_MSE;
    *outcome = (vit158_rebuild_outcome){0};
    assert_int_equal(vit158_quantizer_create(q, &start, NULL), VIT158_OK);
    return vit158_rebuild_run(q, &start, settings, outcome, NULL, NULL, error);
}

static vit158_rebuild_settings settings_of(uint32_t updates, float rate,
                                           const vit158_image_reader *reader)
{
    vit158_rebuild_settings s = vit158_rebuild_defaults();
    s.distil_updates = updates;
    s.rate = rate;
    s.reader = reader;
    return s;
}

static void test_held_out_images_come_nearer(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    const vit158_image_reader reader = {read_image, NULL};
    vit158_rebuild_outcome outcome;
    vit158_quantizer q;
    vit158_rebuild_settings s = settings_of(0, 0.02F, NULL);
    assert_int_equal(distil(&run, &s, LEARNED, &q, &outcome, NULL), VIT158_OK);
    const double before = divergence(&q, LEARNED, COMPRESS_IMAGES);
    vit158_quantizer_free(&q);
    /* The few images as they are say little of others; fresh views of them do. */
    s = settings_of(100, 0.005F, NULL);
    assert_int_equal(distil(&run, &s, LEARNED, &q, &outcome, NULL), VIT158_OK);
    assert_true(outcome.kept <= outcome.distilled);
    assert_true(divergence(&q, LEARNED, COMPRESS_IMAGES) <= before);
    vit158_quantizer_free(&q);
    s = settings_of(100, 0.005F, &reader);
    assert_int_equal(distil(&run, &s, LEARNED, &q, &outcome, NULL), VIT158_OK);
    assert_true(outcome.kept > 0 && outcome.kept <= outcome.distilled);
    assert_true(divergence(&q, LEARNED, COMPRESS_IMAGES) < before);
    vit158_quantizer_free(&q);
    compress_run_end(&run);
}

/* Without held-out images the end is the last update, and what is learned from comes nearer. */
static void test_logits_are_distilled(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_rebuild_outcome outcome;
    vit158_quantizer q;
    vit158_rebuild_settings s = settings_of(0, 0.02F, NULL);
    assert_int_equal(distil(&run, &s, COMPRESS_IMAGES, &q, &outcome, NULL), VIT158_OK);
    const double before = divergence(&q, 0, COMPRESS_IMAGES);
    vit158_quantizer_free(&q);
    s = settings_of(60, 0.02F, NULL);
    assert_int_equal(distil(&run, &s, COMPRESS_IMAGES, &q, &outcome, NULL), VIT158_OK);
    assert_true(outcome.kept == 60 && outcome.distilled == 60);
    assert_true(divergence(&q, 0, COMPRESS_IMAGES) < 0.7 * before);
    vit158_quantizer_free(&q);
    compress_run_end(&run);
}

/* Updates that only do harm are taken back. */
static void test_nothing_gets_worse(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    vit158_rebuild_outcome outcome;
    vit158_quantizer q, rounded;
    vit158_rebuild_settings s = settings_of(0, 0.02F, NULL);
    assert_int_equal(distil(&run, &s, LEARNED, &rounded, &outcome, NULL), VIT158_OK);
    s = settings_of(20, 50.0F, NULL);
    assert_int_equal(distil(&run, &s, LEARNED, &q, &outcome, NULL), VIT158_OK);
    assert_true(outcome.distilled > 0 && outcome.kept == 0);
    for (uint32_t m = 0; m < 2 * VIT158_BLOCK_LINEARS; m++) {
        const vit158_rounded *const a = &q.matrices[m], *const b = &rounded.matrices[m];
        assert_memory_equal(a->chosen, b->chosen, (size_t)a->n_in * a->n_out);
    }
    assert_true(divergence(&q, 0, COMPRESS_IMAGES) == divergence(&rounded, 0, COMPRESS_IMAGES));
    vit158_quantizer_free(&q);
    vit158_quantizer_free(&rounded);
    compress_run_end(&run);
}

static void test_an_image_that_is_gone_is_named(void **state)
{
    (void)state;
    compress_run run = compress_run_start();
    uint32_t missing = 1;
    const vit158_image_reader reader = {read_image, &missing};
    const vit158_rebuild_settings s = settings_of(20, 0.02F, &reader);
    vit158_rebuild_outcome outcome;
    vit158_quantizer q;
    vit158_error error;
    assert_int_equal(distil(&run, &s, LEARNED, &q, &outcome, &error), VIT158_E_IO);
    assert_string_equal(error.message, "an image again: image 1 is gone");
    vit158_quantizer_free(&q);
    compress_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_view_is_a_square_of_the_image),
        cmocka_unit_test(test_the_smallest_image),
        cmocka_unit_test(test_views_do_not_depend_on_threads),
        cmocka_unit_test(test_held_out_images_come_nearer),
        cmocka_unit_test(test_logits_are_distilled),
        cmocka_unit_test(test_nothing_gets_worse),
        cmocka_unit_test(test_an_image_that_is_gone_is_named),
    };
    return cmocka_run_group_tests(tests, make_images, NULL);
}
