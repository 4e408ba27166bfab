/* SPDX-License-Identifier: MIT */
#include "cli/evaluation.h"

#include <stdlib.h>
#include <string.h>

void vit158_evaluation_free(vit158_evaluation *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->answers[i].path);
        free(e->answers[i].problem);
    }
    for (size_t i = 0; i < e->unknown_count; i++)
        free(e->unknown[i]);
    vit158_class_labels_free(&e->labels);
    free(e->answers);
    free(e->unknown);
    free(e->model);
    free(e->merge);
    free(e->engine);
    *e = (vit158_evaluation){0};
}

size_t vit158_eval_failed(const vit158_evaluation *e)
{
    size_t failed = e->unknown_count;
    for (size_t i = 0; i < e->count; i++)
        failed += e->answers[i].problem != NULL;
    return failed;
}

/* A whole number 1 .. VIT158_MAX_SHARDS without sign or leading zero; the rest of the text. */
static const char *parse_count(uint32_t *out, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    *out = 0;
    if (digits == 0 || digits > 7 || text[0] == '0')
        return NULL;
    for (size_t i = 0; i < digits; i++)
        *out = 10 * *out + (uint32_t)(text[i] - '0');
    return *out <= VIT158_MAX_SHARDS ? text + digits : NULL;
}

bool vit158_shard_parse(vit158_shard *out, const char *text)
{
    const char *const slash = parse_count(&out->index, text);
    if (slash == NULL || *slash != '/')
        return false;
    const char *const end = parse_count(&out->count, slash + 1);
    return end != NULL && *end == '\0' && out->index <= out->count;
}

size_t vit158_shard_size(vit158_shard shard, size_t images)
{
    return images / shard.count + (images % shard.count >= shard.index);
}
