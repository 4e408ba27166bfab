/* SPDX-License-Identifier: MIT
 *
 * Command lines: a command describes its options in a table; parsing, range checks and the text of
 * --help come from the table. Options and file arguments may be mixed; "--" ends the options.
 */
#ifndef VIT158_CLI_OPTIONS_H
#define VIT158_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type that `value` of an option points to. */
typedef enum vit158_option_kind {
    VIT158_OPTION_FLAG,   /* bool, set to true */
    VIT158_OPTION_TEXT,   /* const char *, into argv */
    VIT158_OPTION_UINT,   /* uint32_t, min <= value <= max */
    VIT158_OPTION_NUMBER, /* double, finite, min <= value <= max */
    VIT158_OPTION_CHOICE, /* uint32_t, index into `choices` */
    VIT158_OPTION_LIST    /* vit158_option_list, one more each time the option is given */
} vit158_option_kind;

typedef struct vit158_option_list {
    const char **values; /* [capacity], into argv */
    size_t capacity;
    size_t count;
} vit158_option_list;

typedef struct vit158_option {
    const char *name;        /* "--top-k" */
    const char *letter;      /* "-k" or NULL */
    const char *placeholder; /* "K"; NULL for flags and choices */
    const char *help;        /* one line, says the default */
    vit158_option_kind kind;
    void *value; /* left alone unless the option is given */
    double min;
    double max;
    const char *const *choices; /* NULL-terminated */
} vit158_option;

typedef struct vit158_usage {
    const char *synopsis; /* "classify FILE... [options]" */
    const char *about;    /* a paragraph */
    const vit158_option *options;
    size_t option_count;
    int min_arguments; /* number of arguments that are not options */
    int max_arguments;
    const char *notes; /* printed after the options; may be NULL */
} vit158_usage;

typedef struct vit158_arguments {
    char **values; /* the arguments that are not options, in order */
    int count;
} vit158_arguments;

#define VIT158_PARSE_OK (-1)

/* Fills the options' values and `arguments` (which points into argv, reordered). Returns
 * VIT158_PARSE_OK to go on; else what it had to say has been printed (--help on stdout, a mistake
 * on stderr) and the result is the exit code to return. */
int vit158_parse_options(const vit158_usage *usage, vit158_arguments *arguments, int argc,
                         char **argv);

/* Says what is wrong with a command line, in one line; returns VIT158_EXIT_USAGE. */
int vit158_options_mistake(const char *command, const char *message);

#endif
