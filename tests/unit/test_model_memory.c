/* SPDX-License-Identifier: MIT
 *
 * Memory of the loader: every allocation fails once without a leak or a wrong answer; peaks stay
 * within what loader.h states, whatever a header claims. Linked with --wrap, so that the library's
 * allocations come here.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/json_value.h"
#include "model/latent_facts.h"
#include "model/pack.h"
#include "unit/model_parts.h"

/* ---- Counting allocator ---- */

void *__real_malloc(size_t n_bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t n_bytes);
void __wrap_free(void *block);

#define HEAD 32 /* before each block: its size; keeps malloc's alignment */

static size_t live_bytes, peak_bytes;
static long fail_at = -1; /* allocations until the one that fails; -1 = none fails */

void *__wrap_malloc(size_t n_bytes)
{
    if (fail_at >= 0 && fail_at-- == 0)
        return NULL;
    uint8_t *block = __real_malloc(n_bytes + HEAD);
    if (block == NULL)
        return NULL;
    memcpy(block, &n_bytes, sizeof n_bytes);
    live_bytes += n_bytes;
    peak_bytes = live_bytes > peak_bytes ? live_bytes : peak_bytes;
    return block + HEAD;
}

static size_t size_of(const void *block)
{
    size_t n_bytes;
    memcpy(&n_bytes, (const uint8_t *)block - HEAD, sizeof n_bytes);
    return n_bytes;
}

void __wrap_free(void *block)
{
    if (block == NULL)
        return;
    live_bytes -= size_of(block);
    __real_free((uint8_t *)block - HEAD);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *block = __wrap_malloc(count * size);
    return block != NULL ? memset(block, 0, count * size) : NULL;
}

void *__wrap_realloc(void *block, size_t n_bytes)
{
    void *grown = __wrap_malloc(n_bytes);
    if (grown != NULL && block != NULL) {
        memcpy(grown, block, size_of(block) < n_bytes ? size_of(block) : n_bytes);
        __wrap_free(block);
    }
    return grown;
}

/* ---- Tests ---- */

static vit158_status open_in(file_bytes file, size_t piece, uint64_t expected, vit158_model **model,
                             vit158_error *error)
{
    vit158_loader *loader = NULL;
    vit158_status status = vit158_loader_create(&loader, expected, error);
    for (size_t at = 0; status == VIT158_OK && at < file.n_bytes; at += piece) {
        const size_t left = file.n_bytes - at;
        status = vit158_loader_push(loader, file.data + at, left < piece ? left : piece, error);
    }
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, model, error);
    vit158_loader_close(loader);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    const file_bytes plain = synth_bytes(&options);
    file_parts *parts = parts_of(plain);
    parts_set(parts, "labels", "[\"a\",\"b\",\"c\"]");
    const file_bytes file = parts_build(parts);
    parts_free(parts);
    free(plain.data);
    for (int known = 0; known < 2; known++) {
        const size_t before = live_bytes;
        long failures = 0;
        for (;; failures++) {
            vit158_model *model = NULL;
            vit158_error error = {0};
            fail_at = failures;
            const vit158_status status =
                open_in(file, 512, known ? file.n_bytes : 0, &model, &error);
            const bool all_succeeded = fail_at >= 0;
            fail_at = -1;
            assert_int_equal(status, all_succeeded ? VIT158_OK : VIT158_E_MEMORY);
            assert_int_equal(model != NULL, all_succeeded);
            vit158_model_close(model);
            assert_int_equal(live_bytes, before);
            if (all_succeeded)
                break;
            assert_non_null(strstr(error.message, "memory"));
        }
        assert_true(failures > (known ? 10 : 60)); /* growing: a block for each tensor */
    }
    free(file.data);
}

