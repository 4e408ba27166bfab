/* SPDX-License-Identifier: MIT
 *
 * Images made to exhaust memory or time, and sweeps over damaged files: every truncation, every
 * byte changed, memory running out at every allocation. Linked with calloc wrapped.
 */
#include "unit/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit/image_expect.h"
#include "unit/mutate.h"
#include "vit158.h"

/* -- A PNG around a deflate stream of our choice -- */

typedef struct writer {
    uint8_t *bytes;
    size_t n_bytes;
    size_t capacity;
    uint32_t bits; /* of the byte being filled, lowest first */
    uint32_t n_bits;
} writer;

static void put_byte(writer *w, uint32_t byte)
{
    if (w->n_bytes == w->capacity) {
        w->capacity = w->capacity * 2 + 1024;
        w->bytes = realloc(w->bytes, w->capacity);
        assert_non_null(w->bytes);
    }
    w->bytes[w->n_bytes++] = (uint8_t)byte;
}

static void put_bytes(writer *w, const char *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        put_byte(w, (uint8_t)bytes[i]);
}

static void put_bits(writer *w, uint32_t value, uint32_t n_bits)
{
    for (uint32_t i = 0; i < n_bits; i++) {
        w->bits |= (value >> i & 1) << w->n_bits;
        if (++w->n_bits == 8) {
            put_byte(w, w->bits);
            w->bits = w->n_bits = 0;
        }
    }
}

/* One deflate block with fixed codes: a zero, then `runs` copies of 258 zeros. */
static void put_zeros(writer *w, uint32_t runs)
{
    put_byte(w, 0x78);
    put_byte(w, 0x01);
    put_bits(w, 1 | 1 << 1, 3);
    put_bits(w, 0x0C, 8); /* literal 0: 00110000, most significant bit first */
    for (uint32_t i = 0; i < runs; i++) {
        put_bits(w, 0xA3, 8); /* length 258: 11000101 */
        put_bits(w, 0, 5);    /* distance 1 */
    }
    put_bits(w, 0, 7); /* end of block */
    if (w->n_bits > 0)
        put_bits(w, 0, 8 - w->n_bits);
    put_bytes(w, "\0\0\0\0", 4); /* the checksum, which stb_image does not check */
}

static writer png_of_zeros(uint32_t width, uint32_t height, uint32_t depth, uint32_t color_type,
                           uint32_t runs)
{
    writer w = {0};
    put_bytes(&w, "\x89PNG\r\n\x1A\n\0\0\0\15IHDR", 16);
    uint8_t header[13] = {0};
    test_put_u32(header, width);
    test_put_u32(header + 4, height);
    header[8] = (uint8_t)depth;
    header[9] = (uint8_t)color_type;
    put_bytes(&w, (const char *)header, sizeof header);
    put_bytes(&w, "crc0\0\0\0\0IDAT", 12);
    const size_t begin = w.n_bytes;
    put_zeros(&w, runs);
    test_put_u32(w.bytes + begin - 8, (uint32_t)(w.n_bytes - begin));
    put_bytes(&w, "crc1\0\0\0\0IENDcrc2", 16);
    test_fix_crcs(w.bytes, w.n_bytes);
    return w;
}

static void test_png_bombs(void **state)
{
    (void)state;
    writer w = png_of_zeros(200, 300, 8, 2, 700); /* 180,600 bytes: as much as it needs */
    vit158_image image;
    vit158_error error;
    assert_int_equal(vit158_image_decode(&image, w.bytes, w.n_bytes, 0, &error), VIT158_OK);
    for (size_t i = 0; i < (size_t)200 * 300 * 3; i++)
        assert_int_equal(image.data[i], 0);
    vit158_image_free(&image);
    test_expect_refusal("limit", w.bytes, w.n_bytes, 400000, VIT158_E_LIMIT, "the limit is 400000");
    free(w.bytes);

    w = png_of_zeros(1, 1, 8, 0, 100000); /* 25.8 MB for one pixel */
    test_expect_refusal("inflation", w.bytes, w.n_bytes, 0, VIT158_E_LIMIT, "inflate to more");
    free(w.bytes);
    w = png_of_zeros(16384, 16384, 16, 6, 8400000); /* 2 GiB, 13.6 MB compressed */
    test_expect_refusal("area", w.bytes, w.n_bytes, 0, VIT158_E_LIMIT, "16384 x 16384");
    test_expect_refusal("area", w.bytes, w.n_bytes, SIZE_MAX, VIT158_E_LIMIT,
                        "the limit is 2147483647");
    free(w.bytes);
    w = png_of_zeros(16384, 16384, 1, 0, 1000); /* 33 MB announced, 258 kB there */
    test_expect_refusal("promise", w.bytes, w.n_bytes, 0, VIT158_E_TRUNCATED, "cannot hold");
    free(w.bytes);
}

