/* SPDX-License-Identifier: MIT
 *
 * Damaged and hostile images: each rule broken once, with the status and the sentence it must
 * give.
 */
#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/image_expect.h"
#include "unit/mutate.h"
#include "vit158.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define NOTHING NULL, 0
#define PNG_SIGNATURE "\x89PNG\r\n\x1A\n"

typedef struct malformed {
    const char *file;
    test_mutation mutation;
    bool raw; /* leave PNG checksums wrong */
    vit158_status status;
    const char *words;
} malformed;

/* Length, type, 257 black entries, checksum. */
static const char palette_of_257[12 + 3 * 257] = "\0\0\3\3PLTE";

/* clang-format off */
static const malformed png_cases[] = {
    {"rgb_8.png", {TEST_SET, "IHDR", -4, BYTES("\r\r")}, true, VIT158_E_FORMAT, "neither"},
    {"rgb_8.png", {TEST_END, "IHDR", 0, NOTHING}, true, VIT158_E_TRUNCATED, "byte 8 without"},
    {"rgb_8.png", {TEST_END, "IHDR", 20, NOTHING}, true, VIT158_E_TRUNCATED, "inside chunk IHDR"},
    {"rgb_8.png", {TEST_END, "IDAT", 99, NOTHING}, true, VIT158_E_TRUNCATED, "inside chunk IDAT"},
    {"rgb_8.png", {TEST_SET, "IHDR", 22, BYTES("\1")}, true,
     VIT158_E_IMAGE, "checksum of chunk IHDR"},
    {"rgb_8.png", {TEST_SET, "IDAT", 60, BYTES("????")}, true,
     VIT158_E_IMAGE, "checksum of chunk IDAT"},
    {"rgb_8.png", {TEST_INSERT, "IEND", 0, BYTES("\0\0\0\4IDATmore????")}, true,
     VIT158_E_IMAGE, "checksum of chunk IDAT"},
    {"rgb_8.png", {TEST_SET, "tRNS", 5, BYTES("0")}, true,
     VIT158_E_IMAGE, "no chunk type at byte 37"},
    {"rgb_8.png", {TEST_SET, "tRNS", 4, BYTES("T0")}, false,
     VIT158_E_IMAGE, "no chunk type at byte 37"},
    {"rgb_8.png", {TEST_SET, "tRNS", 0, BYTES("\x7F\0\0\0t0")}, true,
     VIT158_E_IMAGE, "no chunk type at byte 37"},
    {"rgb_8.png", {TEST_SET, "IHDR", 4, BYTES("ih1r")}, false,
     VIT158_E_IMAGE, "no chunk type at byte 12"},
    {"rgb_8.png", {TEST_SET, "tRNS", 0, BYTES("\x80")}, true,
     VIT158_E_IMAGE, "has length 2147483654"},
    {"rgb_8.png", {TEST_SET, "tRNS", 0, BYTES("\x7F")}, true,
     VIT158_E_TRUNCATED, "inside chunk tRNS"},
    {"rgb_8.png", {TEST_SET, "IHDR", 7, BYTES("r")}, false, VIT158_E_IMAGE, "first chunk is IHDr"},
    {"rgb_8.png", {TEST_INSERT, "IHDR", 0, BYTES("\0\0\0\0CgBI\0\0\0\0")}, false,
     VIT158_E_UNSUPPORTED, "first chunk is CgBI"},
    {"rgb_8.png", {TEST_SET, "IHDR", 3, BYTES("\14")}, true,
     VIT158_E_IMAGE, "checksum of chunk IHDR"},
    {"rgb_8.png", {TEST_INSERT, "tRNS", 0, BYTES("\0\0\0\0IHDR\0\0\0\0")}, false,
     VIT158_E_IMAGE, "second IHDR at byte 33"},
    {"rgb_8.png", {TEST_SET, "IHDR", 8, BYTES("\0\0\0\0")}, false, VIT158_E_IMAGE, "0 x 17 pixels"},
    {"rgb_8.png", {TEST_SET, "IHDR", 12, BYTES("\0\0\0\0")}, false,
     VIT158_E_IMAGE, "19 x 0 pixels"},
    {"rgb_8.png", {TEST_SET, "IHDR", 8, BYTES("\0\0\x40\1")}, false,
     VIT158_E_LIMIT, "16385 x 17 pixels"},
    {"rgb_8.png", {TEST_SET, "IHDR", 12, BYTES("\xFF\xFF\xFF\xFF")}, false,
     VIT158_E_LIMIT, "at most 16384"},
    {"rgb_8.png", {TEST_SET, "IHDR", 8, BYTES("\0\0\x40\0\0\0\x40\0")}, false,
     VIT158_E_TRUNCATED, "cannot hold 16384 x 16384"},
    {"rgb_8.png", {TEST_SET, "IHDR", 16, BYTES("\10\5")}, false,
     VIT158_E_IMAGE, "type 5 with 8 bits"},
    {"rgb_8.png", {TEST_SET, "IHDR", 16, BYTES("\10\xFF")}, false,
     VIT158_E_IMAGE, "type 255 with 8"},
    {"rgb_8.png", {TEST_SET, "IHDR", 16, BYTES("\4")}, false, VIT158_E_IMAGE, "type 2 with 4 bits"},
    {"rgb_8.png", {TEST_SET, "IHDR", 16, BYTES("\0\0")}, false,
     VIT158_E_IMAGE, "type 0 with 0 bits"},
    {"rgb_8.png", {TEST_SET, "IHDR", 16, BYTES("\x28")}, false, VIT158_E_IMAGE, "with 40 bits"},
    {"indexed_8.png", {TEST_SET, "IHDR", 16, BYTES("\x10")}, false,
     VIT158_E_IMAGE, "type 3 with 16"},
    {"rgb_8.png", {TEST_SET, "IHDR", 18, BYTES("\1")}, false, VIT158_E_IMAGE, "compression 1"},
    {"rgb_8.png", {TEST_SET, "IHDR", 19, BYTES("\1")}, false, VIT158_E_IMAGE, "filter 1"},
    {"rgb_8.png", {TEST_SET, "IHDR", 20, BYTES("\2")}, false, VIT158_E_IMAGE, "interlace 2"},
    {"indexed_4.png", {TEST_SET, "PLTE", 4, BYTES("pL")}, false, VIT158_E_IMAGE, "without PLTE"},
    {"indexed_4.png", {TEST_INSERT, "PLTE", 0, BYTES("\0\0\0\2PLTEab\0\0\0\0")}, false,
     VIT158_E_IMAGE, "PLTE of 2 bytes"},
    {"indexed_4.png", {TEST_INSERT, "PLTE", 0, BYTES("\0\0\0\0PLTE\0\0\0\0")}, false,
     VIT158_E_IMAGE, "PLTE of 0 bytes"},
    {"indexed_4.png", {TEST_INSERT, "PLTE", 0, palette_of_257, sizeof palette_of_257}, false,
     VIT158_E_IMAGE, "PLTE of 771 bytes"},
    {"indexed_4.png", {TEST_INSERT, "PLTE", 0, BYTES("\0\0\0\3PLTEabc\0\0\0\0")}, false,
     VIT158_E_IMAGE, "misplaced PLTE at byte 48"},
    {"indexed_1.png", {TEST_INSERT, "PLTE", 0, BYTES("\0\0\0\11PLTEabcdefghi\0\0\0\0")}, false,
     VIT158_E_IMAGE, "misplaced PLTE"},
    {"rgb_8.png", {TEST_SET, "IDAT", 4, BYTES("iD")}, false, VIT158_E_IMAGE, "no IDAT chunk"},
    {"many_idats.png", {TEST_INSERT, "IDAT", 0,
     BYTES("\0\0\0\4IDATabcd\0\0\0\0\0\0\0\0abCd\0\0\0\0")}, false,
     VIT158_E_IMAGE, "does not follow"},
    {"rgb_8.png", {TEST_SET, "tRNS", 4, BYTES("TRNS")}, false,
     VIT158_E_UNSUPPORTED, "critical chunk TRNS"},
    {"rgb_8.png", {TEST_SET, "IDAT", 8, BYTES("\0\0")}, false, VIT158_E_IMAGE, "damaged data"},
    {"rgb_8.png", {TEST_SET, "IDAT", 10, BYTES("\xFF\xFF\xFF\xFF\xFF\xFF")}, false,
     VIT158_E_IMAGE, "damaged data"},
    {"rgb_8.png", {TEST_SET, "IHDR", 15, BYTES("\22")}, false, VIT158_E_IMAGE, "not enough pixels"},
};
/* clang-format on */

