/* SPDX-License-Identifier: MIT
 *
 * vit158 info: what a model is and what running it takes. web/COMMANDS.md describes the JSON.
 */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/image_classifier.h"
#include "model/json_in.h"

typedef struct field {
    const char *name;
    double value;
} field;

#define FIELD_COUNT 14

static void list_fields(field fields[FIELD_COUNT], const vit158_model_info *info)
{
    const field list[FIELD_COUNT] = {
        {"image_size", info->image_size},
        {"patch_size", info->patch_size},
        {"channels", info->channels},
        {"dim", info->dim},
        {"depth", info->depth},
        {"heads", info->heads},
        {"mlp_dim", info->mlp_dim},
        {"classes", info->classes},
        {"tokens", info->tokens},
        {"parameters", (double)info->parameters},
        {"ternary_parameters", (double)info->ternary_parameters},
        {"int8_parameters", (double)info->int8_parameters},
        {"file_bytes", (double)info->file_bytes},
        {"weight_bytes", (double)info->weight_bytes},
    };
    memcpy(fields, list, sizeof list);
}

/* Lists too long to show. */
static bool is_long(const char *key)
{
    return strcmp(key, "labels") == 0 || strcmp(key, "wnids") == 0 || strcmp(key, "encodings") == 0;
}

/* Calls `show` with each key and value of the metadata that is not a long list; `key` has room for
 * the whole metadata. */
static void each_metadata(const vit158_model *model, char *key, void *context,
                          void (*show)(void *context, const char *key, const char *value))
{
    const char *const text = vit158_model_metadata_json(model);
    const size_t n_bytes = strlen(text);
    vit158_json_string name, value;
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_json_in_enter(&in, '{');
    while (vit158_json_in_next(&in, '}') && vit158_json_in_key(&in, &name) &&
           vit158_json_in_text(&in, &value)) {
        vit158_json_string_decode(key, &name);
        if (!is_long(key))
            show(context, key, vit158_model_metadata(model, key));
    }
}

static void show_json(void *context, const char *key, const char *value)
{
    vit158_json_text(context, key, value);
}

static void show_text(void *context, const char *key, const char *value)
{
    (void)context;
    printf("  ");
    vit158_print_safely(stdout, key);
    printf("%*s ", (int)strlen(key) < 20 ? 20 - (int)strlen(key) : 0, "");
    vit158_print_safely(stdout, value);
    putchar('\n');
}

static void print_json(const vit158_classifier *c, const field fields[FIELD_COUNT], char *key)
{
    vit158_json json = {.out = stdout};
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "version", vit158_version());
    vit158_json_number(&json, "numerics_version", vit158_numerics_version());
    vit158_json_text(&json, "engine", vit158_session_engine(c->session));
    vit158_json_text(&json, "model", c->name);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        vit158_json_number(&json, fields[i].name, fields[i].value);
    vit158_json_number(&json, "memory_bytes", vit158_classifier_memory(c));
    vit158_json_open(&json, "metadata", '{');
    each_metadata(c->model, key, &json, show_json);
    vit158_json_close(&json, '}');
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const vit158_classifier *c, const field fields[FIELD_COUNT], char *key)
{
    printf("vit158 %s, numerics %u, %s\n%s\n", vit158_version(), vit158_numerics_version(),
           vit158_session_engine(c->session), c->name);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        printf("  %-20s %.0f\n", fields[i].name, fields[i].value);
    printf("  %-20s %.0f\nmetadata\n", "memory_bytes", vit158_classifier_memory(c));
    each_metadata(c->model, key, NULL, show_text);
}

int vit158_cmd_info(int argc, char **argv)
{
    vit158_run_options run = {0};
    bool json = false;
    vit158_option options[1 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--json",
         .help = "the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &json},
    };
    vit158_run_option_rows(options + 1, &run);
    const vit158_usage usage = {
        .synopsis = "info [options]",
        .about = "Shows a model's geometry, the memory it needs to run, and its metadata.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .notes = "Exit codes: 0 all went well, 1 the model failed to load, 2 wrong command line."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &run))
        return VIT158_EXIT_FAILED;
    field fields[FIELD_COUNT];
    list_fields(fields, &c.info);
    char *const key = malloc(strlen(vit158_model_metadata_json(c.model)) + 1);
    int result = VIT158_EXIT_OK;
    if (key == NULL) {
        vit158_error error;
        vit158_fail(&error, VIT158_E_MEMORY, "no memory for the metadata");
        result = vit158_complain("info", c.name, &error);
    } else if (json) {
        print_json(&c, fields, key);
    } else {
        print_text(&c, fields, key);
    }
    free(key);
    vit158_classifier_close(&c);
    return result;
}
