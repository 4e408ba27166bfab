/* SPDX-License-Identifier: MIT
 *
 * WebP files that are cut, changed, or say what they do not hold; whole ones are compared with
 * Pillow in test_image_decode.c. Without libwebp: the sentence of the refusal.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "unit/image_expect.h"
#include "vit158.h"

#if defined(VIT158_HAVE_WEBP)
#include <webp/decode.h>

static const char *const files[] = {"lossy.webp", "lossless.webp", "lossy_alpha.webp",
                                    "animated.webp", "orientation_6.webp"};

/* Where the image of a file ends, as the length in its RIFF header has it or, for the last two, the
 * first frame and the image before its EXIF chunk. */
static size_t end_of_image(const uint8_t *bytes)
{
    static const uint8_t frame[] = {'A', 'N', 'M', 'F'};
    uint32_t n;
    memcpy(&n, bytes + 4, 4);
    if (memcmp(bytes + 44, frame, 4) == 0) { /* RIFF 12, VP8X 18, ANIM 14 */
        memcpy(&n, bytes + 48, 4);
        return 44 + 8 + n;
    }
    return 8 + n;
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        size_t n_bytes = 0;
        uint8_t *bytes = test_load_image(files[f], &n_bytes);
        const size_t whole = end_of_image(bytes);
        assert_in_range(whole, 50, n_bytes);
        for (size_t n = 12; n < whole; n++) {
            uint8_t *cut = malloc(n); /* so that ASan sees a byte too many */
            memcpy(cut, bytes, n);
            test_expect_refusal(files[f], cut, n, 0, VIT158_E_TRUNCATED, "WebP");
            free(cut);
        }
        free(bytes);
    }
}

static void test_any_byte_changed(void **state)
{
    (void)state;
    unsigned decoded = 0, refused = 0;
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        size_t n_bytes = 0;
        uint8_t *bytes = test_load_image(files[f], &n_bytes);
        for (size_t at = 0; at < n_bytes * 2; at++) {
            const uint8_t change = at < n_bytes ? 0x11 : 0x80;
            bytes[at % n_bytes] ^= change;
            vit158_image image;
            vit158_error error = {0};
            if (vit158_image_decode(&image, bytes, n_bytes, 16 << 20, &error) == VIT158_OK) {
                decoded++;
                assert_true(image.width >= 1 && image.width <= VIT158_MAX_IMAGE_SIDE);
            } else {
                refused++;
                assert_null(image.data);
                assert_true(strlen(error.message) > 10);
            }
            vit158_image_free(&image);
            bytes[at % n_bytes] ^= change;
        }
        free(bytes);
    }
    assert_true(decoded > 1000 && refused > 200);
}

typedef struct changed {
    const char *file;
    size_t at;
    const char *bytes;
    size_t n_bytes;
    vit158_status status;
    const char *words;
} changed;

#define BYTES(literal) literal, sizeof(literal) - 1

/* animated.webp: VP8X's data at 20 (flags, canvas of 41 x 33 at 24 and 27), ANMF's at 52 (place,
 * 24 x 18 at 58 and 61), its image's chunk at 68. */
static const changed changes[] = {
    {"animated.webp", 24, BYTES("\0\x40\0"), VIT158_E_LIMIT, "16385 x 33 pixels, at most 16384"},
    {"animated.webp", 27, BYTES("\xFF\xFF\xFF"), VIT158_E_LIMIT, "41 x 16777216 pixels"},
    {"animated.webp", 24, BYTES("\x08\0\0"), VIT158_E_IMAGE, "not inside the canvas of 9 x 33"},
    {"animated.webp", 52, BYTES("\xFF\xFF\xFF"), VIT158_E_IMAGE, "not inside the canvas"},
    {"animated.webp", 55, BYTES("\xFF\xFF\xFF"), VIT158_E_IMAGE, "not inside the canvas"},
    {"animated.webp", 58, BYTES("\x10"), VIT158_E_IMAGE, "of 17 x 18 pixels holds an image of 24"},
    {"animated.webp", 61, BYTES("\x10"), VIT158_E_IMAGE, "of 24 x 17 pixels holds an image of 24"},
    {"animated.webp", 48, BYTES("\x06\0\0\0"), VIT158_E_IMAGE, "a frame of 6 bytes"},
    {"animated.webp", 16, BYTES("\x06\0\0\0"), VIT158_E_IMAGE, "a header of 6 bytes"},
    {"animated.webp", 68, BYTES("VP8?"), VIT158_E_IMAGE, "damaged"},
    {"lossless.webp", 20, BYTES("\x2E"), VIT158_E_IMAGE, "damaged"},
    {"lossy.webp", 23, BYTES("\x9D\x01\x2B"), VIT158_E_IMAGE, "damaged"},
    {"orientation_6.webp", 24, BYTES("\x20\0\0"), VIT158_E_IMAGE, "damaged"},
};

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const changed *c = &changes[i];
        size_t n_bytes = 0;
        uint8_t *bytes = test_load_image(c->file, &n_bytes);
        assert_true(c->at + c->n_bytes <= n_bytes);
        memcpy(bytes + c->at, c->bytes, c->n_bytes);
        test_expect_refusal(c->file, bytes, n_bytes, 0, c->status, c->words);
        free(bytes);
    }
}

