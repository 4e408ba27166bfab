/* SPDX-License-Identifier: MIT
 *
 * Images with faults that Pillow and browsers look past: each is one of the test images with
 * one change, and must give the pixels of the unchanged one.
 */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "unit/image_expect.h"
#include "unit/mutate.h"
#include "vit158.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define NOTHING NULL, 0

typedef struct mended {
    const char *file;
    test_mutation mutation;
} mended;

/* DHT segments of a table of this class and number: one code of 2 bits, whose value is no DC code;
 * four codes of one bit. */
#define DC_OF_77(number) "\xFF\xC4\0\x14" number "\0\1" ZEROS_14 "\x4D"
#define FOUR_OF_ONE_BIT(number) "\xFF\xC4\0\x17" number "\4\0" ZEROS_14 "\1\2\3\4"
/* A DQT segment of a table of ones. */
#define ONES_16 "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
#define ONES_OF(number) "\xFF\xDB\0\x43" number ONES_16 ONES_16 ONES_16 ONES_16
#define ZEROS_14 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* clang-format off */
static const mended cases[] = {
    /* Bytes and markers between segments. */
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\0")}},
    {"baseline_444.jpg", {TEST_INSERT, "C0", 0, BYTES("\xFF\xFF\0\xFF\0")}},
    {"baseline_444.jpg", {TEST_INSERT, "C4", 0, BYTES("\0\0\0")}},
    {"baseline_420.jpg", {TEST_INSERT, "DA", 0, BYTES("abc")}},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xD0")}},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xD7\xFF\1")}},
    {"progressive.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xD3\0\0")}},
    {"orientation_6.jpg", {TEST_INSERT, "E1", 0, BYTES("\xFF\0")}},
    {"restarts.jpg", {TEST_INSERT, "DD", 0, BYTES("\xFF\xD1")}},
    /* Lengths and parameters that nobody reads. */
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xFE\0\1")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xEB\0\0what")}},
    {"baseline_444.jpg", {TEST_SET, "DA", 11, BYTES("\1\5\x37")}},
    {"baseline_422.jpg", {TEST_SET, "DA", 12, BYTES("\0")}},
    {"ycck.jpg", {TEST_SET, "EE", 15, BYTES("\1")}},
    /* Segments of other programs, and what comes a second time. */
    {"orientation_6.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xE1\0\4ab")}},
    {"orientation_6.jpg", {TEST_INSERT, "E1", 0, BYTES("\xFF\xE1\0\4ab")}},
    {"baseline_444.jpg", {TEST_INSERT, "E0", 0, BYTES("\xFF\xE0\0\4ab")}},
    {"baseline_444.jpg", {TEST_INSERT, "E0", 0, BYTES("\xFF\xE0\0\4ab\xFF\0")}},
    {"orientation_6.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xE1\0\12http://x")}},
    {"orientation_6.jpg", {TEST_INSERT, "DB", 0,
     BYTES("\xFF\xE1\0\x22" "Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\3\0\0\0\0\0\0\0")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xEE\0\6abcd")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xEE\0\16whatwhatwhat")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xE0\0\4ab")}},
    {"baseline_444.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xDC\0\4\0\x1D")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xDC\0\4\0\x1D")}},
    {"baseline_444.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xDC\0\4\1\0")}},
    /* The same where something else is mended, too. */
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xEE\0\6abcd\xFF\0")}},
    {"baseline_444.jpg", {TEST_INSERT, "DB", 0, BYTES("\xFF\xE0\0\4ab\xFF\xDC\0\4\0\x1D\xFF\0")}},
    {"grey_progressive.jpg", {TEST_INSERT, "DA", 0, BYTES("abc")}},
    {"progressive_420.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xFE\0\1")}},
    {"rgb_components.jpg", {TEST_INSERT, "DA", 0, BYTES("abc")}},
    {"ycck.jpg", {TEST_INSERT, "DA", 0, BYTES("abc")}},
    {"cmyk.jpg", {TEST_INSERT, "DA", 0, BYTES("abc")}},
    /* Left out: Huffman tables, one (set to number 2) or all; the Adobe segment. */
    {"baseline_444.jpg", {TEST_SET, "C4", 4, BYTES("\2")}},
    {"baseline_444.jpg", {TEST_CUT, "C4", 0, NULL, 33 + 183 + 33 + 183}},
    {"grey.jpg", {TEST_CUT, "C4", 0, NULL, 33 + 183}},
    {"cmyk.jpg", {TEST_SET, "EE", 4, BYTES("adobe")}},
    {"cmyk.jpg", {TEST_CUT, "EE", 0, NULL, 16}},
    /* Damaged Huffman tables that no scan uses: of another number, replaced, behind the last. */
    {"baseline_444.jpg", {TEST_INSERT, "DA", 0, BYTES(DC_OF_77("\3"))}},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES(FOUR_OF_ONE_BIT("\x12"))}},
    {"progressive.jpg", {TEST_INSERT, "C4", 0, BYTES(FOUR_OF_ONE_BIT("\0"))}},
    {"baseline_420.jpg", {TEST_INSERT, "C4", 0, BYTES(DC_OF_77("\1"))}},
    {"grey.jpg", {TEST_INSERT, "D9", 0, BYTES(FOUR_OF_ONE_BIT("\x10"))}},
    {"baseline_444.jpg", {TEST_INSERT, "DA", 0, BYTES(FOUR_OF_ONE_BIT("\x12") "abc")}},
    /* Quantization tables behind all first scans of a progressive image, which nobody takes; tables
     * that are not used. */
    {"progressive.jpg", {TEST_INSERT, "D9", 0, BYTES(ONES_OF("\0"))}},
    {"progressive_420.jpg", {TEST_INSERT, "D9", 0, BYTES(ONES_OF("\1"))}},
    {"progressive.jpg", {TEST_INSERT, "DA", 0, BYTES(ONES_OF("\3"))}},
    {"progressive.jpg", {TEST_INSERT, "DA", 0, BYTES(ONES_OF("\3") "abc")}},
    {"grey.jpg", {TEST_INSERT, "D9", 0, BYTES(ONES_OF("\0") "\xFF\xD0")}},
    /* Restarts behind the last interval, also with bytes that fill. */
    {"grey.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xD0")}},
    {"baseline_420.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xD3\xFF\xD4")}},
    {"baseline_444.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xFF\xD7\xFF\xFF")}},
    {"progressive.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xD1")}},
    {"restarts.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xD5")}},
    /* A trailer between the image and an end marker. */
    {"grey.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\x33SEFT\0\0")}},
    {"grey.jpg", {TEST_INSERT, "D9", 0, BYTES("\xFF\xF0\xFF\xFFSEFT\0\0")}},
    /* PNG: checksums of what is not needed, the end. */
    {"rgb_8.png", {TEST_SET, "tRNS", 8, BYTES("\7")}},
    {"other_chunks.png", {TEST_SET, "tEXt", 9, BYTES("?")}},
    {"other_chunks.png", {TEST_SET, "gAMA", 12, BYTES("????")}},
    {"rgb_8.png", {TEST_END, "IEND", 0, NOTHING}},
    {"indexed_4.png", {TEST_END, "IEND", 2, NOTHING}},
    {"rgb_8_interlaced.png", {TEST_END, "IEND", 6, NOTHING}},
    {"rgb_8.png", {TEST_SET, "IEND", 8, BYTES("\0")}},
    {"rgb_8.png", {TEST_SET, "IEND", 3, BYTES("\1")}},
    {"rgb_8.png", {TEST_SET, "IEND", 0, BYTES("\xFF")}},
    {"rgb_8.png", {TEST_INSERT, "IEND", 0, BYTES("trash and nothing else")}},
    /* PNG: what nobody looks at behind the image data; an ancillary chunk that is no word. */
    {"rgb_8.png", {TEST_INSERT, "IEND", 0, BYTES("\0\0\0\0ABCD\xDB\x17\x20\xA5")}},
    {"rgb_8.png", {TEST_INSERT, "IEND", 0, BYTES("\0\0\0\0IHDR\xA8\xA1\xAE\x0A")}},
    {"indexed_4.png", {TEST_INSERT, "IEND", 0, BYTES("\0\0\0\3PLTEabc\x6D\x1F\xA5\x0A")}},
    {"rgb_8.png", {TEST_INSERT, "IEND", 0,
     BYTES("\0\0\0\0ABCD\xDB\x17\x20\xA5\0\0\0\4IDATmore\x40\x35\xCA\x67"
           "\0\0\0\4IDATmore\x40\x35\xCA\x67")}},
    {"orientation_8.png", {TEST_INSERT, "IDAT", 0, /* a second orientation */
     BYTES("\0\0\0\x1A" "eXIfII*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\3\0\0\0\0\0\0\0" "\xFF\xA8\x1F\x4D")}},
    {"rgb_8.png", {TEST_INSERT, "IDAT", 0, BYTES("\0\0\0\0t1xt\x50\x3E\x21\xAB")}},
};
/* clang-format on */