/* clang-format off */
static const malformed jpeg_cases[] = {
    {"baseline_444.jpg", {TEST_SET, "E0", -2, BYTES("\xFF\xD7")}, false,
     VIT158_E_FORMAT, "neither"},
    {"baseline_444.jpg", {TEST_END, "E0", 0, NOTHING}, false, VIT158_E_TRUNCATED, "only 2 bytes"},
    {"baseline_444.jpg", {TEST_END, "E0", 1, NOTHING}, false, VIT158_E_TRUNCATED, "ends at byte 3"},
    {"baseline_444.jpg", {TEST_END, "DB", 30, NOTHING}, false,
     VIT158_E_TRUNCATED, "ends at byte 50"},
    {"baseline_444.jpg", {TEST_END, "DA", 0, NOTHING}, false, VIT158_E_TRUNCATED, "end marker"},
    {"baseline_444.jpg", {TEST_END, "DA", 100, NOTHING}, false, VIT158_E_TRUNCATED, "end marker"},
    {"baseline_444.jpg", {TEST_CUT, "D9", 0, NULL, 2}, false, VIT158_E_TRUNCATED, "end marker"},
    {"baseline_444.jpg", {TEST_SET, "E0", 2, BYTES("\xFF\xFF")}, false,
     VIT158_E_TRUNCATED, "end marker"},
    {"baseline_444.jpg", {TEST_SET, "C0", 0, BYTES("\xFF\xD9")}, false,
     VIT158_E_IMAGE, "no frame header"},
    {"baseline_444.jpg", {TEST_SET, "C0", 4, BYTES("\14")}, false,
     VIT158_E_UNSUPPORTED, "12 bits a sample"},
    {"baseline_444.jpg", {TEST_SET, "C0", 1, BYTES("\xC3")}, false,
     VIT158_E_UNSUPPORTED, "process 3"},
    {"baseline_444.jpg", {TEST_SET, "C0", 1, BYTES("\xC9")}, false,
     VIT158_E_UNSUPPORTED, "arithmetic coding"},
    {"baseline_444.jpg", {TEST_INSERT, "C0", 0, BYTES("\xFF\xDE\0\2")}, false,
     VIT158_E_UNSUPPORTED, "only baseline"},
    {"baseline_444.jpg", {TEST_INSERT, "C4", 0, BYTES("\xFF\xCC\0\2")}, false,
     VIT158_E_UNSUPPORTED, "arithmetic coding"},
    {"baseline_444.jpg", {TEST_SET, "C0", 5, BYTES("\0\0")}, false,
     VIT158_E_UNSUPPORTED, "no height"},
    {"baseline_444.jpg", {TEST_SET, "C0", 7, BYTES("\0\0")}, false,
     VIT158_E_IMAGE, "empty image"},
    {"baseline_444.jpg", {TEST_SET, "C0", 7, BYTES("\x40\1")}, false, VIT158_E_LIMIT, "16385 x 29"},
    {"baseline_444.jpg", {TEST_SET, "C0", 5, BYTES("\xFF\xFF")}, false,
     VIT158_E_LIMIT, "37 x 65535"},
    {"baseline_444.jpg", {TEST_SET, "C0", 5, BYTES("\x40\0\x40\0")}, false,
     VIT158_E_TRUNCATED, "cannot hold 16384 x 16384"},
    {"baseline_444.jpg", {TEST_SET, "C0", 5, BYTES("\x40\0")}, false,
     VIT158_E_TRUNCATED, "cannot hold 37 x 16384"}, /* 30,720 blocks, fewer bits */
    {"baseline_444.jpg", {TEST_SET, "C0", 9, BYTES("\4")}, false,
     VIT158_E_IMAGE, "bad length in segment FFC0"},
    {"baseline_444.jpg", {TEST_SET, "C0", 2, BYTES("\0\10\10\0\x1D\0\x25\0\xFF\xFE\0\11")}, false,
     VIT158_E_IMAGE, "empty image"},
    {"baseline_444.jpg", {TEST_SET, "C0", 2,
     BYTES("\0\16\10\0\x1D\0\x25\2\1\x11\0\2\x11\1\xFF\xFE\0\3")}, false,
     VIT158_E_UNSUPPORTED, "2 components"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\1")}, false,
     VIT158_E_IMAGE, "sampling factor"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\x51")}, false,
     VIT158_E_IMAGE, "sampling factor"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\x31\0\2\x21")}, false,
     VIT158_E_UNSUPPORTED, "fractional"},
    {"baseline_444.jpg", {TEST_SET, "C0", 12, BYTES("\4")}, false,
     VIT158_E_IMAGE, "quantization table number in segment FFC0"},
    {"baseline_444.jpg", {TEST_SET, "C0", 13, BYTES("\1")}, false,
     VIT158_E_IMAGE, "repeated component"},
    {"progressive.jpg", {TEST_SET, "C2", 13, BYTES("\1")}, false,
     VIT158_E_IMAGE, "repeated component"},
    {"baseline_444.jpg", {TEST_INSERT, "C4", 0, BYTES("\xFF\xC0\0\13\10\0\1\0\1\1\1\x11\0")}, false,
     VIT158_E_IMAGE, "second frame"},
    {"baseline_444.jpg", {TEST_SET, "C0", 1, BYTES("\xFE")}, false,
     VIT158_E_IMAGE, "before the frame"},
    {"baseline_444.jpg", {TEST_SET, "DB", 4, BYTES("\4")}, false,
     VIT158_E_IMAGE, "table number in segment FFDB"},
    {"baseline_444.jpg", {TEST_SET, "DB", 4, BYTES("\x20")}, false,
     VIT158_E_IMAGE, "table number in segment FFDB"},
    {"baseline_444.jpg", {TEST_SET, "DB", 4, BYTES("\x10")}, false,
     VIT158_E_IMAGE, "short quantization"},
    {"baseline_444.jpg", {TEST_SET, "DB", 4, BYTES("\3")}, false,
     VIT158_E_IMAGE, "undefined quantization"},
    {"baseline_444.jpg", {TEST_SET, "C4", 4, BYTES("\x20")}, false,
     VIT158_E_IMAGE, "Huffman table number"},
    {"baseline_444.jpg", {TEST_SET, "C4", 4, BYTES("\4")}, false,
     VIT158_E_IMAGE, "Huffman table number"},
    {"baseline_444.jpg", {TEST_SET, "C4", 12, BYTES("\xFF\xFF")}, false,
     VIT158_E_IMAGE, "too many Huffman codes"},
    {"baseline_444.jpg", {TEST_SET, "C4", 5, BYTES("\3")}, false,
     VIT158_E_IMAGE, "too many Huffman codes"},
    {"baseline_444.jpg", {TEST_SET, "C4", 20, BYTES("\1")}, false, VIT158_E_IMAGE, "short Huffman"},
    {"baseline_444.jpg", {TEST_INSERT, "C4", 0, BYTES("\xFF\xC4\0\3\0")}, false,
     VIT158_E_IMAGE, "short Huffman"},
    {"baseline_444.jpg", {TEST_SET, "C4", 25, BYTES("\x10")}, false, VIT158_E_IMAGE, "bad DC code"},
    {"baseline_444.jpg", {TEST_SET, "DA", 6, BYTES("\x40")}, false,
     VIT158_E_IMAGE, "undefined Huffman"},
    {"baseline_444.jpg", {TEST_SET, "DA", 4, BYTES("\2")}, false,
     VIT158_E_IMAGE, "bad length in segment FFDA"},
    {"baseline_444.jpg", {TEST_SET, "DA", 3, BYTES("\6\0\0\x3F\0")}, false,
     VIT158_E_IMAGE, "number of components"},
    {"baseline_444.jpg", {TEST_SET, "DA", 5, BYTES("\7")}, false,
     VIT158_E_IMAGE, "unknown component"},
    {"baseline_444.jpg", {TEST_SET, "DA", 7, BYTES("\1")}, false, VIT158_E_IMAGE, "out of order"},
    {"baseline_444.jpg", {TEST_SET, "DA", 3, BYTES("\10\1\1\0\0\x3F\0")}, false,
     VIT158_E_TRUNCATED, "no scan of component 2"},
    {"progressive.jpg", {TEST_SET, "DA", 11, BYTES("\2\1")}, false,
     VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "DA", 11, BYTES("\0\5")}, false,
     VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "DA", 11, BYTES("\1\5")}, false,
     VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "DA", 13, BYTES("\16")}, false, VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "DA", 13, BYTES("\x10")}, false, VIT158_E_IMAGE, "out of order"},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xDD\0\3\0")}, false,
     VIT158_E_IMAGE, "bad length in segment FFDD"},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xD8")}, false,
     VIT158_E_IMAGE, "misplaced marker in segment FFD8"},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\xF0\0\2")}, false,
     VIT158_E_IMAGE, "unknown marker in segment FFF0"},
    {"grey.jpg", {TEST_INSERT, "DA", 0, BYTES("\xFF\2\0\2")}, false,
     VIT158_E_IMAGE, "unknown marker in segment FF02"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\x10")}, false,
     VIT158_E_IMAGE, "sampling factor"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\x15")}, false,
     VIT158_E_IMAGE, "sampling factor"},
    {"baseline_444.jpg", {TEST_SET, "C0", 11, BYTES("\x13\0\2\x12")}, false,
     VIT158_E_UNSUPPORTED, "fractional"},
    {"baseline_444.jpg", {TEST_INSERT, "C0", 0, BYTES("\xFF\xC0\0\5\10\0\1")}, false,
     VIT158_E_IMAGE, "bad length in segment FFC0"},
    {"baseline_444.jpg", {TEST_SET, "DA", 6, BYTES("\4")}, false,
     VIT158_E_IMAGE, "undefined Huffman"},
    {"grey.jpg", {TEST_SET, "DA", 2, BYTES("\0\14\3\1\0\1\0\1\0\0\x3F\0")}, false,
     VIT158_E_IMAGE, "number of components"},
    {"progressive.jpg", {TEST_SET, "DA", 11, BYTES("\1\x40")}, false,
     VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "DA", 13, BYTES("\xE1")}, false,
     VIT158_E_IMAGE, "spectral band"},
    {"progressive.jpg", {TEST_SET, "C2", 5, BYTES("\x40\0\x40\0")}, false,
     VIT158_E_LIMIT, "more than 3 scans of 16384 x 16384"},
};
/* clang-format on */

