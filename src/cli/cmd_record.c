/* SPDX-License-Identifier: MIT
 *
 * vit158 record: what a model gives for images, as a golden file for `vit158 verify`.
 * web/COMMANDS.md describes both.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/golden_run.h"
#include "cli/json_file.h"
#include "model/json_in.h"

static vit158_status check_name(const char *name, vit158_error *error)
{
    const uint8_t *const text = (const uint8_t *)name;
    const size_t n_bytes = strlen(name);
    for (size_t at = 0; at < n_bytes;) {
        const size_t length = vit158_utf8_length(text + at, n_bytes - at);
        if (length == 0)
            return vit158_fail(error, VIT158_E_ARGUMENT, "the file's name is not UTF-8");
        at += length;
    }
    return VIT158_OK;
}

/* Name of `file` as the golden file at `out` has it. */
static vit158_status name_beside(char **name, const char *out, const char *file,
                                 vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_relative_path(name, out, file, error));
    const vit158_status status = check_name(*name, error);
    if (status != VIT158_OK) {
        free(*name);
        *name = NULL;
    }
    return status;
}

static vit158_status record_image(vit158_golden_image *image, vit158_classifier *c, const char *out,
                                  const char *file, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    char *name;
    VIT158_RETURN_IF_ERROR(vit158_read_image(&bytes, &n_bytes, file, error));
    vit158_status status = name_beside(&name, out, file, error);
    if (status == VIT158_OK) {
        status = vit158_golden_run(image, c, bytes, n_bytes, error);
        image->file = status == VIT158_OK ? name : NULL;
        if (status != VIT158_OK)
            free(name);
    }
    free(bytes);
    return status;
}

/* False if an image failed; all have been tried. */
static bool record_all(vit158_golden *golden, vit158_classifier *c, const char *out, char **files,
                       size_t count)
{
    vit158_progress progress = vit158_progress_start(count);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        vit158_error error;
        if (record_image(&golden->images[golden->image_count], c, out, files[i], &error) ==
            VIT158_OK) {
            golden->image_count++;
        } else {
            vit158_progress_clear(&progress);
            vit158_complain("record", files[i], &error);
            ok = false;
        }
        vit158_progress_update(&progress, i + 1);
    }
    vit158_progress_clear(&progress);
    return ok;
}

static void print_done(const vit158_classifier *c, const char *out, size_t count, size_t n_bytes,
                       bool as_json)
{
    const uint32_t numerics = vit158_numerics_version();
    if (!as_json) {
        vit158_print_safely(stdout, out);
        printf(": %zu image%s, model ", count, count == 1 ? "" : "s");
        vit158_print_safely(stdout, c->name);
        printf(", numerics %u, %zu bytes\n", numerics, n_bytes);
        return;
    }
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "golden", out);
    vit158_json_number(&json, "pictures", (double)count);
    vit158_json_text(&json, "model", c->name);
    vit158_json_number(&json, "numerics_version", numerics);
    vit158_json_number(&json, "bytes", (double)n_bytes);
    vit158_json_close(&json, '}');
    putchar('\n');
}

/* What the session merges, in memory of its own; NULL if nothing. */
static vit158_status name_merges(char **out, const vit158_session *session, vit158_error *error)
{
    char merges[4096];
    vit158_session_merges(session, merges, sizeof merges);
    *out = strcmp(merges, "off") != 0 ? strdup(merges) : NULL;
    return *out != NULL || strcmp(merges, "off") == 0
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
}

static int record(vit158_classifier *c, const char *out, char **files, size_t count, bool as_json)
{
    vit158_error error;
    size_t n_bytes = 0;
    vit158_golden golden = {.numerics_version = vit158_numerics_version(),
                            .images = calloc(count, sizeof *golden.images)};
    vit158_status status = VIT158_OK;
    if (golden.images == NULL)
        status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the results");
    if (status == VIT158_OK) /* before the images: there may be no such folder */
        status = name_beside(&golden.model_file, out, c->path, &error);
    if (status == VIT158_OK && !record_all(&golden, c, out, files, count)) {
        vit158_golden_free(&golden);
        return VIT158_EXIT_FAILED;
    }
    if (status == VIT158_OK)
        status = name_merges(&golden.merge, c->session, &error);
    if (status == VIT158_OK)
        status = vit158_hash_file(golden.model_sha256, c->path, &error);
    if (status == VIT158_OK)
        status = vit158_golden_write(&n_bytes, &golden, out, &error);
    vit158_golden_free(&golden);
    if (status != VIT158_OK)
        return vit158_complain("record", out, &error);
    print_done(c, out, count, n_bytes, as_json);
    return VIT158_EXIT_OK;
}

int vit158_cmd_record(int argc, char **argv)
{
    vit158_run_options run = {0};
    const char *out = NULL;
    bool json = false;
    vit158_option options[1 + VIT158_RUN_OPTION_COUNT];
    vit158_run_option_rows(options + 1, &run);
    /* The model is an argument here; its row makes room. */
    options[0] = (vit158_option){.name = "--output",
                                 .letter = "-o",
                                 .placeholder = "FILE",
                                 .help = "the golden file to write (required)",
                                 .kind = VIT158_OPTION_TEXT,
                                 .value = &out};
    options[1] = (vit158_option){.name = "--json",
                                 .help = "print what was written as a JSON object",
                                 .kind = VIT158_OPTION_FLAG,
                                 .value = &json};
    const vit158_usage usage = {
        .synopsis = "record MODEL FILE... -o GOLDEN [options]",
        .about = "Records what MODEL gives for JPEG, PNG and WebP images: logits, top-1 and a hash "
                 "of every step.\n`vit158 verify GOLDEN` compares with it later. MODEL is a file, "
                 "or a model in models/.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 2,
        .max_arguments = INT32_MAX,
        .notes = "The golden file names the images relative to itself. Nothing is written if one "
                 "of them fails.\nExit codes: 0 success, 1 something failed, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (out == NULL)
        return vit158_options_mistake("record", "say where to write with -o FILE");
    run.model = arguments.values[0];
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &run))
        return VIT158_EXIT_FAILED;
    const int result = record(&c, out, arguments.values + 1, (size_t)arguments.count - 1, json);
    vit158_classifier_close(&c);
    return result;
}