static vit158_image decode(const char *what, const uint8_t *bytes, size_t n_bytes)
{
    vit158_image image;
    vit158_error error = {0};
    if (vit158_image_decode(&image, bytes, n_bytes, 0, &error) != VIT158_OK)
        fail_msg("%s: %s", what, error.message);
    assert_string_equal(error.message, ""); /* nothing is left of what was mended */
    return image;
}

static void test_faults_that_are_looked_past(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mended *c = &cases[i];
        char what[96];
        snprintf(what, sizeof what, "case %zu, %s", i, c->file);
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(c->file, &n_bytes);
        vit158_image right = decode(what, file, n_bytes);
        uint8_t *changed = test_mutate(file, &n_bytes, &c->mutation);
        if (changed == NULL)
            fail_msg("%s: no place %s", what, c->mutation.place);
        vit158_image found = decode(what, changed, n_bytes);
        assert_true(found.width == right.width && found.height == right.height &&
                    found.row_bytes == right.row_bytes);
        if (memcmp(found.data, right.data, (size_t)right.row_bytes * right.height) != 0)
            fail_msg("%s: other pixels", what);
        vit158_image_free(&found);
        vit158_image_free(&right);
        free(changed);
        free(file);
    }
}

/* Mending takes memory for a copy of the file, within the limit. */
static void test_limit_of_mending(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    uint8_t *file = test_load_image("grey.jpg", &n_bytes);
    const test_mutation zeros = {TEST_INSERT, "DA", 0, BYTES("\0\0")};
    uint8_t *changed = test_mutate(file, &n_bytes, &zeros);
    test_expect_refusal("no room", changed, n_bytes, 500, VIT158_E_IMAGE, "no marker");
    test_expect_refusal("no room", changed, n_bytes, 60000, VIT158_E_LIMIT, "the limit is");
    free(changed);
    free(file);
}

