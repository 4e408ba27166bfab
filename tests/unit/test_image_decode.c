/* SPDX-License-Identifier: MIT
 *
 * Decoding of every kind of image in tests/data/images against what Pillow makes of it
 * (tests/golden/make_image_goldens.py). With two arguments: decodes a file and writes it as PNM.
 */
#include "unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "image/exif.h"
#include "image/orient.h"
#include "unit/ppm.h"
#include "unit/read_file.h"
#include "vit158.h"

static const char folder[] = VIT158_TEST_DATA "/images/";

typedef struct golden {
    char name[64];
    unsigned width, height, pixels;
    char sha256[65];
    unsigned tolerance;
    char reference[64]; /* empty: the hash is Pillow's too */
} golden;

static vit158_image decode_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", folder, name);
    size_t n_bytes = 0;
    uint8_t *bytes = test_read_file(path, &n_bytes);
    if (bytes == NULL)
        fail_msg("cannot read %s", path);
    vit158_image image;
    vit158_error error = {0};
    const vit158_status status = vit158_image_decode(&image, bytes, n_bytes, 0, &error);
    if (status != VIT158_OK)
        fail_msg("%s: %s", name, error.message);
    free(bytes);
    return image;
}

static unsigned largest_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    unsigned worst = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned d = (unsigned)abs(a[i] - b[i]);
        worst = d > worst ? d : worst;
    }
    return worst;
}

static void check_golden(const golden *g)
{
    vit158_image image = decode_file(g->name);
    const size_t n = (size_t)g->width * g->height * g->pixels;
    if (image.width != g->width || image.height != g->height || image.pixels != g->pixels)
        fail_msg("%s: %u x %u x %u", g->name, image.width, image.height, image.pixels);
    assert_int_equal(image.row_bytes, g->width * g->pixels);
    char sha256[65];
    vit158_sha256_hex(sha256, image.data, n);
    if (strcmp(sha256, g->sha256) != 0)
        fail_msg("%s: pixels changed, sha256 %s", g->name, sha256);
    if (g->reference[0] != '\0') {
        char path[512];
        snprintf(path, sizeof path, "%s%s", folder, g->reference);
        test_ppm pillow = {0};
        assert_true(test_ppm_read(&pillow, path));
        assert_true(pillow.width == g->width && pillow.height == g->height &&
                    pillow.channels == g->pixels);
        assert_int_equal(largest_difference(image.data, pillow.data, n), g->tolerance);
        free(pillow.data);
    } else {
        assert_int_equal(g->tolerance, 0);
    }
    vit158_image_free(&image);
    assert_null(image.data);
}

/* A build may be without libwebp; test_image_webp then sees that WebP is refused. */
static bool is_read_here(const char *name)
{
#if defined(VIT158_HAVE_WEBP)
    (void)name;
    return true;
#else
    return strstr(name, ".webp") == NULL;
#endif
}

static void test_every_kind_equals_pillow(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%sdecode_goldens.txt", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[512];
    unsigned count = 0, worst = 0, left_out = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        golden g = {0};
        assert_true(sscanf(line, "%63s %u %u %u %64s %u %63s", g.name, &g.width, &g.height,
                           &g.pixels, g.sha256, &g.tolerance, g.reference) >= 6);
        if (!is_read_here(g.name)) {
            left_out++;
            continue;
        }
        check_golden(&g);
        worst = g.tolerance > worst ? g.tolerance : worst;
        count++;
    }
    fclose(file);
    print_message("%u pictures; largest difference of a JPEG from Pillow: %u\n", count, worst);
    if (left_out > 0)
        print_message("SKIPPED: %u WebP images, this build has no libwebp\n", left_out);
    assert_true(count >= 60);
}

/* The eight stored forms of one image, from the image upright. */
static void test_orientations_are_inverses(void **state)
{
    (void)state;
    enum { W = 3, H = 2 };
    static const char upright[] = "abcdef";
    /* Rows of the stored image, by orientation (EXIF 2.3, 4.6.4 A). */
    static const char *const stored[9] = {NULL,     "abcdef", "cbafed", "fedcba", "defabc",
                                          "adbecf", "cfbead", "fcebda", "daebfc"};
    for (uint32_t o = 1; o <= 8; o++) {
        uint8_t in[6], out[6];
        memcpy(in, stored[o], 6);
        memset(out, 0, 6);
        if (vit158_orientation_swaps(o)) {
            vit158_orient(out, in, H, W, 1, o);
            assert_memory_equal(out, upright, 6);
        } else {
            vit158_orient(in, in, W, H, 1, o);
            assert_memory_equal(in, upright, 6);
        }
    }
}

static void test_broken_exif_means_upright(void **state)
{
    (void)state;
    static const uint8_t good[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
                                   0,   1,   0,  0, 0, 6, 0, 0, 0, 0, 0,    0, 0};
    assert_int_equal(vit158_exif_orientation(good, sizeof good), 6);
    for (size_t n = 0; n < 22; n++) {
        uint8_t *cut = malloc(n + 1); /* so that reading beyond is seen */
        memcpy(cut, good, n);
        assert_int_equal(vit158_exif_orientation(cut, n), 1);
        free(cut);
    }
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{0, 'M'},   {1, 'M'}, {2, 43}, {4, 200}, {7, 255}, {8, 0},
                   {10, 0x13}, {12, 2},  {14, 2}, {18, 0},  {18, 9},  {19, 1}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        uint8_t bad[sizeof good];
        memcpy(bad, good, sizeof good);
        bad[changes[i].at] = changes[i].value;
        assert_int_equal(vit158_exif_orientation(bad, sizeof bad), 1);
    }
    uint8_t wide[sizeof good]; /* a LONG, alone and as the first of two */
    memcpy(wide, good, sizeof good);
    wide[12] = 4;
    assert_int_equal(vit158_exif_orientation(wide, sizeof wide), 6);
    wide[14] = 2;
    assert_int_equal(vit158_exif_orientation(wide, sizeof wide), 1);
    assert_int_equal(vit158_exif_orientation(NULL, 0), 1);
}

static int dump(const char *source, const char *target)
{
    size_t n_bytes = 0;
    uint8_t *bytes = test_read_file(source, &n_bytes);
    vit158_image image;
    vit158_error error = {0};
    if (bytes == NULL || vit158_image_decode(&image, bytes, n_bytes, 0, &error) != VIT158_OK) {
        fprintf(stderr, "%s: %s\n", source, bytes == NULL ? "cannot be read" : error.message);
        free(bytes);
        return 1;
    }
    FILE *file = fopen(target, "wb");
    assert_non_null(file);
    fprintf(file, "P%d\n%u %u\n255\n", image.pixels == 1 ? 5 : 6, image.width, image.height);
    fwrite(image.data, image.row_bytes, image.height, file);
    fclose(file);
    vit158_image_free(&image);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return dump(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_equals_pillow),
        cmocka_unit_test(test_orientations_are_inverses),
        cmocka_unit_test(test_broken_exif_means_upright),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
