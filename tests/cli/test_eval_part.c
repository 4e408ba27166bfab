/* SPDX-License-Identifier: MIT
 *
 * Parts of an evaluation: what is written reads back the same; cut at every byte or with any byte
 * changed a part is refused, and even with a hash made to fit it never does harm; shards share out
 * every image once; parts of all shards, in any order, are the whole.
 */
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "cli/evaluation.h"
#include "cli/part_format.h"

#define IMAGES 7
#define SHARDS 3
#define OUT "test_eval_part.tmp"

static char *copy(const char *text)
{
    char *const out = malloc(strlen(text) + 1);
    assert_non_null(out);
    return strcpy(out, text);
}

static vit158_eval_answer answer_of(size_t i)
{
    char path[40];
    snprintf(path, sizeof path, "d/p\xC3\xA4 \"%zu\"\\\x01.jpg", i);
    vit158_eval_answer a = {.path = copy(path), .truth = i % 2};
    if (i == 3) {
        a.problem = copy("image: cut \"short\"");
        return a;
    }
    a.predicted = i % 3;
    a.rank = a.predicted == a.truth ? 1 : i == 5 ? 0 : 2;
    a.score = 1.0F / (float)(i + 3);
    a.ms = 0.1 * (double)(i + 1);
    return a;
}

/* Shard `index` of an evaluation of IMAGES images. */
static vit158_evaluation shard_of(uint32_t index)
{
    static const char *const labels[] = {"cat, \"tom\"", "", "d\xC3\xB6g"};
    vit158_evaluation e = {.model = copy("m"),
                           .merge = copy("off"),
                           .engine = copy(index == 2 ? "simd128" : "avx2"),
                           .numerics_version = 1,
                           .memory_bytes = 1000.0 + index,
                           .shard = {index, SHARDS},
                           .images = IMAGES};
    vit158_sha256_hex(e.model_sha256, "a", 1);
    vit158_sha256_hex(e.list_sha256, "b", 1);
    e.labels.values = malloc(3 * sizeof *e.labels.values);
    e.unknown = malloc(sizeof *e.unknown);
    e.answers = malloc(IMAGES * sizeof *e.answers);
    assert_true(e.labels.values != NULL && e.unknown != NULL && e.answers != NULL);
    while (e.labels.count < 3) {
        e.labels.values[e.labels.count] = copy(labels[e.labels.count]);
        e.labels.count++;
    }
    e.unknown[e.unknown_count++] = copy("d/zebra");
    for (size_t i = index - 1; i < IMAGES; i += SHARDS)
        e.answers[e.count++] = answer_of(i);
    return e;
}

static void assert_same_answer(const vit158_eval_answer *a, const vit158_eval_answer *b)
{
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->problem != NULL, b->problem != NULL);
    if (a->problem != NULL)
        assert_string_equal(a->problem, b->problem);
    assert_int_equal(a->truth, b->truth);
    assert_int_equal(a->predicted, b->predicted);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
    assert_memory_equal(&a->ms, &b->ms, sizeof a->ms);
}

/* A part's text, to be freed. */
static uint8_t *sample(size_t *n_bytes)
{
    vit158_evaluation e = shard_of(1);
    vit158_error error;
    uint8_t *text;
    assert_int_equal(vit158_part_write(&e, OUT, &error), VIT158_OK);
    assert_int_equal(vit158_file_read(&text, n_bytes, OUT, 0, &error), VIT158_OK);
    remove(OUT);
    vit158_evaluation_free(&e);
    return text;
}

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *const text = sample(&n_bytes);
    vit158_evaluation e, expected = shard_of(1);
    vit158_error error;
    assert_int_equal(vit158_part_parse(&e, text, n_bytes, &error), VIT158_OK);
    assert_string_equal(e.model, "m");
    assert_string_equal(e.model_sha256, expected.model_sha256);
    assert_string_equal(e.list_sha256, expected.list_sha256);
    assert_string_equal(e.merge, "off");
    assert_string_equal(e.engine, "avx2");
    assert_true(e.memory_bytes == 1001.0);
    assert_int_equal(e.numerics_version, 1);
    assert_int_equal(e.labels.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_string_equal(e.labels.values[i], expected.labels.values[i]);
    assert_int_equal(e.unknown_count, 1);
    assert_string_equal(e.unknown[0], "d/zebra");
    assert_int_equal(e.images, IMAGES);
    assert_int_equal(e.count, 3);
    for (size_t i = 0; i < e.count; i++)
        assert_same_answer(&e.answers[i], &expected.answers[i]);
    vit158_evaluation_free(&e);
    vit158_evaluation_free(&expected);
    free(text);
}