static void run_cases(const malformed *cases, size_t count, bool png)
{
    for (size_t i = 0; i < count; i++) {
        const malformed *c = &cases[i];
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(c->file, &n_bytes);
        uint8_t *damaged = test_mutate(file, &n_bytes, &c->mutation);
        if (damaged == NULL)
            fail_msg("case %zu: no place %s in %s", i, c->mutation.place, c->file);
        if (png && !c->raw)
            test_fix_crcs(damaged, n_bytes);
        char what[64];
        snprintf(what, sizeof what, "%s case %zu", png ? "PNG" : "JPEG", i);
        test_expect_refusal(what, damaged, n_bytes, 0, c->status, c->words);
        free(damaged);
        free(file);
    }
}

static void test_malformed_png(void **state)
{
    (void)state;
    run_cases(png_cases, sizeof png_cases / sizeof *png_cases, true);
}

static void test_malformed_jpeg(void **state)
{
    (void)state;
    run_cases(jpeg_cases, sizeof jpeg_cases / sizeof *jpeg_cases, false);
}

static void test_other_files(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
        vit158_status status;
        const char *words;
    } files[] = {{BYTES(""), VIT158_E_FORMAT, "empty"},
                 {BYTES("\x89PN"), VIT158_E_TRUNCATED, "only 3 bytes"},
                 {BYTES("\xFF"), VIT158_E_TRUNCATED, "only 1 bytes"},
                 {BYTES("ab"), VIT158_E_FORMAT, "neither"},
                 {BYTES("\xFF\xD8z"), VIT158_E_FORMAT, "neither"},
                 {BYTES("hello, world"), VIT158_E_FORMAT, "neither"},
                 {BYTES("GIF89a\1\0\1\0"), VIT158_E_UNSUPPORTED, "GIF"},
                 {BYTES("\0\0\0\x1C"
                        "ftypavif"),
                  VIT158_E_UNSUPPORTED, "image: AVIF is"},
                 {BYTES("\0\0\0\x1C"
                        "ftypheic"),
                  VIT158_E_UNSUPPORTED, "image: HEIC is"},
                 {BYTES("\0\0\0\x1C"
                        "ftypmif1"),
                  VIT158_E_UNSUPPORTED, "image: HEIC is"},
                 {BYTES("\0\0\0\x20"
                        "ftypisom"),
                  VIT158_E_UNSUPPORTED, "image: a video is"},
                 {BYTES("\x1A\x45\xDF\xA3"), VIT158_E_UNSUPPORTED, "image: a video is"},
                 {BYTES("%PDF-1.7"), VIT158_E_UNSUPPORTED, "image: PDF is"},
                 {BYTES("\0\0\0\x0CJXL "), VIT158_E_UNSUPPORTED, "JPEG XL"},
                 {BYTES("II*\0\10\0\0\0"), VIT158_E_UNSUPPORTED, "TIFF"},
                 {BYTES("MM\0*\0\0\0\10"), VIT158_E_UNSUPPORTED, "TIFF"},
                 {BYTES("BM\x36\0\0\0"), VIT158_E_UNSUPPORTED, "BMP"},
                 {BYTES("\xFF\x0A\0\0"), VIT158_E_UNSUPPORTED, "JPEG XL"},
                 {BYTES("<svg xmlns="), VIT158_E_UNSUPPORTED, "SVG"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        test_expect_refusal("other file", files[i].bytes, files[i].n_bytes, 0, files[i].status,
                            files[i].words);
    vit158_error error;
    vit158_image image;
    assert_int_equal(vit158_image_decode(&image, NULL, 4, 0, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_image_decode(NULL, "", 0, 0, &error), VIT158_E_ARGUMENT);
    assert_int_equal(vit158_image_decode(&image, NULL, 0, 0, &error), VIT158_E_FORMAT);
    test_expect_refusal("2 GiB of JPEG, too many to be mended", "\xFF\xD8\xFF\1\0\2what", INT32_MAX,
                        0, VIT158_E_IMAGE, "misplaced marker");
    test_expect_refusal("1 GiB of PNG", PNG_SIGNATURE, 1U << 30, 0, VIT158_E_LIMIT,
                        "at most 1073741820 are read");
    /* Refused before a byte is read. */
    test_expect_refusal("2 GiB", "", (size_t)INT32_MAX + 1, 0, VIT158_E_LIMIT,
                        "at most 2147483647");
    vit158_image_free(NULL);
}

/* Files of segments alone, which mending goes over before they are refused. */
static void test_segments_that_cannot_be_mended(void **state)
{
    (void)state;
#define SOI "\xFF\xD8"
#define ONE_PIXEL "\x08\0\1\0\1"
#define TWO_OF_ONE_NAME "\xFF\xC0\0\x0E" ONE_PIXEL "\2\1\x11\0\1\x11\0"
    static const struct {
        const char *bytes;
        size_t n_bytes;
        vit158_status status;
        const char *words;
    } cases[] = {
        {BYTES(SOI "\xFF\xDF\0\2"), VIT158_E_UNSUPPORTED, "not coding process 31"},
        {BYTES(SOI "\xFF\xC2\0\x08" ONE_PIXEL "\3\xFF\xDA\0\2\xFF\xD9"), VIT158_E_IMAGE, ""},
        {BYTES(SOI "\xFF\xC1\0\x08" ONE_PIXEL "\3\xFF\xDA\0\3\1\xFF\xD9"), VIT158_E_IMAGE, ""},
        {BYTES(SOI "\xFF\xC0\0\4ab\xFF\xF0\0\2\xFF\xD9"), VIT158_E_IMAGE, ""},
        {BYTES(SOI TWO_OF_ONE_NAME "\xFF\xDA\0\2\xFF\xDA\0\3\2\xFF\xD9"), VIT158_E_UNSUPPORTED, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_expect_refusal("segments", cases[i].bytes, cases[i].n_bytes, 0, cases[i].status,
                            cases[i].words);
    uint8_t table[4 + 17 + 272] = {0xFF, 0xC4, (2 + 17 + 272) >> 8, (2 + 17 + 272) & 0xFF, 0x13};
    memset(table + 5, 17, 16); /* 272 codes */
    size_t n_bytes = 0;
    const test_mutation many_codes = {TEST_INSERT, "DA", 0, (const char *)table, sizeof table};
    uint8_t *whole = test_load_image("grey.jpg", &n_bytes);
    uint8_t *file = test_mutate(whole, &n_bytes, &many_codes);
    test_expect_refusal("272 codes", file, n_bytes, 0, VIT158_E_IMAGE, "segment FFC4");
    free(file);
    free(whole);
}

/* The memory that a caller allows: 1 KiB is too little for the pixels of any of these, or for the
 * copy in which a fault is mended. */
static void test_little_memory_is_allowed(void **state)
{
    (void)state;
    static const char *const files[] = {"rgb_8.png", "indexed_4_interlaced.png", "baseline_444.jpg",
                                        "progressive.jpg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t n_bytes = 0;
        uint8_t *file = test_load_image(files[i], &n_bytes);
        test_expect_refusal(files[i], file, n_bytes, 1024, VIT158_E_LIMIT, "the limit is 1024");
        free(file);
    }
    size_t n_bytes = 0;
    const test_mutation stray = {TEST_INSERT, "DA", 0, BYTES("abc")};
    uint8_t *whole = test_load_image("grey.jpg", &n_bytes);
    uint8_t *file = test_mutate(whole, &n_bytes, &stray);
    test_expect_refusal("to be mended", file, n_bytes, 1024, VIT158_E_IMAGE, "no marker at byte");
    free(whole);
    free(file);
}

/* A refinement of nothing, over and over. */
static void test_too_many_scans(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    uint8_t *file = test_load_image("grey_progressive.jpg", &n_bytes);
    size_t last = 0; /* where the last scan begins */
    for (size_t at = 0; at + 1 < n_bytes; at++)
        if (file[at] == 0xFF && file[at + 1] == 0xDA)
            last = at;
    const size_t scan = n_bytes - 2 - last;
    for (int copies = 90; copies <= 110; copies += 20) {
        const size_t n_many = n_bytes + (size_t)copies * scan;
        uint8_t *many = malloc(n_many);
        assert_non_null(many);
        memcpy(many, file, n_bytes - 2);
        for (int i = 0; i < copies; i++)
            memcpy(many + n_bytes - 2 + (size_t)i * scan, file + last, scan);
        memcpy(many + n_many - 2, "\xFF\xD9", 2);
        vit158_image image;
        if (copies == 90)
            assert_int_equal(vit158_image_decode(&image, many, n_many, 0, NULL), VIT158_OK);
        else
            test_expect_refusal("scans", many, n_many, 0, VIT158_E_LIMIT, "more than 100 scans");
        if (copies == 90)
            vit158_image_free(&image);
        free(many);
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_png),
        cmocka_unit_test(test_malformed_jpeg),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_little_memory_is_allowed),
        cmocka_unit_test(test_segments_that_cannot_be_mended),
        cmocka_unit_test(test_too_many_scans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
