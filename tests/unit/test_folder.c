/* SPDX-License-Identifier: MIT
 *
 * Folders: what is listed, in which order, what is left out; words for what cannot be opened.
 */
#define _POSIX_C_SOURCE 200809L
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_problem.h"
#include "base/folder.h"

static char folder[] = "folder-XXXXXX";

/* "folder/name"; valid until the next call. */
static const char *inside(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    FILE *const file = fopen(inside(name), "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void test_names_are_listed_in_order(void **state)
{
    (void)state;
    static const char *const images[] = {"B.PNG", "a.jpg", "b.jpeg", "c.webp"};
    static const char *const others[] = {".hidden.jpg", "jpg", "notes.txt"};
    static const char *const folders[] = {"one", "two"};
    vit158_error error;
    vit158_names names;
    assert_non_null(mkdtemp(folder));
    for (size_t i = sizeof images / sizeof *images; i-- > 0;)
        make_file(images[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        make_file(others[i]);
    for (size_t i = sizeof folders / sizeof *folders; i-- > 0;)
        assert_int_equal(vit158_make_folder(inside(folders[i]), &error), VIT158_OK);
    assert_int_equal(vit158_make_folder(inside("one"), &error), VIT158_OK);
    assert_int_equal(symlink("nowhere", inside("link")), 0); /* is no folder, and is passed over */

    assert_int_equal(vit158_list_folder(&names, folder, VIT158_ENTRY_IMAGE, &error), VIT158_OK);
    assert_int_equal(names.count, sizeof images / sizeof *images);
    for (size_t i = 0; i < names.count; i++)
        assert_string_equal(names.values[i], images[i]);
    vit158_names_free(&names);
    assert_int_equal(vit158_list_folder(&names, folder, VIT158_ENTRY_FOLDER, &error), VIT158_OK);
    assert_int_equal(names.count, sizeof folders / sizeof *folders);
    for (size_t i = 0; i < names.count; i++)
        assert_string_equal(names.values[i], folders[i]);
    vit158_names_free(&names);
    assert_int_equal(vit158_list_folder(&names, inside("one"), VIT158_ENTRY_IMAGE, &error),
                     VIT158_OK);
    assert_int_equal(names.count, 0);
    vit158_names_free(&names);
}

static void test_many_names_are_listed(void **state)
{
    (void)state;
    vit158_error error;
    vit158_names names;
    char name[32];
    for (uint32_t i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "one/%03u.jpg", i);
        make_file(name);
    }
    assert_int_equal(vit158_list_folder(&names, inside("one"), VIT158_ENTRY_IMAGE, &error),
                     VIT158_OK);
    assert_int_equal(names.count, 150);
    assert_string_equal(names.values[149], "149.jpg");
    vit158_names_free(&names);
}

static void test_what_is_no_folder(void **state)
{
    (void)state;
    vit158_error error;
    vit158_names names;
    assert_int_equal(vit158_list_folder(&names, inside("a.jpg"), VIT158_ENTRY_IMAGE, &error),
                     VIT158_E_IO);
    assert_string_equal(error.message, "it is not a folder");
    assert_int_equal(vit158_list_folder(&names, inside("none"), VIT158_ENTRY_IMAGE, &error),
                     VIT158_E_IO);
    assert_string_equal(error.message, "there is no such file");
    assert_int_equal(vit158_make_folder(inside("none/deeper"), &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "none/deeper: there is no such folder"));
    assert_int_equal(vit158_make_folder(inside("a.jpg"), &error), VIT158_E_IO);
    assert_non_null(strstr(error.message, "a.jpg: a file has that name"));
    assert_true(vit158_is_folder(folder));
    assert_false(vit158_is_folder(inside("a.jpg")));
    assert_false(vit158_is_image_name("jpg"));
}

static void test_paths_are_joined(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "/b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *const path = vit158_join_path(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void test_problems_have_words(void **state)
{
    (void)state;
    static const int numbers[] = {ENOENT, ENOTDIR,      EACCES, EPERM, EISDIR,
                                  ELOOP,  ENAMETOOLONG, EMFILE, ENFILE};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_string_not_equal(vit158_file_problem(numbers[i]), strerror(numbers[i]));
    assert_string_equal(vit158_file_problem(ENOSPC), strerror(ENOSPC));
    assert_string_equal(vit158_write_problem(ENOTDIR), "there is no such folder");
    for (size_t i = 2; i < 4; i++)
        assert_string_equal(vit158_write_problem(numbers[i]), "it may not be written");
    assert_string_equal(vit158_write_problem(EROFS), "it may not be written");
    assert_string_equal(vit158_write_problem(EISDIR), "it is a folder");
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_listed_in_order),
        cmocka_unit_test(test_many_names_are_listed),
        cmocka_unit_test(test_what_is_no_folder),
        cmocka_unit_test(test_paths_are_joined),
        cmocka_unit_test(test_problems_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
