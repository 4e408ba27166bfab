/* SPDX-License-Identifier: MIT
 *
 * base/file.h: reading files, folders and pipes; files that are replaced whole or not at all, with
 * two writers of one name, a full disk and a folder that is not there.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define OUT "test_file.out"
#define PIPE "test_file.pipe"

static void write_text(const char *path, const char *text)
{
    vit158_file_writer out;
    vit158_error error;
    assert_int_equal(vit158_file_begin(&out, path, &error), VIT158_OK);
    vit158_file_add(&out, text, strlen(text));
    assert_int_equal(vit158_file_commit(&out, &error), VIT158_OK);
}

static void expect_text(const char *path, const char *text)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, path, 0, &error), VIT158_OK);
    assert_int_equal(n_bytes, strlen(text));
    assert_string_equal((const char *)bytes, text);
    free(bytes);
}

/* So many files begin with OUT. */
static void expect_files(size_t count)
{
    glob_t found;
    const int result = glob(OUT "*", 0, NULL, &found);
    assert_int_equal(result == 0 ? found.gl_pathc : 0, count);
    if (result == 0)
        globfree(&found);
}

static int remove_files(void **state)
{
    (void)state;
    remove(OUT);
    remove(PIPE);
    return 0;
}

static void test_replaces_a_file_at_commit(void **state)
{
    (void)state;
    vit158_file_writer out;
    vit158_error error;
    write_text(OUT, "old");
    assert_int_equal(vit158_file_begin(&out, OUT, &error), VIT158_OK);
    vit158_file_add_u32(&out, 0x64636261U);
    assert_int_equal(vit158_file_flush(&out, &error), VIT158_OK);
    expect_text(out.temporary, "abcd");
    expect_text(OUT, "old");
    assert_int_equal(vit158_file_commit(&out, &error), VIT158_OK);
    expect_text(OUT, "abcd");
    expect_files(1);
}

static void test_abandoned_writer_leaves_the_old_file(void **state)
{
    (void)state;
    vit158_file_writer out;
    vit158_error error;
    write_text(OUT, "old");
    assert_int_equal(vit158_file_begin(&out, OUT, &error), VIT158_OK);
    vit158_file_add(&out, "new", 3);
    vit158_file_abandon(&out);
    expect_text(OUT, "old");
    expect_files(1);
}

/* Whichever way the steps of two writers interleave, each writes a file of its own and the last to
 * commit wins. Bit i of `order` says whose step i is; each has begin, add, add, commit. */
static void test_two_writers_of_one_name(void **state)
{
    (void)state;
    static const char *const text[2][2] = {{"first ", "writer"}, {"second ", "author"}};
    for (unsigned order = 0; order < 256; order++) {
        if (__builtin_popcount(order) != 4)
            continue;
        vit158_file_writer out[2];
        vit158_error error;
        unsigned done[2] = {0, 0}, last = 0;
        for (unsigned step = 0; step < 8; step++) {
            const unsigned who = order >> step & 1;
            switch (done[who]++) {
            case 0:
                assert_int_equal(vit158_file_begin(&out[who], OUT, &error), VIT158_OK);
                break;
            case 3:
                assert_int_equal(vit158_file_commit(&out[who], &error), VIT158_OK);
                last = who;
                break;
            default:
                vit158_file_add(&out[who], text[who][done[who] - 2],
                                strlen(text[who][done[who] - 2]));
            }
        }
        expect_text(OUT, last == 0 ? "first writer" : "second author");
        expect_files(1);
        remove(OUT);
    }
}

/* Two processes with the same number in their temporary names do not share one: a name that exists
 * is passed over, and is still there afterwards. */
static void test_names_that_exist_are_passed_over(void **state)
{
    (void)state;
    vit158_file_writer out, other;
    vit158_error error;
    assert_int_equal(vit158_file_begin(&out, OUT, &error), VIT158_OK);
    assert_int_equal(vit158_file_begin(&other, OUT, &error), VIT158_OK);
    assert_string_not_equal(out.temporary, other.temporary);
    vit158_file_abandon(&other);
    vit158_file_add(&out, "mine", 4);
    assert_int_equal(vit158_file_commit(&out, &error), VIT158_OK);
    expect_text(OUT, "mine");
    expect_files(1);
}

static void test_a_full_disk_is_an_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    vit158_file_writer out;
    vit158_error error;
    write_text(OUT, "old");
    assert_int_equal(vit158_file_begin(&out, OUT, &error), VIT158_OK);
    assert_non_null(freopen("/dev/full", "wb", out.file));
    vit158_file_add(&out, "new", 3);
    assert_int_equal(vit158_file_commit(&out, &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, OUT));
    assert_non_null(strstr(error.message, "No space left"));
    expect_text(OUT, "old");
    expect_files(1);
}

static void test_a_missing_folder_is_an_error(void **state)
{
    (void)state;
    vit158_file_writer out;
    vit158_error error;
    assert_int_equal(vit158_file_begin(&out, "no_such_folder/file", &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "no_such_folder/file"));
}

static void test_reads_up_to_a_limit(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    write_text(OUT, "12345");
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, OUT, 5, &error), VIT158_OK);
    assert_int_equal(n_bytes, 5);
    free(bytes);
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, OUT, 4, &error), VIT158_E_LIMIT);
    assert_null(bytes);
    write_text(OUT, "");
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, OUT, 4, &error), VIT158_OK);
    assert_int_equal(n_bytes, 0);
    free(bytes);
}

static void test_folders_and_missing_files_are_errors(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, ".", 0, &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "folder"));
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, OUT ".none", 0, &error), VIT158_E_IO);
}

static void test_reads_a_pipe_to_its_end(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    for (size_t limit = COUNT; limit >= COUNT - 1; limit--) {
        assert_int_equal(mkfifo(PIPE, 0600), 0);
        const pid_t child = fork();
        if (child == 0) {
            FILE *const pipe = fopen(PIPE, "wb");
            for (unsigned i = 0; i < COUNT; i++)
                fputc((int)(i % 251), pipe);
            fclose(pipe);
            _exit(0);
        }
        const vit158_status status = vit158_file_read(&bytes, &n_bytes, PIPE, limit, &error);
        assert_int_equal(status, limit == COUNT ? VIT158_OK : VIT158_E_LIMIT);
        for (size_t i = 0; bytes != NULL && i < n_bytes; i++)
            assert_int_equal(bytes[i], i % 251);
        free(bytes);
        waitpid(child, NULL, 0);
        remove(PIPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_replaces_a_file_at_commit, remove_files),
        cmocka_unit_test_teardown(test_abandoned_writer_leaves_the_old_file, remove_files),
        cmocka_unit_test_teardown(test_two_writers_of_one_name, remove_files),
        cmocka_unit_test_teardown(test_names_that_exist_are_passed_over, remove_files),
        cmocka_unit_test_teardown(test_a_full_disk_is_an_error, remove_files),
        cmocka_unit_test_teardown(test_a_missing_folder_is_an_error, remove_files),
        cmocka_unit_test_teardown(test_reads_up_to_a_limit, remove_files),
        cmocka_unit_test_teardown(test_folders_and_missing_files_are_errors, remove_files),
        cmocka_unit_test_teardown(test_reads_a_pipe_to_its_end, remove_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
