/* SPDX-License-Identifier: MIT
 *
 * "Did you mean ...?" for misspelt commands and options; the npm command does the same.
 */
#ifndef VIT158_CLI_NEAREST_H
#define VIT158_CLI_NEAREST_H

#include <stddef.h>

/* The word of a table that `word` is likely to mean: at most a third of its letters are inserted,
 * left out, replaced or exchanged. `name(table, i)` gives the i-th of `count`. NULL if none. */
const char *vit158_nearest(const char *word, const char *(*name)(const void *table, size_t i),
                           const void *table, size_t count);

#endif
