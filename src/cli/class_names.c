/* SPDX-License-Identifier: MIT
 *
 * See class_names.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/class_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/json_in.h"

/* Looks for `name` in a JSON array of strings. */
static bool find_in_list(uint32_t *index, const char *list, const char *name, uint32_t classes)
{
    const size_t n_bytes = strlen(list);
    char *const text = malloc(n_bytes + 1);
    if (text == NULL)
        return false;
    bool found = false;
    uint32_t i = 0;
    vit158_json_string entry;
    vit158_json_in in = vit158_json_in_over(list, n_bytes);
    vit158_json_in_enter(&in, '[');
    while (!found && i < classes && vit158_json_in_next(&in, ']') &&
           vit158_json_in_text(&in, &entry)) {
        vit158_json_string_decode(text, &entry);
        found = strcmp(text, name) == 0;
        *index = i++;
    }
    free(text);
    return found;
}

bool vit158_find_class(uint32_t *index, const vit158_model *model, const char *name)
{
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    const char *const wnids = vit158_model_metadata(model, "wnids");
    if (wnids != NULL && find_in_list(index, wnids, name, info.classes))
        return true;
    const size_t n = strlen(name);
    for (uint32_t i = 0; i < info.classes; i++) {
        const char *const label = vit158_model_label(model, i);
        if (n > 0 && strncmp(label, name, n) == 0 && (label[n] == '\0' || label[n] == ',')) {
            *index = i;
            return true;
        }
    }
    return false;
}

void vit158_class_labels_free(vit158_class_labels *labels)
{
    for (uint32_t i = 0; i < labels->count; i++)
        free(labels->values[i]);
    free(labels->values);
    *labels = (vit158_class_labels){0};
}

vit158_status vit158_class_labels_copy(vit158_class_labels *out, const vit158_model *model,
                                       vit158_error *error)
{
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    *out = (vit158_class_labels){.values = calloc(info.classes, sizeof *out->values)};
    for (uint32_t i = 0; out->values != NULL && i < info.classes; i++) {
        out->values[i] = strdup(vit158_model_label(model, i));
        if (out->values[i] == NULL)
            break;
        out->count++;
    }
    return out->count == info.classes
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the labels");
}
