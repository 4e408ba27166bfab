/* SPDX-License-Identifier: MIT
 *
 * base/: text formatting, arena, rng, SHA-256, bytes cursor.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/text.h"

static void test_format_covers_every_directive(void **state)
{
    (void)state;
    char out[128];
    const size_t n =
        vit158_format(out, sizeof out, "%s|%.*s|%c|%d|%d|%u|%zu|%llu|%%", "abc", 2, "xyz", 'q', -42,
                      7, 4000000000U, (size_t)12, 18446744073709551615ULL);
    assert_string_equal(out, "abc|xy|q|-42|7|4000000000|12|18446744073709551615|%");
    assert_int_equal(n, strlen(out));
    vit158_format(out, sizeof out, "%.*s|%.*s|", 9, "ab", 1, (const char[]){'c'});
    assert_string_equal(out, "ab|c|"); /* a text that ends earlier; one without an end */
}

static void test_format_cuts_between_characters(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(vit158_format(out, sizeof out, "a%s", "\xC3\xA4\xC3\xB6"), 3);
    assert_string_equal(out, "a\xC3\xA4");
    char short_out[3];
    vit158_format(short_out, sizeof short_out, "ab%s", "\xC3\xA4");
    assert_string_equal(short_out, "ab");
    vit158_format(short_out, sizeof short_out, "a%s", "\xC3\xA4");
    assert_string_equal(short_out, "a");
    assert_int_equal(vit158_format(out, 0, "abc"), 0);
}

static void test_fail_fills_the_error(void **state)
{
    (void)state;
    vit158_error error;
    assert_int_equal(vit158_fail(&error, VIT158_E_LIMIT, "tensor %s: %u", "x", 3U), VIT158_E_LIMIT);
    assert_int_equal(error.status, VIT158_E_LIMIT);
    assert_string_equal(error.message, "tensor x: 3");
    vit158_fail(&error, VIT158_E_LIMIT, "%s", "a\x1B[2J\nb\x7F");
    assert_string_equal(error.message, "a?[2J?b?");
    assert_int_equal(vit158_fail(NULL, VIT158_E_JSON, "unused"), VIT158_E_JSON);
}

static void test_arena_measures_then_hands_out(void **state)
{
    (void)state;
    vit158_arena arena = {0};
    assert_null(vit158_arena_take(&arena, 3, 5));
    assert_null(vit158_arena_take(&arena, 65, 1));
    assert_int_equal(arena.used, 64 + 128);
    void *block = aligned_alloc(64, arena.used);
    arena = vit158_arena_over(block, arena.used);
    uint8_t *a = vit158_arena_take(&arena, 3, 5);
    uint8_t *b = vit158_arena_take(&arena, 65, 1);
    assert_ptr_equal(a, block);
    assert_ptr_equal(b, a + 64);
    assert_false(arena.overflow);
    assert_null(vit158_arena_take(&arena, 1, 1));
    assert_true(arena.overflow);
    free(block);
}

static void test_arena_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    vit158_arena arena = {0};
    assert_null(vit158_arena_take(&arena, SIZE_MAX / 2, 3));
    assert_true(arena.overflow);
    arena = (vit158_arena){0};
    vit158_arena_take(&arena, SIZE_MAX - 127, 1);
    assert_false(arena.overflow);
    vit158_arena_take(&arena, 128, 1);
    assert_true(arena.overflow);
    arena = (vit158_arena){0};
    vit158_arena_take(&arena, SIZE_MAX, 0); /* nothing, however often */
    assert_true(!arena.overflow && arena.used == 0);
    arena = (vit158_arena){0}; /* rounding up overflows */
    assert_null(vit158_arena_take(&arena, SIZE_MAX - 10, 1));
    assert_true(arena.overflow && arena.used == 0);
}

static void test_arena_overlays_alternatives(void **state)
{
    (void)state;
    uint8_t *block = aligned_alloc(64, 512);
    vit158_arena arena = vit158_arena_over(block, 512);
    vit158_arena_take(&arena, 1, 64);
    vit158_overlay overlay = vit158_overlay_begin(&arena);
    assert_ptr_equal(vit158_arena_take(&arena, 2, 64), block + 64);
    vit158_overlay_next(&overlay, &arena);
    assert_ptr_equal(vit158_arena_take(&arena, 1, 64), block + 64);
    assert_ptr_equal(vit158_arena_take(&arena, 2, 64), block + 128);
    vit158_overlay_next(&overlay, &arena);
    assert_ptr_equal(vit158_arena_take(&arena, 1, 1), block + 64);
    vit158_overlay_end(&overlay, &arena);
    assert_int_equal(arena.used, 256);
    assert_ptr_equal(vit158_arena_take(&arena, 1, 64), block + 256);
    free(block);
}