/* -- JPEG -- */

/* A copy with `count` times `bytes` inserted at the place. */
static uint8_t *insert_many(const uint8_t *file, size_t *n_bytes, const char *place, int offset,
                            const char *bytes, size_t n_each, size_t count)
{
    char *all = malloc(n_each * count);
    assert_non_null(all);
    for (size_t i = 0; i < count; i++)
        memcpy(all + i * n_each, bytes, n_each);
    const test_mutation insert = {TEST_INSERT, place, offset, all, n_each * count};
    uint8_t *result = test_mutate(file, n_bytes, &insert);
    assert_non_null(result);
    free(all);
    return result;
}

static void test_jpeg_bombs(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    uint8_t *file = test_load_image("grey_progressive.jpg", &n_bytes);
    test_expect_refusal("limit", file, n_bytes, 60000, VIT158_E_LIMIT, "the limit is 60000");

    /* An empty refinement scan, again and again. */
    static const char scan[] = "\xFF\xDA\0\10\1\1\0\0\0\x10";
    size_t n_many = n_bytes;
    uint8_t *many = insert_many(file, &n_many, "D9", 0, scan, sizeof scan - 1, 100);
    test_expect_refusal("scans", many, n_many, 0, VIT158_E_LIMIT, "more than 100 scans");
    free(many);
    free(file);

    /* 16384 x 16384 with enough bytes in the scan to be believed. */
    file = test_load_image("baseline_444.jpg", &n_bytes);
    const test_mutation enlarge = {TEST_SET, "C0", 5, "\x40\0\x40\0", 4};
    uint8_t *large = test_mutate(file, &n_bytes, &enlarge);
    assert_non_null(large);
    many = insert_many(large, &n_bytes, "DA", 14, "\0", 1, 2000000);
    test_expect_refusal("area", many, n_bytes, 0, VIT158_E_LIMIT, "decoding 16384 x 16384");
    free(many);
    free(large);
    free(file);

    /* 59 scans of 4096 x 4096 pixels are work for 1e9, the 60th is not. */
    file = test_load_image("grey_progressive.jpg", &n_bytes);
    const test_mutation widen = {TEST_SET, "C2", 5, "\x10\0\x10\0", 4};
    large = test_mutate(file, &n_bytes, &widen);
    assert_non_null(large);
    many = insert_many(large, &n_bytes, "D9", 0, scan, sizeof scan - 1, 60);
    test_expect_refusal("work", many, n_bytes, 0, VIT158_E_LIMIT,
                        "more than 59 scans of 4096 x 4096 pixels");
    /* Mended files are held to it, too. */
    uint8_t *junk = insert_many(many, &n_bytes, "DA", 0, "\0", 1, 2);
    test_expect_refusal("mended work", junk, n_bytes, 0, VIT158_E_LIMIT, "more than 59 scans");
    free(junk);
    free(many);
    free(large);
    free(file);
}

/* -- Sweeps -- */

static const char *const sweep_files[] = {
    "grey_2.png",       "indexed_4_interlaced.png", "rgb_8.png",    "orientation_6.png",
    "baseline_422.jpg", "progressive.jpg",          "restarts.jpg", "cmyk.jpg",
    "orientation_6.jpg"};
#define SWEEP_FILES (sizeof sweep_files / sizeof *sweep_files)

#define ANY VIT158_E_ARGUMENT /* no answer of the decoder */

