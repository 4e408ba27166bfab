/* SPDX-License-Identifier: MIT
 *
 * Runs that start from models whose outputs are sums of ternary rows.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/synth.h"
#include "model/ternary.h"
#include "train/start.h"
#include "unit/open_model.h"
#include "unit/test.h"
#include "unit/train_fixture.h"

/* w [n_out][n_in] that a matrix of an opened model stands for, by the planes of its rows. */
static void effective_weights(float *w, const vit158_linear *linear)
{
    static int8_t codes[4 * 96 * 48];
    const uint32_t n_out = linear->n_out, n_in = linear->n_in;
    const uint32_t rows = vit158_plane_rows(&linear->planes, n_out, 0, n_out);
    assert_true((size_t)rows * n_in <= sizeof codes);
    vit158_unpack_trits(codes, linear->weight, rows, n_in);
    memset(w, 0, (size_t)n_out * n_in * sizeof *w);
    for (uint32_t plane = 0; plane < vit158_plane_count(&linear->planes); plane++)
        for (uint32_t o = 0; o < n_out; o++) {
            const uint32_t row = vit158_plane_row(&linear->planes, n_out, plane, o);
            if (plane > 0 && vit158_plane_row(&linear->planes, n_out, plane, o + 1) == row)
                continue;
            const float scale = linear->scale[linear->scale_count == 1 ? 0 : row];
            for (uint32_t i = 0; i < n_in; i++)
                w[(size_t)o * n_in + i] += scale * (float)codes[(size_t)row * n_in + i];
        }
}

static vit158_synth_options rows_of_fixture(const vit158_train_recipe *r, uint32_t rows)
{
    return (vit158_synth_options){.image_size = r->net.image_size,
                                  .patch_size = r->net.patch_size,
                                  .channels = r->net.channels,
                                  .dim = r->net.dim,
                                  .depth = r->net.depth,
                                  .heads = r->net.heads,
                                  .mlp_dim = r->net.mlp_dim,
                                  .classes = 4,
                                  .outer_norms = true,
                                  .inner_norms = true,
                                  .row_scales = true,
                                  .encoding = VIT158_ENCODING_TRIT,
                                  .rows = rows,
                                  .rest = VIT158_DTYPE_F32,
                                  .seed = 5};
}

/* Outputs that are sums of rows, two each or 1 to 4, start as these sums. */
static void test_sums_of_rows_are_summed(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {1, 2, VIT158_SYNTH_MIXED};
    vit158_train_recipe r;
    fixture_recipe(&r);
    r.net.ternary = 0;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        const vit158_synth_options options = rows_of_fixture(&r, kinds[kind]);
        vit158_train_start start;
        static float expected[96 * 48];
        const char *path = fixture_path("rows.safetensors");
        assert_int_equal(vit158_synth_file(path, &options, NULL, NULL), VIT158_OK);
        vit158_trainer *t = fixture_started_from(&r, "rows.safetensors", &start);
        vit158_model *const model = test_open_model(path);
        for (uint32_t b = 0; b < 2; b++) {
            for (uint32_t i = 0; i < VIT158_BLOCK_LINEARS; i++) {
                const vit158_linear *const linear = vit158_block_linear(&model->blocks[b], i);
                const float *const w = t->parameters + t->net.blocks[b].layers[i].weight;
                const uint32_t count = linear->n_out * linear->n_in;
                effective_weights(expected, linear);
                for (uint32_t at = 0; at < count; at++)
                    assert_true(fabsf(w[at] - expected[at]) <= 1e-6F * fabsf(expected[at]));
            }
        }
        vit158_model_close(model);
        vit158_trainer_close(t);
    }
}

/* Counts that add up to the rows there are, but are none. */
static void test_counts_of_rows_are_checked(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    r.net.ternary = 0;
    const vit158_synth_options options = rows_of_fixture(&r, VIT158_SYNTH_MIXED);
    const char *const path = fixture_path("counts.safetensors");
    assert_int_equal(vit158_synth_file(path, &options, NULL, NULL), VIT158_OK);
    vit158_model *const model = test_open_model(path);
    const vit158_tensor_entry *counts = NULL;
    for (uint32_t i = 0; i < model->header.tensor_count; i++)
        if (strcmp(model->header.tensors[i].name, "blocks.1.attn.proj.rows") == 0)
            counts = &model->header.tensors[i];
    assert_non_null(counts);
    size_t n_bytes = 0;
    uint8_t *const bytes = test_read_file(path, &n_bytes);
    uint8_t *const at = bytes + n_bytes - model->header.data_bytes + counts->begin;
    uint8_t *const four = memchr(at, 4, counts->n_elements);
    uint8_t *const two = memchr(at, 2, counts->n_elements);
    assert_true(four != NULL && two != NULL);
    *four = 5;
    *two = 1;
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n_bytes, file), n_bytes);
    assert_int_equal(fclose(file), 0);
    vit158_trainer *const t = fixture_trainer(&r, 16, 0);
    assert_int_equal(vit158_train_start_from(NULL, t, path, &error), VIT158_E_VALUE);
    assert_non_null(strstr(error.message, "a count of rows, 1 to 4"));
    vit158_trainer_close(t);
    vit158_model_close(model);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_of_rows_are_summed),
        cmocka_unit_test(test_counts_of_rows_are_checked),
    };
    return cmocka_run_group_tests(tests, fixture_make_folder, fixture_remove_folder);
}
