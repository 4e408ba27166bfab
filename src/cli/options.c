/* SPDX-License-Identifier: MIT
 *
 * Option tables to values, mistakes to one-line messages. See options.h.
 */
#include "cli/options.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/nearest.h"

#define HELP_COLUMN 26
#define MAX_COLUMNS 99
#define MOST_NAME_BYTES 64

static void print_left_column(const vit158_option *option)
{
    int width = printf("  ");
    if (option->letter != NULL)
        width += printf("%s, ", option->letter);
    width += printf("%s", option->name);
    if (option->kind == VIT158_OPTION_CHOICE) {
        for (size_t i = 0; option->choices[i] != NULL; i++)
            width += printf("%c%s", i ? '|' : ' ', option->choices[i]);
    } else if (option->placeholder != NULL) {
        width += printf(" %s", option->placeholder);
    }
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s", HELP_COLUMN - width, "");
}

/* Breaks long lines at spaces; line feeds in the text stay. */
static void print_wrapped(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > MAX_COLUMNS) {
            length = MAX_COLUMNS;
            while (length > 1 && text[length] != ' ')
                length--;
        }
        printf("%.*s\n", (int)length, text);
        text += length;
        text += *text == ' ' || *text == '\n';
    }
}

static void print_help(const vit158_usage *usage)
{
    printf("usage: vit158 %s\n\n", usage->synopsis);
    print_wrapped(usage->about);
    printf("\noptions:\n");
    for (size_t i = 0; i < usage->option_count; i++) {
        print_left_column(&usage->options[i]);
        printf("%s\n", usage->options[i].help);
    }
    printf("  %-*s%s\n", HELP_COLUMN - 2, "--help", "print this text");
    if (usage->notes != NULL) {
        printf("\n");
        print_wrapped(usage->notes);
    }
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static int
mistake(const char *command, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "vit158 %s: ", command);
    vfprintf(stderr, format, list);
    fprintf(stderr, " (see vit158 %s --help)\n", command);
    va_end(list);
    return VIT158_EXIT_USAGE;
}

int vit158_options_mistake(const char *command, const char *message)
{
    return mistake(command, "%s", message);
}

static int parse_number(const char *command, const vit158_option *option, const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    const bool whole = option->kind == VIT158_OPTION_UINT;
    if (*text == '\0' || *end != '\0' || !isfinite(value) || (whole && value != floor(value)))
        return mistake(command, "%s wants a %snumber, got '%s'", option->name,
                       whole ? "whole " : "", text);
    if (value < option->min || value > option->max)
        return mistake(command, "%s must be from %.10g to %.10g, got %s", option->name, option->min,
                       option->max, text);
    if (whole)
        *(uint32_t *)option->value = (uint32_t)value;
    else
        *(double *)option->value = value;
    return VIT158_PARSE_OK;
}

static int parse_choice(const char *command, const vit158_option *option, const char *text)
{
    for (uint32_t i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *(uint32_t *)option->value = i;
            return VIT158_PARSE_OK;
        }
    }
    char list[200] = "";
    for (size_t i = 0, used = 0; option->choices[i] != NULL && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 option->choices[i]);
    return mistake(command, "%s must be one of %s, got '%s'", option->name, list, text);
}

static int append_value(const char *command, const vit158_option *option, const char *text)
{
    vit158_option_list *const list = option->value;
    if (list->count == list->capacity)
        return mistake(command, "%s may be given %zu times", option->name, list->capacity);
    list->values[list->count++] = text;
    return VIT158_PARSE_OK;
}

static int set_value(const char *command, const vit158_option *option, const char *text)
{
    switch (option->kind) {
    case VIT158_OPTION_FLAG:
        *(bool *)option->value = true;
        return VIT158_PARSE_OK;
    case VIT158_OPTION_TEXT:
        *(const char **)option->value = text;
        return VIT158_PARSE_OK;
    case VIT158_OPTION_CHOICE:
        return parse_choice(command, option, text);
    case VIT158_OPTION_LIST:
        return append_value(command, option, text);
    default:
        return parse_number(command, option, text);
    }
}

/* The option that `word` names, up to its end or a "=" after a long name. */
static const vit158_option *find_option(const vit158_usage *usage, const char *word)
{
    const size_t n = strcspn(word, "=");
    for (size_t i = 0; i < usage->option_count; i++) {
        const vit158_option *option = &usage->options[i];
        if (strlen(option->name) == n && strncmp(option->name, word, n) == 0)
            return option;
        if (option->letter != NULL && word[1] != '-' && strncmp(option->letter, word, 2) == 0 &&
            (word[2] == '\0' || option->kind != VIT158_OPTION_FLAG))
            return option;
    }
    return NULL;
}

static const char *option_name(const void *table, size_t i)
{
    const vit158_option *const options = table;
    return options[i].name;
}

static int unknown_option(const vit158_usage *usage, const char *command, const char *word)
{
    char name[MOST_NAME_BYTES]; /* without "=value" */
    vit158_format(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *const near = vit158_nearest(name, option_name, usage->options, usage->option_count);
    if (near == NULL)
        return mistake(command, "unknown option '%s'", word);
    return mistake(command, "unknown option '%s': did you mean %s?", word, near);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* Handles the option at argv[*i] and moves *i to its last word. */
static int parse_option(const vit158_usage *usage, int *i, int argc, char **argv)
{
    const char *command = argv[0];
    const char *word = argv[*i];
    const vit158_option *option = find_option(usage, word);
    if (option == NULL)
        return unknown_option(usage, command, word);
    const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    if (option->kind == VIT158_OPTION_FLAG) {
        if (equals != NULL)
            return mistake(command, "%s takes no value", option->name);
        return set_value(command, option, NULL);
    }
    if (equals != NULL)
        return set_value(command, option, equals + 1);
    if (word[1] != '-' && word[2] != '\0') /* -k1 */
        return set_value(command, option, word + 2);
    if (*i + 1 >= argc)
        return mistake(command, "%s needs a value", option->name);
    return set_value(command, option, argv[++*i]);
}

int vit158_parse_options(const vit158_usage *usage, vit158_arguments *arguments, int argc,
                         char **argv)
{
    *arguments = (vit158_arguments){.values = argv + 1, .count = 0};
    if (asks_for_help(argc, argv)) {
        print_help(usage);
        return VIT158_EXIT_OK;
    }
    bool options_ended = false;
    for (int i = 1; i < argc; i++) {
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            const int result = parse_option(usage, &i, argc, argv);
            if (result != VIT158_PARSE_OK)
                return result;
        } else {
            arguments->values[arguments->count++] = argv[i];
        }
    }
    if (arguments->count < usage->min_arguments)
        return mistake(argv[0], "an argument is missing: vit158 %s", usage->synopsis);
    if (arguments->count > usage->max_arguments)
        return mistake(argv[0], "one argument too many: '%s'",
                       arguments->values[usage->max_arguments]);
    return VIT158_PARSE_OK;
}
