/* SPDX-License-Identifier: MIT */
#include "engine/merge_schedule.h"

#include <string.h>

#include "base/error.h"

/* A list, and what a mistake in it is. */
typedef struct list {
    const char *text;
    const char *at;
    const vit158_model *model;
    vit158_status mistake;
} list;

/* Reads a number of at most five digits; false if there is none. */
static bool read_number(list *l, uint32_t *out)
{
    const char *start = l->at;
    *out = 0;
    for (; *l->at >= '0' && *l->at <= '9' && l->at - start < 5; l->at++)
        *out = *out * 10 + (uint32_t)(*l->at - '0');
    return l->at > start;
}

static bool skip(list *l, char c)
{
    const bool there = *l->at == c;
    l->at += there;
    return there;
}

/* Between entries: no entry's count. */
#define UNSET UINT16_MAX

static vit158_status read_entries(vit158_merge_schedule *out, list *l, vit158_error *error)
{
    const uint32_t depth = l->model->info.depth;
    do {
        uint32_t block, count;
        if (!read_number(l, &block) || !skip(l, ':') || !read_number(l, &count) ||
            (*l->at != ',' && *l->at != '\0'))
            return vit158_fail(error, l->mistake,
                               "merge \"%s\" is not off, fast, faster, fastest or a list of "
                               "block:tokens such as 4:45,6:40",
                               l->text);
        if (block >= depth)
            return vit158_fail(error, l->mistake,
                               "merge \"%s\": there is no block %u, the last is %u", l->text, block,
                               depth - 1);
        if (out->counts[block] != UNSET)
            return vit158_fail(error, l->mistake, "merge \"%s\": block %u comes twice", l->text,
                               block);
        out->counts[block] = (uint16_t)(count < UNSET ? count : UNSET - 1);
    } while (skip(l, ','));
    return VIT158_OK;
}

/* Whether every block has the tokens for its merge. */
static vit158_status check_counts(vit158_merge_schedule *out, const list *l, vit158_error *error)
{
    uint32_t patches = l->model->info.tokens - l->model->info.prefix_tokens;
    for (uint32_t block = 0; block < l->model->info.depth; block++) {
        if (out->counts[block] == UNSET)
            out->counts[block] = 0;
        if (out->counts[block] > patches / 2)
            return vit158_fail(error, l->mistake,
                               "merge \"%s\": of the %u patches in block %u at most %u can merge, "
                               "not %u",
                               l->text, patches, block, patches / 2, out->counts[block]);
        patches -= out->counts[block];
    }
    return VIT158_OK;
}

/* The metadata key of a name, NULL if it is none. */
static const char *key_of(const char *name)
{
    static const char *const keys[] = {"merge_fast", "merge_faster", "merge_fastest"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(name, keys[i] + strlen("merge_")) == 0)
            return keys[i];
    return NULL;
}

vit158_status vit158_merge_schedule_read(vit158_merge_schedule *out, const char *text,
                                         const vit158_model *model, vit158_error *error)
{
    list l = {.text = text, .model = model, .mistake = VIT158_E_ARGUMENT};
    *out = (vit158_merge_schedule){{0}};
    if (text == NULL || strcmp(text, "off") == 0)
        return VIT158_OK;
    const char *key = key_of(text);
    if (key != NULL) {
        l.mistake = VIT158_E_METADATA;
        l.text = vit158_model_metadata(model, key);
        if (l.text == NULL)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "the model's metadata have no \"%s\": give a list such as 4:45,6:40 "
                               "instead of merge \"%s\"",
                               key, text);
    }
    l.at = l.text;
    memset(out->counts, 0xFF, sizeof out->counts); /* UNSET */
    VIT158_RETURN_IF_ERROR(read_entries(out, &l, error));
    return check_counts(out, &l, error);
}
