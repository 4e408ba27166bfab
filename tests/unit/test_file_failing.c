/* SPDX-License-Identifier: MIT
 *
 * base/file.h and base/folder.h with the system refusing: each call that they make fails in its
 * turn. The old file stays, no other one does, and no failure is passed over.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder.h"

#define OUT "test_file_failing.out"
#define FOLDER "test_file_failing.folder"

typedef enum call {
    NONE,
    MALLOC,
    REALLOC,
    FDOPEN,
    FWRITE,
    FFLUSH,
    FSYNC,
    FCLOSE,
    RENAME,
    OPEN
} call;

#define EVERY_TURN (-1)

static struct {
    call what;
    int turn;        /* 1: the next one fails, 0: none, EVERY_TURN: all */
    bool close_too;  /* and closing fails besides */
    int cause;       /* errno */
    bool rooted;     /* files below / are /dev/null, and a rename to there succeeds */
    char opened[64]; /* the last folder */
} plan;

/* Whether this call is the one that fails. */
static bool fails(call what)
{
    if (plan.what != what || plan.turn == 0 || (plan.turn != EVERY_TURN && --plan.turn != 0))
        return false;
    errno = plan.cause;
    return true;
}

static void let_fail(call what, int turn, int cause)
{
    plan.what = what;
    plan.turn = turn;
    plan.cause = cause;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails(MALLOC) ? NULL : __real_malloc(size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    return fails(REALLOC) ? NULL : __real_realloc(block, size);
}

FILE *__real_fdopen(int handle, const char *mode);
FILE *__wrap_fdopen(int handle, const char *mode);
FILE *__wrap_fdopen(int handle, const char *mode)
{
    return fails(FDOPEN) ? NULL : __real_fdopen(handle, mode);
}

size_t __real_fwrite(const void *bytes, size_t size, size_t count, FILE *file);
size_t __wrap_fwrite(const void *bytes, size_t size, size_t count, FILE *file);
size_t __wrap_fwrite(const void *bytes, size_t size, size_t count, FILE *file)
{
    return fails(FWRITE) ? 0 : __real_fwrite(bytes, size, count, file);
}

int __real_fflush(FILE *file);
int __wrap_fflush(FILE *file);
int __wrap_fflush(FILE *file)
{
    return fails(FFLUSH) ? EOF : __real_fflush(file);
}

int __real_fsync(int handle);
int __wrap_fsync(int handle);
int __wrap_fsync(int handle)
{
    if (fails(FSYNC))
        return -1;
    return plan.rooted ? 0 : __real_fsync(handle); /* a device has nothing to sync */
}

int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    const bool failing = plan.close_too || fails(FCLOSE);
    const int result = __real_fclose(file);
    errno = failing ? plan.cause : errno;
    return failing ? EOF : result;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (fails(RENAME))
        return -1;
    return plan.rooted ? 0 : __real_rename(from, to);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    const int mode = (flags & O_CREAT) != 0 ? va_arg(list, int) : 0;
    va_end(list);
    if (fails(OPEN))
        return -1;
    if ((flags & O_DIRECTORY) != 0)
        snprintf(plan.opened, sizeof plan.opened, "%s", path);
    if (plan.rooted && (flags & O_CREAT) != 0)
        return __real_open("/dev/null", O_WRONLY);
    return __real_open(path, flags, mode);
}

/* Writes OUT; the status of the first call that has one. */
static vit158_status write_file(const char *path, vit158_error *error)
{
    vit158_file_writer out;
    const vit158_status begun = vit158_file_begin(&out, path, error);
    if (begun != VIT158_OK)
        return begun;
    vit158_file_add(&out, "ne", 2);
    vit158_file_add(&out, "", 0);
    vit158_file_add(&out, "w", 1);
    if (vit158_file_flush(&out, error) == VIT158_OK) /* said again by the commit */
        vit158_file_add(&out, "er", 2);
    return vit158_file_commit(&out, error);
}

static void expect_text(const char *text)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    let_fail(NONE, 0, 0);
    assert_int_equal(vit158_file_read(&bytes, &n_bytes, OUT, 0, &error), VIT158_OK);
    assert_string_equal((const char *)bytes, text);
    free(bytes);
    glob_t found;
    assert_int_equal(glob(OUT "*", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1); /* no temporary file */
    globfree(&found);
}