/* Chunks behind the image: the first EXIF counts, whatever it holds, and the last may lack its pad.
 */
static void test_chunks_behind_the_image(void **state)
{
    (void)state;
#define EXIF_3 "EXIF\x1A\0\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\3\0\0\0\0\0\0\0"
    static const struct {
        const char *file, *bytes;
        size_t n_bytes;
        uint32_t width;
    } cases[] = {{"animated.webp", BYTES("ABCD\3\0\0\0abc"), 41},
                 {"animated.webp", BYTES("EXIF\2\0\0\0ab" EXIF_3), 41},
                 {"animated.webp", BYTES("EXIF\6\0\0\0abcdef"), 41},
                 {"orientation_6.webp", BYTES(EXIF_3), 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n_bytes = 0;
        uint8_t *bytes = test_load_image(cases[i].file, &n_bytes);
        vit158_image right, found;
        assert_int_equal(vit158_image_decode(&right, bytes, n_bytes, 0, NULL), VIT158_OK);
        uint8_t *longer = malloc(n_bytes + cases[i].n_bytes);
        memcpy(longer, bytes, n_bytes);
        memcpy(longer + n_bytes, cases[i].bytes, cases[i].n_bytes);
        n_bytes += cases[i].n_bytes;
        for (int b = 0; b < 4; b++) /* RIFF's length */
            longer[4 + b] = (uint8_t)((n_bytes - 8) >> (8 * b));
        assert_int_equal(vit158_image_decode(&found, longer, n_bytes, 0, NULL), VIT158_OK);
        assert_true(found.width == right.width && found.height == right.height);
        assert_true(cases[i].width == 0 || found.width == cases[i].width);
        assert_memory_equal(found.data, right.data, (size_t)right.row_bytes * right.height);
        vit158_image_free(&right);
        vit158_image_free(&found);
        free(longer);
        free(bytes);
    }
}

/* libwebp's other words: of memory, and of kinds that it does not read yet. */
static VP8StatusCode answer; /* of the next call, VP8_STATUS_OK: its own */

VP8StatusCode __real_WebPDecode(const uint8_t *data, size_t n_bytes, WebPDecoderConfig *config);
VP8StatusCode __wrap_WebPDecode(const uint8_t *data, size_t n_bytes, WebPDecoderConfig *config);
VP8StatusCode __wrap_WebPDecode(const uint8_t *data, size_t n_bytes, WebPDecoderConfig *config)
{
    return answer != VP8_STATUS_OK ? answer : __real_WebPDecode(data, n_bytes, config);
}

static void test_words_of_libwebp(void **state)
{
    (void)state;
    static const struct {
        VP8StatusCode answer;
        vit158_status status;
        const char *words;
    } cases[] = {{VP8_STATUS_OUT_OF_MEMORY, VIT158_E_MEMORY, "no memory left"},
                 {VP8_STATUS_SUSPENDED, VIT158_E_TRUNCATED, "ends before its image does"},
                 {VP8_STATUS_UNSUPPORTED_FEATURE, VIT158_E_UNSUPPORTED, "libwebp does not read"},
                 {VP8_STATUS_USER_ABORT, VIT158_E_IMAGE, "damaged data"}};
    size_t n_bytes = 0;
    uint8_t *bytes = test_load_image("lossy.webp", &n_bytes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer = cases[i].answer;
        test_expect_refusal("lossy.webp", bytes, n_bytes, 0, cases[i].status, cases[i].words);
    }
    answer = VP8_STATUS_OK;
    free(bytes);
}

/* The largest lossless image is a few bytes: 14 bits for each side less 1. */
static void test_large_images_are_refused_by_their_head(void **state)
{
    (void)state;
    uint8_t file[64] = "RIFF\x38\0\0\0WEBPVP8L\x2C\0\0\0\x2F\xFE\xBF\xFF\x0F";
    test_expect_refusal("16383 x 16383", file, sizeof file, 0, VIT158_E_LIMIT,
                        "decoding 16383 x 16383 pixels needs 21");
    size_t n_bytes = 0;
    uint8_t *bytes = test_load_image("lossy_alpha.webp", &n_bytes);
    test_expect_refusal("no room", bytes, n_bytes, 37 * 29 * 9, VIT158_E_LIMIT,
                        "the limit is 9657");
    vit158_image image;
    const size_t room = 37 * 29 * 9 + 37 * 128;
    assert_int_equal(vit158_image_decode(&image, bytes, n_bytes, room, NULL), VIT158_OK);
    vit158_image_free(&image);
    free(bytes);
}

#else

static void test_refused_without_libwebp(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    uint8_t *bytes = test_load_image("lossy.webp", &n_bytes);
    test_expect_refusal("lossy.webp", bytes, n_bytes, 0, VIT158_E_UNSUPPORTED,
                        "no libwebp; save the image as JPEG");
    free(bytes);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(VIT158_HAVE_WEBP)
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_chunks_behind_the_image),
        cmocka_unit_test(test_words_of_libwebp),
        cmocka_unit_test(test_large_images_are_refused_by_their_head),
#else
        cmocka_unit_test(test_refused_without_libwebp),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