/* The checksum of the image data is left out. */
static void test_missing_adler(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    uint8_t *file = test_load_image("rgb_8.png", &n_bytes);
    vit158_image right = decode("rgb_8.png", file, n_bytes);
    const size_t idat = test_find(file, n_bytes, "IDAT");
    for (uint32_t missing = 1; missing <= 4; missing++) {
        const uint32_t length = test_u32(file + idat);
        const test_mutation cut = {TEST_CUT, "IDAT", (int)(8 + length - missing), NULL, missing};
        size_t n_changed = n_bytes;
        uint8_t *changed = test_mutate(file, &n_changed, &cut);
        test_put_u32(changed + idat, length - missing);
        test_fix_crcs(changed, n_changed);
        vit158_image found = decode("without its checksum", changed, n_changed);
        assert_memory_equal(found.data, right.data, (size_t)right.row_bytes * right.height);
        vit158_image_free(&found);
        free(changed);
    }
    vit158_image_free(&right);
    free(file);
}

/* Indices beyond the palette are black; colours beyond the indices are not there. */
static void test_palettes(void **state)
{
    (void)state;
    size_t n_bytes = 0, n_short = 0, n_long = 0;
    uint8_t *file = test_load_image("indexed_4.png", &n_bytes);
    vit158_image right = decode("indexed_4.png", file, n_bytes);
    const size_t plte = test_find(file, n_bytes, "PLTE");
    const uint32_t count = test_u32(file + plte) / 3, kept = 9;
    assert_int_equal(count, 16);

    n_short = n_bytes;
    const test_mutation cut = {TEST_CUT, "PLTE", (int)(8 + 3 * kept), NULL, 3 * (count - kept)};
    uint8_t *shorter = test_mutate(file, &n_short, &cut);
    test_put_u32(shorter + plte, 3 * kept);
    test_fix_crcs(shorter, n_short);
    vit158_image found = decode("a short palette", shorter, n_short);
    uint32_t black = 0;
    for (size_t i = 0; i < (size_t)right.width * right.height; i++) {
        const uint8_t *color = right.data + 3 * i;
        uint32_t index = 0;
        while (memcmp(file + plte + 8 + (size_t)3 * index, color, 3) != 0)
            index++;
        black += index >= kept;
        assert_memory_equal(found.data + 3 * i, index < kept ? color : (const uint8_t *)"\0\0\0",
                            3);
    }
    assert_true(black > 0);
    vit158_image_free(&found);
    free(shorter);

    n_long = n_bytes;
    const test_mutation more = {TEST_INSERT, "PLTE", (int)(8 + 3 * count), BYTES("abcdefghi")};
    uint8_t *longer = test_mutate(file, &n_long, &more);
    test_put_u32(longer + plte, 3 * (count + 3));
    test_fix_crcs(longer, n_long);
    found = decode("a long palette", longer, n_long);
    assert_memory_equal(found.data, right.data, (size_t)right.row_bytes * right.height);
    vit158_image_free(&found);
    free(longer);

    n_long = n_bytes;
    const test_mutation part = {TEST_INSERT, "PLTE", (int)(8 + 3 * count), BYTES("ab")};
    longer = test_mutate(file, &n_long, &part);
    test_put_u32(longer + plte, 3 * count + 2);
    test_fix_crcs(longer, n_long);
    found = decode("a palette with part of a colour", longer, n_long);
    assert_memory_equal(found.data, right.data, (size_t)right.row_bytes * right.height);
    vit158_image_free(&found);
    free(longer);
    vit158_image_free(&right);
    free(file);
}