static void test_packing_survives_failing_allocations(void **state)
{
    (void)state;
    const vit158_pack_options options = {.rest = VIT158_DTYPE_F16,
                                         .metadata_json = "{\"dataset\":\"none\"}"};
    const size_t before = live_bytes;
    long failures = 0;
    for (;; failures++) {
        vit158_error error = {0};
        fail_at = failures;
        const vit158_status status =
            vit158_pack_file(VIT158_TEST_DATA "/tiny/latent-6.safetensors",
                             "test_model_memory.tmp.safetensors", &options, NULL, &error);
        const bool all_succeeded = fail_at >= 0;
        fail_at = -1;
        assert_int_equal(status, all_succeeded ? VIT158_OK : VIT158_E_MEMORY);
        assert_int_equal(live_bytes, before);
        if (all_succeeded)
            break;
        assert_int_not_equal(remove("test_model_memory.tmp.safetensors"), 0);
    }
    assert_true(failures > 100);
    remove("test_model_memory.tmp.safetensors");
}

#define MADE "test_model_memory.tmp.safetensors"

/* Runs `act` with allocation after allocation refused, until one run refuses none. */
static void refuse_each(vit158_status (*act)(int kind, vit158_error *error), int kind)
{
    const size_t before = live_bytes;
    for (long failures = 0;; failures++) {
        vit158_error error = {0};
        fail_at = failures;
        const vit158_status status = act(kind, &error);
        const bool all_succeeded = fail_at >= 0;
        fail_at = -1;
        if (status != (all_succeeded ? VIT158_OK : VIT158_E_MEMORY))
            fail_msg("kind %d, allocation %ld: %d %s", kind, failures, (int)status, error.message);
        assert_int_equal(live_bytes, before);
        const bool is_there = remove(MADE) == 0;
        if (all_succeeded) {
            assert_true(failures > 0);
            return;
        }
        assert_false(is_there);
    }
}

/* Files of random weights: ternary, sums of them, int8, float. */
static vit158_status make_synth(int kind, vit158_error *error)
{
    vit158_synth_options options = synth_small();
    options.encoding = (const vit158_encoding[]){VIT158_ENCODING_TRIT, VIT158_ENCODING_TRIT,
                                                 VIT158_ENCODING_I8, VIT158_ENCODING_F32}[kind];
    options.rows = kind == 1 ? 3 : 0;
    return vit158_synth_file(MADE, &options, NULL, error);
}

static vit158_status pack_float(int kind, vit158_error *error)
{
    const vit158_pack_options options = {
        .rest = VIT158_DTYPE_F16, .matrices = kind == 0 ? VIT158_PACK_INT8 : VIT158_PACK_TERNARIZE};
    return vit158_pack_file(VIT158_TEST_DATA "/tiny/float-2.safetensors", MADE, &options, NULL,
                            error);
}

static vit158_status read_latent(int kind, vit158_error *error)
{
    (void)kind;
    vit158_safetensors *file = NULL;
    vit158_facts facts;
    bool latent = false;
    vit158_status status =
        vit158_safetensors_open(&file, VIT158_TEST_DATA "/tiny/latent-6.safetensors", error);
    if (status == VIT158_OK)
        status = vit158_is_latent(&latent, file, error);
    if (status == VIT158_OK)
        status = vit158_facts_of_latent(&facts, file, error);
    if (status == VIT158_OK) {
        assert_true(latent && facts.matrix_count == 8);
        vit158_facts_clear(&facts);
    }
    vit158_safetensors_close(file);
    return status;
}

static void test_making_and_reading_survive_failing_allocations(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        refuse_each(make_synth, kind);
    for (int kind = 0; kind < 2; kind++)
        refuse_each(pack_float, kind);
    refuse_each(read_latent, 0);
}

