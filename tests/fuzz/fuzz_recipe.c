/* SPDX-License-Identifier: MIT
 *
 * Any text as a recipe: an error with a sentence, or settings that print as text that gives the
 * same settings again.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static char *print(const vit158_train_recipe *recipe)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    if (out == NULL)
        abort();
    vit158_train_recipe_print(recipe, out);
    fclose(out);
    return text;
}

/* Printed, read and printed again. A text with "#" would be cut as a comment. */
static void check_print(const vit158_train_recipe *recipe)
{
    vit158_train_recipe again;
    vit158_error error;
    char *text = print(recipe);
    vit158_train_recipe_defaults(&again);
    if (vit158_train_recipe_parse(&again, text, "printed", &error) != VIT158_OK)
        abort();
    char *twice = print(&again);
    if (strcmp(text, twice) != 0)
        abort();
    free(text);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char *text = malloc(n_bytes + 1);
    vit158_train_recipe recipe;
    vit158_error error = {VIT158_OK, ""};
    if (text == NULL)
        abort();
    memcpy(text, data, n_bytes);
    text[n_bytes] = 0;
    vit158_train_recipe_defaults(&recipe);
    vit158_status status = vit158_train_recipe_parse(&recipe, text, "fuzz", &error);
    if (status == VIT158_OK)
        status = vit158_train_recipe_check(&recipe, &error);
    if (status == VIT158_OK)
        check_print(&recipe);
    else if (error.status != status || strlen(error.message) < 5)
        abort();
    free(text);
    return 0;
}
