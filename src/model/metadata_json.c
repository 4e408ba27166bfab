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
