/* SPDX-License-Identifier: MIT
 *
 * vit158 info: what a model is and what running it takes. web/COMMANDS.md describes the JSON.
 */
#include "cli/commands.h"

#include <stdio.h>

#include "cli/facts_text.h"
#include "cli/image_classifier.h"
#include "cli/json_file.h"

static void print_json(const vit158_classifier *c)
{
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "version", vit158_version());
    vit158_json_number(&json, "numerics_version", vit158_numerics_version());
    vit158_json_text(&json, "engine", vit158_session_engine(c->session));
    vit158_json_text(&json, "model", c->name);
    vit158_info_json(&json, &c->info, false);
    vit158_json_number(&json, "memory_bytes", vit158_classifier_memory(c));
    vit158_metadata_json(&json, &c->model->header, false);
    vit158_json_close(&json, '}');
    putchar('\n');
}

static void print_text(const vit158_classifier *c)
{
    printf("vit158 %s, numerics %u, %s\n%s\n", vit158_version(), vit158_numerics_version(),
           vit158_session_engine(c->session), c->name);
    vit158_print_info(&c->info, false);
    vit158_print_number("memory_bytes", vit158_classifier_memory(c));
    vit158_print_metadata(&c->model->header);
}

int vit158_cmd_info(int argc, char **argv)
{
    vit158_run_options run = {0};
    bool json = false;
    vit158_option options[1 + VIT158_RUN_OPTION_COUNT] = {
        {.name = "--json",
         .help = "print the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &json},
    };
    vit158_run_option_rows(options + 1, &run);
    const vit158_usage usage = {
        .synopsis = "info [options]",
        .about = "Shows a model's geometry, the memory it needs to run, and its metadata.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .notes = "Exit codes: 0 success, 1 the model failed to load, 2 wrong usage."};
    vit158_arguments rest;
    const int parsed = vit158_parse_options(&usage, &rest, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_classifier c;
    if (!vit158_classifier_open(&c, argv[0], &run))
        return VIT158_EXIT_FAILED;
    (json ? print_json : print_text)(&c);
    vit158_classifier_close(&c);
    return VIT158_EXIT_OK;
}