/* In memory of exactly this size, for the sanitizer. */
static vit158_status parse(const uint8_t *text, size_t n_bytes)
{
    uint8_t *const exact = malloc(n_bytes > 0 ? n_bytes : 1);
    vit158_evaluation e;
    vit158_error error = {0};
    assert_non_null(exact);
    memcpy(exact, text, n_bytes);
    const vit158_status status = vit158_part_parse(&e, exact, n_bytes, &error);
    if (status != VIT158_OK) {
        assert_true(strlen(error.message) > 10);
        assert_null(e.answers);
    }
    vit158_evaluation_free(&e);
    free(exact);
    return status;
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    size_t n_bytes;
    uint8_t *const text = sample(&n_bytes);
    for (size_t n = 0; n < n_bytes; n++)
        assert_int_equal(parse(text, n), VIT158_E_FORMAT);
    assert_int_equal(parse(text, n_bytes), VIT158_OK);
    free(text);
}

static void test_any_byte_changed(void **state)
{
    (void)state;
    static const uint8_t changes[] = {0, '"', '{', '}', '[', ']', ',', '9', 'e', '\\', 0xC3};
    size_t n_bytes, read = 0, refused = 0;
    uint8_t *const text = sample(&n_bytes);
    const size_t hashed =
        n_bytes - (sizeof VIT158_PART_TAIL - 1) - 64 - (sizeof VIT158_PART_END - 1);
    for (size_t i = 0; i < n_bytes; i++) {
        const uint8_t before = text[i];
        for (size_t k = 0; k < sizeof changes; k++) {
            char hash[65];
            if (changes[k] == before)
                continue;
            text[i] = changes[k];
            assert_int_not_equal(parse(text, n_bytes), VIT158_OK);
            if (i >= hashed)
                continue;
            /* As somebody who knows the format would do it. */
            uint8_t kept[64];
            uint8_t *const place = text + hashed + sizeof VIT158_PART_TAIL - 1;
            memcpy(kept, place, 64);
            vit158_sha256_hex(hash, text, hashed);
            memcpy(place, hash, 64);
            *(parse(text, n_bytes) == VIT158_OK ? &read : &refused) += 1;
            memcpy(place, kept, 64);
        }
        text[i] = before;
    }
    assert_true(refused > 6 * read && read > 100);
    free(text);
}

static void test_shards_share_out_every_image(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 9; count++)
        for (size_t images = 0; images < 20; images++) {
            size_t sum = 0;
            for (uint32_t index = 1; index <= count; index++) {
                size_t expected = 0;
                for (size_t i = 0; i < images; i++)
                    expected += i % count == index - 1;
                const size_t size = vit158_shard_size((vit158_shard){index, count}, images);
                assert_int_equal(size, expected);
                sum += size;
            }
            assert_int_equal(sum, images);
        }
}

static void test_shards_in_words(void **state)
{
    (void)state;
    vit158_shard shard;
    assert_true(vit158_shard_parse(&shard, "17/1000000"));
    assert_int_equal(shard.index, 17);
    assert_int_equal(shard.count, 1000000);
    static const char *const wrong[] = {"",     "1",    "/",     "1/",    "/1",        "0/1",
                                        "2/1",  "01/2", "1/1/1", "1.0/2", "1/1000001", "1/99999999",
                                        "-1/2", " 1/2", "1/2 ",  "a/b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(vit158_shard_parse(&shard, wrong[i]));
}

static void test_all_orders_are_the_whole(void **state)
{
    (void)state;
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const names[SHARDS] = {OUT ".1", OUT ".2", OUT ".3"};
    vit158_error error;
    const char *subject;
    for (uint32_t s = 0; s < SHARDS; s++) {
        vit158_evaluation e = shard_of(s + 1);
        assert_int_equal(vit158_part_write(&e, names[s], &error), VIT158_OK);
        vit158_evaluation_free(&e);
    }
    for (int k = 0; k < 6; k++) {
        vit158_evaluation e;
        char *paths[SHARDS];
        for (int s = 0; s < SHARDS; s++)
            paths[s] = copy(names[orders[k][s]]);
        assert_int_equal(vit158_parts_combine(&e, &subject, paths, SHARDS, &error), VIT158_OK);
        assert_int_equal(e.count, IMAGES);
        for (size_t i = 0; i < IMAGES; i++) {
            vit158_eval_answer expected = answer_of(i);
            assert_same_answer(&e.answers[i], &expected);
            free(expected.path);
            free(expected.problem);
        }
        assert_string_equal(e.engine, "avx2+simd128");
        assert_true(e.memory_bytes == 1003.0);
        assert_int_equal(vit158_eval_failed(&e), 2);
        vit158_evaluation_free(&e);
        assert_int_equal(vit158_parts_combine(&e, &subject, paths, 2, &error), VIT158_E_ARGUMENT);
        assert_null(subject);
        assert_null(e.answers);
        for (int s = 0; s < SHARDS; s++)
            free(paths[s]);
    }
    for (int s = 0; s < SHARDS; s++)
        remove(names[s]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_shards_share_out_every_image),
        cmocka_unit_test(test_shards_in_words),
        cmocka_unit_test(test_all_orders_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