/* Sets the names of three components in the frame header and in the scan's. */
static void name_components(uint8_t *jpeg, size_t n_bytes, const char *names)
{
    uint8_t *frame = jpeg + test_find(jpeg, n_bytes, "C0");
    uint8_t *scan = jpeg + test_find(jpeg, n_bytes, "DA");
    assert_true(frame[9] == 3 && scan[4] == 3);
    for (int i = 0; i < 3; i++)
        frame[10 + 3 * i] = scan[5 + 2 * i] = (uint8_t)names[i];
}

static vit158_image decode_named(const test_mutation *change, const char *names)
{
    size_t n_bytes = 0;
    uint8_t *file = test_load_image("baseline_444.jpg", &n_bytes);
    uint8_t *changed = test_mutate(file, &n_bytes, change);
    name_components(changed, n_bytes, names);
    const vit158_image image = decode(names, changed, n_bytes);
    free(changed);
    free(file);
    return image;
}

/* Components called R, G, B are these colours only where neither JFIF nor Adobe says otherwise
 * (Pillow and Chromium agree): what is stored is then shown as it is. Of components of one name the
 * scan's list means each in its turn. */
static void test_names_of_components(void **state)
{
    (void)state;
    static const test_mutation as_it_is = {TEST_INSERT, "D9", 0, NOTHING};
    static const test_mutation no_jfif = {TEST_SET, "E0", 4, BYTES("jfif")};
    static const test_mutation adobe_ycc = {TEST_SET, "E0", 1,
                                            BYTES("\xEE\0\x10"
                                                  "Adobe\0\0\0\0\0\0\1")};
    static const test_mutation adobe_rgb = {TEST_SET, "E0", 1,
                                            BYTES("\xEE\0\x10"
                                                  "Adobe\0\0\0\0\0\0\0")};
    vit158_image right = decode_named(&as_it_is, "\1\2\3");
    vit158_image stored = decode_named(&adobe_rgb, "\1\2\3");
    const size_t n = (size_t)right.row_bytes * right.height;
    assert_memory_not_equal(right.data, stored.data, n);
    const struct {
        const test_mutation *change;
        const char *names;
        const vit158_image *image;
    } named[] = {
        {&as_it_is, "RGB", &right},   {&adobe_ycc, "RGB", &right},   {&no_jfif, "RGB", &stored},
        {&adobe_rgb, "RGB", &stored}, {&no_jfif, "RGX", &right},     {&no_jfif, "RXB", &right},
        {&as_it_is, "BGR", &right},   {&as_it_is, "\1\1\1", &right}, {&no_jfif, "\2\2\3", &right},
        {&no_jfif, "RRR", &right},    {&as_it_is, "\1\2\2", &right}, {&adobe_rgb, "abb", &stored}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        vit158_image found = decode_named(named[i].change, named[i].names);
        if (memcmp(found.data, named[i].image->data, n) != 0)
            fail_msg("case %zu: other colours", i);
        vit158_image_free(&found);
    }
    vit158_image_free(&right);
    vit158_image_free(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_that_are_looked_past),
        cmocka_unit_test(test_limit_of_mending),
        cmocka_unit_test(test_missing_adler),
        cmocka_unit_test(test_palettes),
        cmocka_unit_test(test_names_of_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
