/* SPDX-License-Identifier: MIT
 *
 * Real models on real pictures against PyTorch and Pillow, natively: the float ImageNet ViT-Ti from
 * decoded pictures to logits. Skipped, loudly, where the reference folder is absent.
 */
#include "unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "golden/reference_file.h"
#include "unit/ppm.h"
#include "vit158.h"

#define VIT_TINY_IMAGES 8
#define VIT_TINY_CLASSES 1000
#define VIT_TINY_TOLERANCE 2e-3

static vit158_model *open_reference_model(const char *name)
{
    char path[1024];
    vit158_model *model;
    vit158_error error;
    reference_path(path, name);
    if (vit158_open_model_file(&model, path, &error) != VIT158_OK)
        fail_msg("%s: %s", path, error.message);
    return model;
}

static test_ppm read_reference_ppm(const char *name)
{
    char file[256];
    char path[1024];
    test_ppm picture;
    snprintf(file, sizeof file, "golden/%s", name);
    reference_path(path, file);
    if (!test_ppm_read(&picture, path))
        fail_msg("cannot read %s", path);
    return picture;
}

/* The session's input tensor is exactly the normalised crop that Pillow made. */
static void compare_crop(const vit158_session *session, const char *name)
{
    test_ppm crop = read_reference_ppm(name);
    const float *const tensor = vit158_session_tensor(session);
    const size_t n = (size_t)crop.width * crop.height;
    for (size_t i = 0; i < 3 * n; i++) {
        const float want = ((float)crop.data[i] / 255.0F - 0.5F) / 0.5F;
        if (tensor[i % 3 * n + i / 3] != want)
            fail_msg("%s: byte %zu: got %.9g, want %.9g", name, i,
                     (double)tensor[i % 3 * n + i / 3], (double)want);
    }
    free(crop.data);
}

static double largest_difference(const float *got, const double *want, size_t count)
{
    double largest = 0.0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)got[i] - want[i]));
    return largest;
}

static void test_vit_tiny(void **state)
{
    (void)state;
    char path[1024];
    if (!reference_path(path, "golden/vit_tiny_golden.json")) {
        print_message("SKIPPED: no %s; set VIT158_SHARED to the reference folder\n", path);
        skip();
    }
    char *const text = reference_text("golden/vit_tiny_golden.json");
    double *const want = malloc(VIT_TINY_CLASSES * sizeof *want);
    assert_non_null(want);
    vit158_model *const model =
        open_reference_model("checkpoints/vit_tiny_patch16_224.safetensors");
    vit158_session *session;
    vit158_error error;
    assert_int_equal(vit158_session_create(&session, model, NULL, &error), VIT158_OK);
    const char *at = text;
    double worst = 0.0;
    for (int i = 0; i < VIT_TINY_IMAGES; i++) {
        char name[128];
        reference_string(name, sizeof name, at, "image");
        test_ppm picture = read_reference_ppm(name);
        assert_int_equal(vit158_session_set_image(session, picture.data, picture.width,
                                                  picture.height, (size_t)picture.width * 3,
                                                  VIT158_PIXELS_RGB, &error),
                         VIT158_OK);
        free(picture.data);
        reference_string(name, sizeof name, at, "preprocessed");
        compare_crop(session, name);
        assert_int_equal(vit158_session_run(session, NULL, NULL, &error), VIT158_OK);
        reference_numbers(want, VIT_TINY_CLASSES, at, "logits");
        at = reference_key(at, "logits");
        const double difference =
            largest_difference(vit158_session_logits(session), want, VIT_TINY_CLASSES);
        worst = fmax(worst, difference);
        if (!(difference <= VIT_TINY_TOLERANCE))
            fail_msg("%s: a logit differs by %.3g from PyTorch's", name, difference);
    }
    print_message("ViT-Ti, %d pictures: crops equal, logits within %.2g of PyTorch's\n",
                  VIT_TINY_IMAGES, worst);
    vit158_session_close(session);
    vit158_model_close(model);
    free(want);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vit_tiny),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