static void test_each_call_of_a_writer(void **state)
{
    (void)state;
    static const struct {
        call what;
        int turn, cause;
        vit158_status status;
        const char *words;
    } cases[] = {{MALLOC, 1, ENOMEM, VIT158_E_MEMORY, "not enough memory to write"},
                 {MALLOC, 2, ENOMEM, VIT158_E_MEMORY, "not enough memory to write"},
                 {OPEN, 1, EACCES, VIT158_E_IO, "it may not be written"},
                 {FDOPEN, 1, ENOMEM, VIT158_E_IO, "Cannot allocate memory"},
                 {FWRITE, 1, ENOSPC, VIT158_E_IO, "No space left"},
                 {FWRITE, 2, ENOSPC, VIT158_E_IO, "No space left"},
                 {FFLUSH, 1, EIO, VIT158_E_IO, "Input/output error"},
                 {FFLUSH, 2, EIO, VIT158_E_IO, "Input/output error"},
                 {FSYNC, 1, EDQUOT, VIT158_E_IO, "quota"},
                 {FSYNC, 2, EDQUOT, VIT158_E_IO, "quota"},
                 {FCLOSE, 1, EIO, VIT158_E_IO, "Input/output error"},
                 {RENAME, 1, EISDIR, VIT158_E_IO, "it is a folder"}};
    vit158_error error;
    FILE *old = fopen(OUT, "w");
    assert_true(old != NULL && fputs("old", old) >= 0 && fclose(old) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        let_fail(cases[i].what, cases[i].turn, cases[i].cause);
        const vit158_status status = write_file(OUT, &error);
        assert_int_equal(plan.turn, 0); /* it came to that call */
        if (status != cases[i].status || strstr(error.message, cases[i].words) == NULL)
            fail_msg("case %zu: %d %s", i, (int)status, error.message);
        expect_text("old");
    }
    /* What is said first counts: a disk that is full, then one that fails. */
    let_fail(FWRITE, 1, ENOSPC);
    plan.close_too = true;
    assert_int_equal(write_file(OUT, &error), VIT158_E_IO);
    plan.close_too = false;
    assert_non_null(strstr(error.message, "No space left"));
    expect_text("old");
    /* All names that there may be are taken. */
    let_fail(OPEN, EVERY_TURN, EEXIST);
    assert_int_equal(write_file(OUT, &error), VIT158_E_IO);
    expect_text("old");
    /* What comes after the rename loses nothing. */
    let_fail(OPEN, 2, EACCES);
    assert_int_equal(write_file(OUT, &error), VIT158_OK);
    expect_text("newer");
    remove(OUT);
    vit158_file_abandon(&(vit158_file_writer){0}); /* one that never began */
}

static void test_the_folder_is_made_sure_of(void **state)
{
    (void)state;
    vit158_error error;
    assert_int_equal(mkdir(FOLDER, 0777), 0);
    assert_int_equal(write_file(OUT, &error), VIT158_OK);
    assert_string_equal(plan.opened, ".");
    assert_int_equal(write_file(FOLDER "/a", &error), VIT158_OK);
    assert_string_equal(plan.opened, FOLDER);
    plan.rooted = true;
    assert_int_equal(write_file("/a", &error), VIT158_OK);
    plan.rooted = false;
    assert_string_equal(plan.opened, "/");
    remove(OUT);
    remove(FOLDER "/a");
    rmdir(FOLDER);
}

static void test_reading_without_memory_and_from_what_is_for_writing(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n_bytes;
    vit158_error error;
    FILE *zeros = fopen("/dev/zero", "rb");
    assert_non_null(zeros);
    let_fail(MALLOC, 1, ENOMEM);
    assert_int_equal(vit158_file_read_open(&bytes, &n_bytes, zeros, 1 << 20, &error),
                     VIT158_E_MEMORY);
    let_fail(REALLOC, 2, ENOMEM);
    assert_int_equal(vit158_file_read_open(&bytes, &n_bytes, zeros, 1 << 20, &error),
                     VIT158_E_MEMORY);
    assert_int_equal(vit158_file_read_open(&bytes, &n_bytes, zeros, 1 << 20, &error),
                     VIT158_E_LIMIT);
    assert_null(bytes);
    fclose(zeros);
    FILE *for_writing = fopen(OUT, "wb");
    assert_non_null(for_writing);
    assert_int_equal(vit158_file_read_open(&bytes, &n_bytes, for_writing, 0, &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "cannot read the file"));
    fclose(for_writing);
    remove(OUT);
}

static void test_a_folder_without_memory(void **state)
{
    (void)state;
    vit158_error error;
    vit158_names names;
    assert_int_equal(mkdir(FOLDER, 0777), 0);
    assert_int_equal(mkdir(FOLDER "/b", 0777), 0);
    for (int kind = 0; kind < 2; kind++) {
        let_fail(kind == 0 ? REALLOC : MALLOC, 1, ENOMEM);
        assert_int_equal(vit158_list_folder(&names, FOLDER, VIT158_ENTRY_FOLDER, &error),
                         VIT158_E_MEMORY);
        assert_int_equal(names.count, 0);
    }
    let_fail(MALLOC, 1, ENOMEM);
    assert_null(vit158_join_path("a", "b"));
    assert_int_equal(vit158_list_folder(&names, FOLDER, VIT158_ENTRY_FOLDER, &error), VIT158_OK);
    assert_int_equal(names.count, 1);
    vit158_names_free(&names);
    rmdir(FOLDER "/b");
    rmdir(FOLDER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_of_a_writer),
        cmocka_unit_test(test_the_folder_is_made_sure_of),
        cmocka_unit_test(test_reading_without_memory_and_from_what_is_for_writing),
        cmocka_unit_test(test_a_folder_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
