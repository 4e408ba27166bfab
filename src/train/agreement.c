/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "train/agreement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"

#define DIGEST 32

typedef struct facts {
    uint8_t program[DIGEST], recipe[DIGEST], images[DIGEST];
} facts;

static void digest_of(uint8_t out[DIGEST], const void *bytes, size_t n_bytes)
{
    vit158_sha256 hash = vit158_sha256_start();
    vit158_sha256_add(&hash, bytes, n_bytes);
    vit158_sha256_end(&hash, out);
}

static void describe_program(uint8_t out[DIGEST], const vit158_trainer *t)
{
    char text[200] = {0};
    snprintf(text, sizeof text, "%s %u %s %d", vit158_version(), vit158_numerics_version(),
             t->compute->name, t->half);
    digest_of(out, text, sizeof text);
}

/* How many threads a rank has, and where its files are, is its own affair. */
static vit158_status describe_recipe(uint8_t out[DIGEST], const vit158_trainer *t,
                                     vit158_error *error)
{
    char *text = NULL;
    size_t n_bytes = 0;
    vit158_train_recipe *const recipe = malloc(sizeof *recipe);
    FILE *const file = recipe != NULL ? open_memstream(&text, &n_bytes) : NULL;
    if (file != NULL) {
        *recipe = t->recipe;
        recipe->threads = 1;
        recipe->cache_dir[0] = recipe->train_data[0] = recipe->val_data[0] = 0;
        vit158_train_recipe_print(recipe, file);
    }
    const bool written = file != NULL && fclose(file) == 0;
    if (written)
        digest_of(out, text, n_bytes);
    free(text);
    free(recipe);
    return written ? VIT158_OK
                   : vit158_fail(error, VIT158_E_MEMORY, "no memory to compare the recipes");
}

static void add_images(vit158_sha256 *hash, const vit158_train_dataset *data)
{
    const uint32_t numbers[] = {data->count, data->side, data->channels, data->classes};
    vit158_sha256_add(hash, numbers, sizeof numbers);
    vit158_sha256_add(hash, data->pixels, data->count * vit158_train_dataset_image(data));
    vit158_sha256_add(hash, data->labels, data->count * sizeof *data->labels);
    vit158_sha256_add(hash, data->names, data->name_bytes);
}

static vit158_status differs(const vit158_trainer *t, const char *what, vit158_error *error)
{
    return vit158_fail(error, VIT158_E_ARGUMENT, "rank %u has another %s than rank 0",
                       t->slots.ranks.rank, what);
}

vit158_status vit158_train_agree_at_start(const vit158_trainer *t, vit158_error *error)
{
    facts mine;
    if (t->slots.ranks.count == 1)
        return VIT158_OK;
    vit158_sha256 images = vit158_sha256_start();
    add_images(&images, &t->train);
    add_images(&images, &t->val);
    vit158_sha256_end(&images, mine.images);
    describe_program(mine.program, t);
    VIT158_RETURN_IF_ERROR(describe_recipe(mine.recipe, t, error));
    facts first = mine;
    vit158_train_ranks_spread(&first, sizeof first);
    if (memcmp(mine.program, first.program, DIGEST) != 0)
        return differs(t, "version or instruction set", error);
    if (memcmp(mine.recipe, first.recipe, DIGEST) != 0)
        return differs(t, "recipe", error);
    if (memcmp(mine.images, first.images, DIGEST) != 0)
        return differs(t, "set of images", error);
    return VIT158_OK;
}

vit158_status vit158_train_agree_on_weights(const vit158_trainer *t, vit158_error *error)
{
    uint8_t mine[DIGEST], first[DIGEST];
    if (t->slots.ranks.count == 1)
        return VIT158_OK;
    digest_of(mine, t->parameters, t->net.parameters * sizeof *t->parameters);
    memcpy(first, mine, DIGEST);
    vit158_train_ranks_spread(first, DIGEST);
    return memcmp(mine, first, DIGEST) == 0
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_NUMERIC,
                             "the weights of rank %u are not those of rank 0 after step %llu",
                             t->slots.ranks.rank, (unsigned long long)t->state.step);
}
