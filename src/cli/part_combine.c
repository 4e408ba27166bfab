/* SPDX-License-Identifier: MIT
 *
 * The parts of all shards to the evaluation of one run. See evaluation.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/evaluation.h"

typedef struct part {
    vit158_evaluation evaluation;
    const char *path; /* NULL: not there yet */
} part;

typedef struct parts {
    part *shards; /* [count], by shard */
    uint32_t count;
    const part *first; /* of the command line */
} parts;

/* Whether two parts belong to one evaluation. */
static vit158_status check_pair(const vit158_evaluation *a, const vit158_evaluation *b,
                                const char *path, vit158_error *error)
{
    const char *what = NULL;
    if (strcmp(a->model_sha256, b->model_sha256) != 0 || a->labels.count != b->labels.count)
        what = "another model";
    else if (a->numerics_version != b->numerics_version)
        what = "another version of the numerics";
    else if (strcmp(a->merge, b->merge) != 0)
        what = "another --merge";
    else if (strcmp(a->list_sha256, b->list_sha256) != 0 || a->images != b->images)
        what = "another list of images";
    else if (a->shard.count != b->shard.count)
        what = "another number of shards";
    return what == NULL ? VIT158_OK
                        : vit158_fail(error, VIT158_E_ARGUMENT, "it has %s than %s", what, path);
}

/* Takes over `e`. */
static vit158_status add_part(parts *all, vit158_evaluation *e, const char *path,
                              vit158_error *error)
{
    if (all->shards == NULL) {
        all->shards = calloc(e->shard.count, sizeof *all->shards);
        if (all->shards == NULL)
            return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for %u shards",
                               e->shard.count);
        all->count = e->shard.count;
    } else {
        VIT158_RETURN_IF_ERROR(check_pair(e, &all->first->evaluation, all->first->path, error));
    }
    part *const place = &all->shards[e->shard.index - 1];
    if (place->path != NULL)
        return vit158_fail(error, VIT158_E_ARGUMENT, "it is shard %u of %u, as is %s",
                           e->shard.index, e->shard.count, place->path);
    *place = (part){.evaluation = *e, .path = path};
    *e = (vit158_evaluation){0};
    if (all->first == NULL)
        all->first = place;
    return VIT158_OK;
}

static vit158_status check_complete(const parts *all, vit158_error *error)
{
    uint32_t missing = 0, first = 0;
    for (uint32_t i = all->count; i > 0; i--)
        if (all->shards[i - 1].path == NULL) {
            missing++;
            first = i;
        }
    if (missing == 0)
        return VIT158_OK;
    if (missing == 1)
        return vit158_fail(error, VIT158_E_ARGUMENT, "shard %u of %u is missing", first,
                           all->count);
    return vit158_fail(error, VIT158_E_ARGUMENT,
                       "%u of %u shards are missing, the first is shard %u", missing, all->count,
                       first);
}

/* Whether `name` is one of those in `list`, which "+" separates. */
static bool is_listed(const char *list, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, '+') ? strchr(at, '+') + 1 : NULL)
        if (strncmp(at, name, n) == 0 && (at[n] == '\0' || at[n] == '+'))
            return true;
    return false;
}

static vit158_status add_engine(char **list, const char *name, vit158_error *error)
{
    if (is_listed(*list, name))
        return VIT158_OK;
    const size_t n = strlen(*list), m = strlen(name);
    char *const longer = realloc(*list, n + m + 2);
    if (longer == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the engines' names");
    longer[n] = '+';
    memcpy(longer + n + 1, name, m + 1);
    *list = longer;
    return VIT158_OK;
}

/* Moves the answers of all into the first shard's evaluation, which becomes *out. */
static vit158_status merge(vit158_evaluation *out, parts *all, vit158_error *error)
{
    vit158_evaluation *const e = &all->shards[0].evaluation;
    vit158_eval_answer *const answers = malloc((e->images + 1) * sizeof *answers);
    if (answers == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the results");
    for (uint32_t s = 0; s < all->count; s++) {
        vit158_evaluation *const p = &all->shards[s].evaluation;
        for (size_t i = 0; i < p->count; i++)
            answers[i * all->count + s] = p->answers[i];
        p->count = 0;
    }
    free(e->answers);
    e->answers = answers;
    e->count = e->images;
    for (uint32_t s = 1; s < all->count; s++) {
        const vit158_evaluation *const p = &all->shards[s].evaluation;
        VIT158_RETURN_IF_ERROR(add_engine(&e->engine, p->engine, error));
        e->memory_bytes = p->memory_bytes > e->memory_bytes ? p->memory_bytes : e->memory_bytes;
    }
    e->shard = (vit158_shard){1, 1};
    *out = *e;
    *e = (vit158_evaluation){0};
    return VIT158_OK;
}

vit158_status vit158_parts_combine(vit158_evaluation *out, const char **subject, char *const *paths,
                                   size_t path_count, vit158_error *error)
{
    parts all = {0};
    vit158_status status = VIT158_OK;
    *out = (vit158_evaluation){0};
    for (size_t i = 0; i < path_count && status == VIT158_OK; i++) {
        vit158_evaluation e;
        *subject = paths[i];
        status = vit158_part_read(&e, paths[i], error);
        if (status == VIT158_OK) {
            status = add_part(&all, &e, paths[i], error);
            vit158_evaluation_free(&e);
        }
    }
    if (status == VIT158_OK) {
        *subject = NULL;
        status = check_complete(&all, error);
    }
    if (status == VIT158_OK)
        status = merge(out, &all, error);
    for (uint32_t s = 0; s < all.count; s++)
        vit158_evaluation_free(&all.shards[s].evaluation);
    free(all.shards);
    return status;
}
