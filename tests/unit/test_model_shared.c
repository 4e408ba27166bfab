/* SPDX-License-Identifier: MIT
 *
 * The reader on public checkpoints that are not part of this repository: needs VIT158_SHARED or
 * ../shared, and says so when they are absent.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "unit/model_files.h"

static void test_a_timm_checkpoint_opens(void **state)
{
    (void)state;
    char path[1024];
    need_shared(path, "checkpoints/vit_tiny_patch16_224.safetensors");
    size_t n_bytes;
    uint8_t *bytes = read_all(path, &n_bytes);
    vit158_model *model = NULL;
    vit158_error error = {0};
    if (vit158_model_open(&model, bytes, n_bytes, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    free(bytes);
    const vit158_model_info *info = &model->info;
    assert_int_equal(info->image_size, 224);
    assert_int_equal(info->patch_size, 16);
    assert_int_equal(info->channels, 3);
    assert_int_equal(info->dim, 192);
    assert_int_equal(info->depth, 12);
    assert_int_equal(info->heads, 3);
    assert_int_equal(info->mlp_dim, 768);
    assert_int_equal(info->classes, 1000);
    assert_int_equal(info->tokens, 197);
    assert_int_equal(info->parameters, 5717416); /* timm's figure */
    assert_int_equal(info->ternary_parameters, 0);
    assert_int_equal(info->file_bytes, n_bytes);
    assert_int_equal(model->recipe.resize_size, 248); /* floor(224 / 0.9) */
    assert_true(model->recipe.mean[2] == 0.5F && model->recipe.std[2] == 0.5F);
    assert_true(model->norm_eps == 1e-6F);
    assert_string_equal(vit158_model_label(model, 0), "tench");
    assert_string_equal(vit158_model_label(model, 999), "toilet tissue");
    assert_null(vit158_model_label(model, 1000));
    assert_non_null(strstr(vit158_model_metadata(model, "wnids"), "n01440764"));
    assert_non_null(model->blocks[11].norm2.bias);
    assert_null(model->blocks[11].fc2.norm.weight);
    vit158_model_close(model);
}

static void test_latent_weights_are_refused(void **state)
{
    (void)state;
    char path[1024];
    need_shared(path, "checkpoints/cifar10-bootstrap.safetensors");
    size_t n_bytes;
    uint8_t *bytes = read_all(path, &n_bytes);
    vit158_model *model;
    vit158_error error = {0};
    assert_int_equal(vit158_model_open(&model, bytes, n_bytes, &error), VIT158_E_METADATA);
    assert_non_null(strstr(error.message, "run `vit158 pack`"));
    assert_null(model);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_timm_checkpoint_opens),
        cmocka_unit_test(test_latent_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