static void test_rng_is_the_published_sequence(void **state)
{
    (void)state;
    /* xoshiro256** from state {1, 2, 3, 4}: first outputs of the authors' reference code. */
    vit158_rng rng = {{1, 2, 3, 4}};
    assert_true(vit158_rng_next(&rng) == 11520);
    assert_true(vit158_rng_next(&rng) == 0);
    assert_true(vit158_rng_next(&rng) == 1509978240);
    /* splitmix64 from 0: 0xE220A8397B1DCDAF is its first output. */
    assert_true(vit158_rng_seed(0).state[0] == 0xE220A8397B1DCDAFULL);
}

static void test_rng_ranges(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(7);
    uint32_t seen[10] = {0};
    double sum = 0, square = 0;
    for (int i = 0; i < 10000; i++) {
        seen[vit158_rng_below(&rng, 10)]++;
        const float u = vit158_rng_uniform(&rng);
        assert_true(u >= 0.0F && u < 1.0F);
        const double g = vit158_rng_normal(&rng);
        sum += g;
        square += g * g;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 850, 1150);
    assert_true(sum / 1e4 > -0.05 && sum / 1e4 < 0.05);
    assert_true(square / 1e4 > 0.94 && square / 1e4 < 1.06);
}

static void test_sha256_vectors(void **state)
{
    (void)state;
    char hex[65];
    vit158_sha256_hex(hex, "", 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    vit158_sha256_hex(hex, "abc", 3);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    vit158_sha256_hex(hex, two_blocks, strlen(two_blocks));
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_sha256_pieces_equal_the_whole(void **state)
{
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 251);
    for (size_t n = 0; n <= sizeof data; n += 13) {
        char whole[65];
        vit158_sha256_hex(whole, data, n);
        for (size_t cut = 0; cut <= n; cut += 17) {
            vit158_sha256 hash = vit158_sha256_start();
            vit158_sha256_add(&hash, data, cut);
            vit158_sha256_add(&hash, data + cut, n - cut);
            uint8_t digest[32];
            vit158_sha256_end(&hash, digest);
            char hex[65];
            for (int i = 0; i < 32; i++)
                vit158_format(hex + (ptrdiff_t)2 * i, 3, "%c%c", "0123456789abcdef"[digest[i] >> 4],
                              "0123456789abcdef"[digest[i] & 15]);
            assert_string_equal(hex, whole);
        }
    }
}

static void test_bytes_fail_once_and_stay_failed(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    vit158_bytes in = vit158_bytes_over(data, sizeof data);
    assert_true(vit158_bytes_u64(&in, false) == 0x0807060504030201ULL);
    in.position = 0;
    assert_true(vit158_bytes_u64(&in, true) == 0x0102030405060708ULL);
    assert_int_equal(vit158_bytes_left(&in), 1);
    assert_int_equal(vit158_bytes_u16(&in, false), 0);
    assert_true(in.failed);
    assert_int_equal(vit158_bytes_u8(&in), 0);
}

/* A file's name comes before what was wrong with it, and only there. */
static void test_errors_with_a_name(void **state)
{
    (void)state;
    vit158_error error = {0};
    assert_int_equal(vit158_name_error(&error, VIT158_OK, "a.bin"), VIT158_OK);
    assert_string_equal(error.message, "");
    assert_int_equal(vit158_name_error(NULL, VIT158_E_IO, "a.bin"), VIT158_E_IO);
    vit158_fail(&error, VIT158_E_IO, "is gone");
    assert_int_equal(vit158_name_error(&error, VIT158_E_IO, "a.bin"), VIT158_E_IO);
    assert_string_equal(error.message, "a.bin: is gone");
    char out[8];
    vit158_format(out, sizeof out, "%.*s", 3, "abcdef"); /* longer than it may be */
    assert_string_equal(out, "abc");
}

/* Half of the draws are rejected for this bound; what is left is as often in either half. */
static void test_a_bound_that_rejects_draws(void **state)
{
    (void)state;
    vit158_rng rng = vit158_rng_seed(11);
    const uint32_t bound = 0x80000001U;
    int low = 0;
    for (int i = 0; i < 4000; i++) {
        const uint32_t value = vit158_rng_below(&rng, bound);
        assert_true(value < bound);
        low += value < bound / 2;
    }
    assert_in_range(low, 1800, 2200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_with_a_name),
        cmocka_unit_test(test_a_bound_that_rejects_draws),
        cmocka_unit_test(test_format_covers_every_directive),
        cmocka_unit_test(test_format_cuts_between_characters),
        cmocka_unit_test(test_fail_fills_the_error),
        cmocka_unit_test(test_arena_measures_then_hands_out),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(test_arena_overlays_alternatives),
        cmocka_unit_test(test_rng_is_the_published_sequence),
        cmocka_unit_test(test_rng_ranges),
        cmocka_unit_test(test_sha256_vectors),
        cmocka_unit_test(test_sha256_pieces_equal_the_whole),
        cmocka_unit_test(test_bytes_fail_once_and_stay_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
