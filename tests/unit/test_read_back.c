/* SPDX-License-Identifier: MIT
 *
 * Safetensors files whose calls to the system fail, and models that cannot be read back once they
 * are written: nothing takes the old file's place.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "unit/model_parts.h"

#define OUT "test_read_back.tmp.safetensors"

typedef enum call { NONE, FOPEN, FERROR, FREAD, FSEEKO, FTELLO, FSYNC } call;

static call failing;
static int turn;  /* 1: the next one fails, 0: none */
static int cause; /* errno */

static bool fails(call what)
{
    if (what != failing || turn == 0 || --turn != 0)
        return false;
    errno = cause;
    return true;
}

static void let_fail(call what, int of_them, int number)
{
    failing = what;
    turn = of_them;
    cause = number;
}

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
    return fails(FOPEN) ? NULL : __real_fopen(path, mode);
}

int __real_ferror(FILE *file);
int __wrap_ferror(FILE *file);
int __wrap_ferror(FILE *file)
{
    return fails(FERROR) ? 1 : __real_ferror(file);
}

size_t __real_fread(void *out, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *out, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *out, size_t size, size_t count, FILE *file)
{
    return fails(FREAD) ? 0 : __real_fread(out, size, count, file);
}

int __real_fseeko(FILE *file, off_t offset, int from);
int __wrap_fseeko(FILE *file, off_t offset, int from);
int __wrap_fseeko(FILE *file, off_t offset, int from)
{
    return fails(FSEEKO) ? -1 : __real_fseeko(file, offset, from);
}

off_t __real_ftello(FILE *file);
off_t __wrap_ftello(FILE *file);
off_t __wrap_ftello(FILE *file)
{
    return fails(FTELLO) ? -1 : __real_ftello(file);
}

int __real_fsync(int handle);
int __wrap_fsync(int handle);
int __wrap_fsync(int handle)
{
    return fails(FSYNC) ? -1 : __real_fsync(handle);
}

static void test_each_call_of_a_reader(void **state)
{
    (void)state;
    static const struct {
        call what;
        int turn, cause;
        vit158_status status;
        const char *words;
    } cases[] = {{FOPEN, 1, EACCES, VIT158_E_IO, "may not be read"},
                 {FSEEKO, 1, EIO, VIT158_E_IO, "Input/output error"}, /* its length */
                 {FTELLO, 1, EIO, VIT158_E_IO, "Input/output error"},
                 {FSEEKO, 2, EIO, VIT158_E_IO, "Input/output error"}, /* to what is read */
                 {FREAD, 1, EIO, VIT158_E_IO, "Input/output error"},
                 {FREAD, 1, 0, VIT158_E_TRUNCATED, "ends unexpectedly"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit158_safetensors *file;
        vit158_error error;
        let_fail(cases[i].what, cases[i].turn, cases[i].cause);
        const vit158_status status =
            vit158_safetensors_open(&file, VIT158_TEST_DATA "/tiny/float-2.safetensors", &error);
        assert_int_equal(turn, 0);
        let_fail(NONE, 0, 0);
        if (status != cases[i].status || strstr(error.message, cases[i].words) == NULL)
            fail_msg("case %zu: %d %s", i, (int)status, error.message);
        assert_null(file);
    }
}

static void test_a_model_that_cannot_be_read_back(void **state)
{
    (void)state;
    static const struct {
        call what;
        vit158_status status;
        const char *words;
    } cases[] = {{FSYNC, VIT158_E_IO, "cannot be written: Input/output error"},
                 {FOPEN, VIT158_E_IO, "cannot be read back"},
                 {FERROR, VIT158_E_IO, "the new file cannot be read back"},
                 {FREAD, VIT158_E_TRUNCATED, "the file ends"}};
    const vit158_synth_options options = synth_small();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit158_error error;
        let_fail(cases[i].what, 1, EIO);
        const vit158_status status = vit158_synth_file(OUT, &options, NULL, &error);
        assert_int_equal(turn, 0);
        let_fail(NONE, 0, 0);
        if (status != cases[i].status || strstr(error.message, cases[i].words) == NULL)
            fail_msg("case %zu: %d %s", i, (int)status, error.message);
        assert_int_not_equal(remove(OUT), 0);
    }
    vit158_error error;
    assert_int_equal(vit158_synth_file(OUT, &options, NULL, &error), VIT158_OK);
    assert_int_equal(remove(OUT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_of_a_reader),
        cmocka_unit_test(test_a_model_that_cannot_be_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
