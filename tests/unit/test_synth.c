/* SPDX-License-Identifier: MIT
 *
 * vit158_synth_file refuses every size that is 0 or above its limit, and writes nothing then.
 */
#include "unit/test.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/layout.h"
#include "model/synth.h"

#define OUT "test_synth.tmp.safetensors"

static const vit158_synth_options tiny = {.image_size = 8,
                                          .patch_size = 4,
                                          .channels = 1,
                                          .dim = 8,
                                          .depth = 1,
                                          .heads = 2,
                                          .mlp_dim = 8,
                                          .classes = 2,
                                          .outer_norms = true,
                                          .encoding = VIT158_ENCODING_TRIT,
                                          .rest = VIT158_DTYPE_F32,
                                          .seed = 1};

static void refuse(const vit158_synth_options *options, const char *words)
{
    vit158_error error = {0};
    assert_int_equal(vit158_synth_file(OUT, options, NULL, &error), VIT158_E_ARGUMENT);
    assert_non_null(strstr(error.message, words));
    assert_int_not_equal(access(OUT, F_OK), 0);
}

static void test_sizes_beyond_their_limits(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t limit; /* 0: another rule bounds it */
        int zero;       /* refused */
    } sizes[] = {{offsetof(vit158_synth_options, patch_size), VIT158_MAX_PATCH_SIZE, 1},
                 {offsetof(vit158_synth_options, image_size), VIT158_MAX_IMAGE_SIZE, 0},
                 {offsetof(vit158_synth_options, channels), 3, 1},
                 {offsetof(vit158_synth_options, dim), VIT158_MAX_DIM, 1},
                 {offsetof(vit158_synth_options, depth), VIT158_MAX_DEPTH, 1},
                 {offsetof(vit158_synth_options, heads), 0, 1},
                 {offsetof(vit158_synth_options, mlp_dim), VIT158_MAX_MLP_DIM, 1},
                 {offsetof(vit158_synth_options, classes), VIT158_MAX_CLASSES, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        vit158_synth_options options = tiny;
        uint32_t *const value = (uint32_t *)((char *)&options + sizes[i].at);
        if (sizes[i].limit > 0) {
            *value = sizes[i].limit + 1;
            refuse(&options, "above its limit");
            *value = UINT32_MAX;
            refuse(&options, "above its limit");
        }
        *value = 0;
        refuse(&options, sizes[i].zero ? "a size is 0" : "not a multiple");
    }
}

static void test_sizes_that_do_not_fit_together(void **state)
{
    (void)state;
    vit158_synth_options options = tiny;
    options.image_size = 9;
    refuse(&options, "9 is not a multiple of the patch size 4");
    options = tiny;
    options.rows = VIT158_SYNTH_MIXED + 1;
    refuse(&options, "rows: 1 to 4");
    options.rows = 2;
    options.encoding = VIT158_ENCODING_I8;
    refuse(&options, "of trit weights only");
    vit158_synth_options preset;
    assert_false(vit158_synth_preset(&preset, 'x'));
    assert_true(vit158_synth_preset(&preset, 'l'));
    assert_int_equal(preset.depth, 24);
    vit158_error error;
    vit158_model_info info;
    assert_int_equal(vit158_synth_file(OUT, &tiny, &info, &error), VIT158_OK);
    assert_int_equal(info.classes, 2);
    remove(OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_beyond_their_limits),
        cmocka_unit_test(test_sizes_that_do_not_fit_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