/* What the wasm module says of a model. */
static void test_a_model_as_json(void **state)
{
    (void)state;
    const vit158_synth_options options = synth_small();
    const file_bytes plain = synth_bytes(&options);
    vit158_model *model = NULL;
    assert_int_equal(vit158_model_open(&model, plain.data, plain.n_bytes, NULL), VIT158_OK);
    free(plain.data);
    const size_t before = live_bytes;
    for (int of_file = 0; of_file < 2; of_file++) {
        char *text = vit158_model_json(model, of_file == 1, NULL);
        assert_non_null(text);
        vit158_json_in in = vit158_json_in_over(text, strlen(text));
        vit158_json_value value;
        assert_true(vit158_json_in_value(&in, &value) && vit158_json_in_end(&in));
        assert_int_equal(strstr(text, "\"info\":{") != NULL, of_file == 0);
        assert_int_equal(strstr(text, "\"zeros\":") != NULL, of_file == 1);
        assert_non_null(strstr(text, "\"metadata\":{"));
        free(text);
        for (long failures = 0;; failures++) {
            vit158_error error = {0};
            fail_at = failures;
            text = vit158_model_json(model, of_file == 1, &error);
            const bool all_succeeded = fail_at >= 0;
            fail_at = -1;
            assert_int_equal(text != NULL, all_succeeded);
            free(text);
            assert_int_equal(live_bytes, before);
            if (all_succeeded)
                break;
        }
    }
    vit158_model_close(model);
}

/* With the length known: the weights once, no second copy. */
static void test_peak_of_a_known_length(void **state)
{
    (void)state;
    vit158_synth_options options;
    vit158_synth_preset(&options, 't');
    const file_bytes file = synth_bytes(&options);
    const size_t header = header_length(file);
    const size_t before = live_bytes;
    peak_bytes = before;
    vit158_model *model = NULL;
    assert_int_equal(open_in(file, 65536, file.n_bytes, &model, NULL), VIT158_OK);
    const size_t open_bytes = live_bytes - before;
    /* weight_bytes is what the model occupies, but for small tables. */
    assert_true(open_bytes >= model->info.weight_bytes);
    assert_true(open_bytes <= model->info.weight_bytes + 8192);
    assert_true(peak_bytes - before <= model->info.weight_bytes + 8 * header + 65536);
    vit158_model_close(model);
    assert_int_equal(live_bytes, before);
    free(file.data);
}

/* With the length unknown: by what has arrived, checked after every piece. */
static void test_peak_of_an_unknown_length(void **state)
{
    (void)state;
    vit158_synth_options options;
    vit158_synth_preset(&options, 't');
    const file_bytes file = synth_bytes(&options);
    const size_t header = header_length(file);
    const size_t before = live_bytes;
    vit158_loader *loader = NULL;
    assert_int_equal(vit158_loader_create(&loader, 0, NULL), VIT158_OK);
    for (size_t at = 0; at < file.n_bytes; at += 1000) {
        const size_t left = file.n_bytes - at;
        peak_bytes = live_bytes;
        assert_int_equal(
            vit158_loader_push(loader, file.data + at, left < 1000 ? left : 1000, NULL), VIT158_OK);
        const size_t arrived = at + 1000;
        assert_true(peak_bytes - before <=
                    4 * arrived + 8 * (arrived < header ? arrived : header) + 131072);
    }
    vit158_loader_close(loader);
    assert_int_equal(live_bytes, before);
    free(file.data);
}

/* A header that promises 60 MB of weights, and then one byte of them. */
static void test_claims_cost_nothing(void **state)
{
    (void)state;
    vit158_synth_options large;
    vit158_synth_preset(&large, 'b');
    large.depth = 2;
    large.encoding = VIT158_ENCODING_F32;
    large.rest = VIT158_DTYPE_F32;
    const file_bytes claimed = synth_bytes(&large);
    const size_t header = 8 + header_length(claimed);
    assert_true(claimed.n_bytes > 50000000);
    const size_t before = live_bytes;
    peak_bytes = before;
    vit158_loader *loader = NULL;
    assert_int_equal(vit158_loader_create(&loader, 0, NULL), VIT158_OK);
    assert_int_equal(vit158_loader_push(loader, claimed.data, header + 1, NULL), VIT158_OK);
    assert_true(peak_bytes - before < 8 * header + 200000);
    vit158_loader_close(loader);
    free(claimed.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_packing_survives_failing_allocations),
        cmocka_unit_test(test_making_and_reading_survive_failing_allocations),
        cmocka_unit_test(test_a_model_as_json),
        cmocka_unit_test(test_peak_of_a_known_length),
        cmocka_unit_test(test_peak_of_an_unknown_length),
        cmocka_unit_test(test_claims_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
