/* SPDX-License-Identifier: MIT */
#include "model/metadata_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

vit158_status vit158_metadata_of_json(vit158_header *header, const char *json, size_t n_bytes,
                                      vit158_error *error)
{
    static const char head[] = "{\"__metadata__\":";
    const size_t before = sizeof head - 1;
    char *text = malloc(before + n_bytes + 1);
    if (text == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the metadata");
    memcpy(text, head, before);
    memcpy(text + before, json, n_bytes);
    text[before + n_bytes] = '}';
    vit158_error reason;
    const vit158_status status = vit158_header_parse(header, text, before + n_bytes + 1, &reason);
    free(text);
    if (status == VIT158_OK && header->tensor_count == 0)
        return VIT158_OK;
    if (status == VIT158_OK)
        vit158_header_clear(header);
    return vit158_fail(error, status == VIT158_E_MEMORY ? status : VIT158_E_JSON,
                       "the additional metadata is not a JSON object of strings%s%s",
                       status != VIT158_OK ? ": " : "", status != VIT158_OK ? reason.message : "");
}

/* The place of a key, or of the first free one. */
static uint32_t place_of(const vit158_header *header, const char *key)
{
    uint32_t i = 0;
    while (i < header->metadata_count && strcmp(header->metadata_keys[i], key) != 0)
        i++;
    return i;
}

vit158_status vit158_metadata_add(vit158_header *header, vit158_header *added, vit158_error *error)
{
    uint32_t count = header->metadata_count;
    for (uint32_t i = 0; i < added->metadata_count; i++)
        count += place_of(header, added->metadata_keys[i]) == header->metadata_count;
    if (count > VIT158_MAX_METADATA)
        return vit158_fail(error, VIT158_E_LIMIT, "more than %u metadata entries",
                           VIT158_MAX_METADATA);
    const char **keys = malloc(VIT158_MAX_METADATA * sizeof *keys);
    const char **values = malloc(VIT158_MAX_METADATA * sizeof *values);
    if (keys == NULL || values == NULL) {
        free(keys);
        free(values);
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the metadata");
    }
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        keys[i] = header->metadata_keys[i];
        values[i] = header->metadata_values[i];
    }
    free(header->metadata_keys);
    free(header->metadata_values);
    header->metadata_keys = keys;
    header->metadata_values = values;
    for (uint32_t i = 0; i < added->metadata_count; i++) {
        const uint32_t at = place_of(header, added->metadata_keys[i]);
        keys[at] = added->metadata_keys[i];
        values[at] = added->metadata_values[i];
        if (at == header->metadata_count)
            header->metadata_count++;
    }
    header->added_text = added->text;
    added->text = NULL;
    vit158_header_clear(added);
    return VIT158_OK;
}
