/* SPDX-License-Identifier: MIT
 *
 * vit158 verify: runs the images of a golden file again and says what differs, from which step
 * on. web/COMMANDS.md describes the rules and the JSON.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sha256.h"
#include "base/shortest.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/find_model.h"
#include "cli/golden_run.h"
#include "cli/json_file.h"

typedef struct verdict {
    const char *problem; /* NULL, "unreadable", "changed" or "differs" */
    bool ran;
    vit158_golden_difference difference;
    uint32_t found_index;
    char *found_label; /* owned, NULL if the image was not run */
} verdict;

typedef struct verify_options {
    vit158_run_options run;
    double tolerance; /* < 0: every bit counts */
    bool json;
} verify_options;

static vit158_status another(const char *what, const char *found, const char *recorded,
                             vit158_error *error)
{
    return vit158_fail(error, VIT158_E_ARGUMENT,
                       "another %s than the one recorded: its SHA-256 is %.*s..., not %.*s...",
                       what, 12, found, 12, recorded);
}

/* ---- The model --------------------------------------------------------------------------------
 */

/* Where --model leads, else the file named, else a model of that name in the collection. */
static vit158_status find(char **path, const vit158_golden *golden, const char *where,
                          const char *wanted, vit158_error *error)
{
    if (wanted != NULL)
        return vit158_find_model(path, wanted, error);
    *path = vit158_path_beside(where, golden->model_file);
    if (*path == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a path");
    if (access(*path, R_OK) == 0)
        return VIT158_OK;
    free(*path);
    if (vit158_find_model(path, vit158_base_name(golden->model_file), error) == VIT158_OK)
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_IO,
                       "its model %s is not there: say where it is with --model",
                       golden->model_file);
}

/* Finds the model and sees that it is the one recorded. */
static vit158_status settle_model(char **path, const vit158_golden *golden, const char *where,
                                  const verify_options *options, vit158_error *error)
{
    char hash[65];
    const uint32_t numerics = vit158_numerics_version();
    VIT158_RETURN_IF_ERROR(find(path, golden, where, options->run.model, error));
    vit158_status status = vit158_hash_file(hash, *path, error);
    if (status == VIT158_OK && strcmp(hash, golden->model_sha256) != 0)
        status = another("model", hash, golden->model_sha256, error);
    if (status == VIT158_OK && options->tolerance < 0 && golden->numerics_version != numerics)
        status = vit158_fail(error, VIT158_E_UNSUPPORTED,
                             "recorded with numerics version %u, this is %u: compare with a "
                             "tolerance, or record anew",
                             golden->numerics_version, numerics);
    if (status != VIT158_OK) {
        free(*path);
        *path = NULL;
    }
    return status;
}

/* ---- The images -----------------------------------------------------------------------------
 */

static vit158_status run_and_compare(verdict *v, vit158_classifier *c,
                                     const vit158_golden_image *expected, const uint8_t *bytes,
                                     size_t n_bytes, double tolerance, vit158_error *error)
{
    char hash[65];
    vit158_golden_image found;
    vit158_sha256_hex(hash, bytes, n_bytes);
    if (strcmp(hash, expected->sha256) != 0) {
        v->problem = "changed";
        return another("image", hash, expected->sha256, error);
    }
    if (expected->logit_count != c->info.classes)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%zu logits were recorded, the model has %u classes",
                           expected->logit_count, c->info.classes);
    VIT158_RETURN_IF_ERROR(vit158_golden_run(&found, c, bytes, n_bytes, error));
    vit158_golden_compare(&v->difference, expected, &found, tolerance);
    v->ran = true;
    v->problem = v->difference.ok ? NULL : "differs";
    v->found_index = found.top1_index;
    v->found_label = found.top1_label;
    found.top1_label = NULL;
    vit158_golden_image_free(&found);
    return VIT158_OK;
}

static void verify_image(verdict *v, vit158_classifier *c, const vit158_golden_image *expected,
                         const char *where, double tolerance)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    vit158_error error;
    char *const path = vit158_path_beside(where, expected->file);
    *v = (verdict){.problem = "unreadable"};
    vit158_status status = path != NULL ? vit158_read_image(&bytes, &n_bytes, path, &error)
                                        : vit158_fail(&error, VIT158_E_MEMORY, "not enough memory");
    if (status == VIT158_OK)
        status = run_and_compare(v, c, expected, bytes, n_bytes, tolerance, &error);
    if (status != VIT158_OK)
        snprintf(v->difference.message, sizeof v->difference.message, "%s", error.message);
    free(bytes);
    free(path);
}

/* ---- The report -------------------------------------------------------------------------------
 */

static void print_top1(vit158_json *json, const char *key, uint32_t index, const char *label)
{
    vit158_json_open(json, key, '{');
    vit158_json_number(json, "index", index);
    vit158_json_text(json, "label", label);
    vit158_json_close(json, '}');
}

static void print_result(vit158_json *json, const vit158_golden_image *image, const verdict *v)
{
    const char *const first = v->difference.first;
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "file", image->file);
    vit158_json_bool(json, "ok", v->problem == NULL);
    vit158_json_text(json, "problem", v->problem);
    vit158_json_text(json, "message", v->difference.message);
    vit158_json_text(json, "first_difference", *first != '\0' ? first : NULL);
    if (v->ran)
        vit158_json_number(json, "max_difference", v->difference.max_logit);
    else
        vit158_json_raw(json, "max_difference", "null");
    print_top1(json, "expected", image->top1_index, image->top1_label);
    if (v->ran)
        print_top1(json, "found", v->found_index, v->found_label);
    else
        vit158_json_raw(json, "found", "null");
    vit158_json_close(json, '}');
}