/* Expects a status, or any that is an answer; the same bytes give the same one. */
static void decode_twice(const uint8_t *bytes, size_t n_bytes, vit158_status expected)
{
    vit158_image a, b;
    vit158_error error = {0};
    const vit158_status status = vit158_image_decode(&a, bytes, n_bytes, 0, &error);
    assert_int_equal(vit158_image_decode(&b, bytes, n_bytes, 0, NULL), status);
    assert_true(expected == ANY || status == expected);
    if (status == VIT158_OK) {
        assert_true(a.width == b.width && a.height == b.height && a.pixels == b.pixels);
        assert_memory_equal(a.data, b.data, (size_t)a.row_bytes * a.height);
    } else {
        assert_true(status == VIT158_E_FORMAT || status == VIT158_E_TRUNCATED ||
                    status == VIT158_E_LIMIT || status == VIT158_E_IMAGE ||
                    status == VIT158_E_UNSUPPORTED);
        assert_true(strlen(error.message) > 10);
    }
    vit158_image_free(&a);
    vit158_image_free(&b);
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t f = 0; f < SWEEP_FILES; f++) {
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(sweep_files[f], &n_bytes);
        for (size_t n = 1; n < n_bytes; n++) {
            uint8_t *cut = malloc(n); /* exactly, so that reading beyond is seen */
            assert_non_null(cut);
            memcpy(cut, file, n);
            /* After its image data a PNG is whole. */
            if (file[0] == 0x89 && n >= test_find(file, n_bytes, "IEND"))
                decode_twice(cut, n, VIT158_OK);
            else
                test_expect_refusal(sweep_files[f], cut, n, 0, VIT158_E_TRUNCATED, "");
            free(cut);
        }
        free(file);
    }
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t changes[] = {0xFF, 0x01, 0x10};
    for (size_t f = 0; f < SWEEP_FILES; f++) {
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(sweep_files[f], &n_bytes);
        uint8_t *changed = malloc(n_bytes);
        assert_non_null(changed);
        for (size_t i = 0; i < n_bytes * sizeof changes; i++) {
            memcpy(changed, file, n_bytes);
            changed[i / sizeof changes] ^= changes[i % sizeof changes];
            decode_twice(changed, n_bytes, ANY);
            if (file[0] == 0x89) { /* PNG: past the checksum, too */
                test_fix_crcs(changed, n_bytes);
                decode_twice(changed, n_bytes, ANY);
            }
        }
        free(changed);
        free(file);
    }
}

/* -- Memory running out -- */

static int allocations_left = -1; /* -1: no limit */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left == 0)
        return NULL;
    if (allocations_left > 0)
        allocations_left--;
    return __real_calloc(count, size);
}

static void test_every_allocation_failing(void **state)
{
    (void)state;
    /* Each with an allocation of its own: of colours, to turn, to mend a copy, of a WebP's pixels.
     */
    static const char *const files[] = {
        "rgb_8.png",
        "indexed_4_interlaced.png",
        "progressive.jpg",
        "orientation_6.jpg",
        "orientation_8.png",
        "../fuzz/fuzz_image/zeros.jpg",
#if defined(VIT158_HAVE_WEBP)
        "orientation_6.webp"
#endif
    };
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(files[f], &n_bytes);
        vit158_status status = VIT158_E_MEMORY;
        int allowed = 0;
        for (; status != VIT158_OK && allowed < 100; allowed++) {
            vit158_image image;
            vit158_error error = {0};
            allocations_left = allowed;
            status = vit158_image_decode(&image, file, n_bytes, 0, &error);
            allocations_left = -1;
            if (status != VIT158_OK && status != VIT158_E_MEMORY)
                fail_msg("%s, %d allocations: %s", files[f], allowed, error.message);
            vit158_image_free(&image);
        }
        assert_int_equal(status, VIT158_OK);
        assert_true(allowed >= 3); /* libwebp's own are not counted here */
        free(file);
    }
    const test_mutation stray = {TEST_INSERT, "DA", 0, "abc", 3};
    size_t n_bytes = 0;
    uint8_t *whole = test_load_image("grey.jpg", &n_bytes);
    uint8_t *file = test_mutate(whole, &n_bytes, &stray);
    allocations_left = 0;
    vit158_image image;
    vit158_error error = {0};
    const vit158_status status = vit158_image_decode(&image, file, n_bytes, 0, &error);
    allocations_left = -1;
    assert_int_equal(status, VIT158_E_MEMORY);
    assert_non_null(strstr(error.message, "no memory to mend"));
    free(file);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_bombs),
        cmocka_unit_test(test_jpeg_bombs),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_every_allocation_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
