/* SPDX-License-Identifier: MIT
 *
 * Closing a model and reading its facts (vit158.h).
 */
#include "model/model.h"

#include <stdlib.h>

void vit158_model_close(vit158_model *model)
{
    if (model == NULL)
        return;
    for (uint32_t i = 0; i < model->piece_count; i++)
        free(model->pieces[i]);
    free(model->pieces);
    free(model->planes);
    free(model->blocks);
    free((void *)model->labels);
    free(model->labels_text);
    vit158_header_clear(&model->header);
    free(model);
}

void vit158_model_get_info(const vit158_model *model, vit158_model_info *out)
{
    *out = model->info;
}

const char *vit158_model_metadata(const vit158_model *model, const char *key)
{
    return vit158_header_metadata(&model->header, key);
}

const char *vit158_model_metadata_json(const vit158_model *model)
{
    return model->header.metadata_json;
}

const char *vit158_model_label(const vit158_model *model, uint32_t index)
{
    if (index >= model->info.classes)
        return NULL;
    return model->labels != NULL ? model->labels[index] : "";
}