static void print_json(const vit158_classifier *c, const vit158_golden *golden, const char *path,
                       const verdict *verdicts, size_t same, double tolerance)
{
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "golden", path);
    vit158_json_bool(&json, "ok", same == golden->image_count);
    vit158_json_number(&json, "same", (double)same);
    vit158_json_number(&json, "pictures", (double)golden->image_count);
    if (tolerance >= 0)
        vit158_json_number(&json, "tolerance", tolerance);
    else
        vit158_json_raw(&json, "tolerance", "null");
    vit158_json_open(&json, "results", '[');
    for (size_t i = 0; i < golden->image_count; i++)
        print_result(&json, &golden->images[i], &verdicts[i]);
    vit158_json_close(&json, ']');
    vit158_json_text(&json, "model", c->name);
    vit158_json_text(&json, "engine", vit158_session_engine(c->session));
    vit158_json_number(&json, "numerics_version", vit158_numerics_version());
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_summary(const vit158_classifier *c, size_t same, size_t count, double tolerance)
{
    char number[48] = "";
    vit158_number_text(number, tolerance);
    printf("%zu of %zu images %s%s: model ", same, count, tolerance < 0 ? "the same" : "within ",
           tolerance < 0 ? "" : number);
    vit158_print_safely(stdout, c->name);
    printf(", %s, numerics %u\n", vit158_session_engine(c->session), vit158_numerics_version());
}

/* Complaints on stderr; without JSON also a line for each image that is as recorded. */
static size_t print_images(const vit158_golden *golden, const verdict *verdicts, bool json)
{
    size_t same = 0;
    for (size_t i = 0; i < golden->image_count; i++) {
        const char *const file = golden->images[i].file;
        const char *const message = verdicts[i].difference.message;
        if (verdicts[i].problem != NULL) {
            fprintf(stderr, "vit158 verify: ");
            vit158_print_safely(stderr, file);
            fprintf(stderr, ": ");
            vit158_print_safely(stderr, message);
            fputc('\n', stderr);
            continue;
        }
        same++;
        if (json)
            continue;
        vit158_print_safely(stdout, file);
        printf(": ");
        vit158_print_safely(stdout, message);
        putchar('\n');
    }
    return same;
}

static int verify_all(vit158_classifier *c, const vit158_golden *golden, const char *path,
                      const verify_options *options)
{
    const size_t count = golden->image_count;
    verdict *const verdicts = calloc(count, sizeof *verdicts);
    if (verdicts == NULL) {
        fprintf(stderr, "vit158 verify: not enough memory\n");
        return VIT158_EXIT_FAILED;
    }
    vit158_progress progress = vit158_progress_start(count);
    for (size_t i = 0; i < count; i++) {
        verify_image(&verdicts[i], c, &golden->images[i], path, options->tolerance);
        vit158_progress_update(&progress, i + 1);
    }
    vit158_progress_clear(&progress);
    const size_t same = print_images(golden, verdicts, options->json);
    if (options->json)
        print_json(c, golden, path, verdicts, same, options->tolerance);
    else
        print_summary(c, same, count, options->tolerance);
    for (size_t i = 0; i < count; i++)
        free(verdicts[i].found_label);
    free(verdicts);
    return same == count ? VIT158_EXIT_OK : VIT158_EXIT_FAILED;
}

static int verify(const char *path, verify_options *options)
{
    vit158_golden golden;
    vit158_error error;
    char *model = NULL;
    int result = VIT158_EXIT_FAILED;
    if (vit158_golden_read(&golden, path, &error) != VIT158_OK)
        return vit158_complain("verify", path, &error);
    if (settle_model(&model, &golden, path, options, &error) != VIT158_OK) {
        vit158_complain("verify", path, &error);
    } else {
        vit158_classifier c;
        options->run.model = model;
        if (options->run.merge == NULL)
            options->run.merge = golden.merge;
        if (vit158_classifier_open(&c, "verify", &options->run)) {
            result = verify_all(&c, &golden, path, options);
            vit158_classifier_close(&c);
        }
    }
    free(model);
    vit158_golden_free(&golden);
    return result;
}

int vit158_cmd_verify(int argc, char **argv)
{
    verify_options o = {.tolerance = -1};
    vit158_option options[2 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--tolerance",
         .placeholder = "X",
         .help = "largest difference allowed in a logit",
         .kind = VIT158_OPTION_NUMBER,
         .value = &o.tolerance,
         .min = 0,
         .max = 1e9},
        {.name = "--json",
         .help = "print the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &o.json},
    };
    vit158_run_option_rows(options + 2, &o.run);
    const vit158_usage usage = {
        .synopsis = "verify GOLDEN [options]",
        .about = "Runs the images of a golden file written by `vit158 record`, and compares every "
                 "bit of the\nlogits and of each step before them, or with --tolerance only the "
                 "logits and top-1.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes =
            "The model is the one that the golden file names, unless --model gives another; the "
            "same\nholds for what it merges and --merge.\n"
            "Exit codes: 0 all is as recorded, 1 something differs or failed, 2 wrong usage."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    return verify(rest.values[0], &o);
}
