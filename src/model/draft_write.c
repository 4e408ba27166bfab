/* SPDX-License-Identifier: MIT
 *
 * A draft into a file, which the loader opens before it takes its final name.
 */
#include <stdio.h>

#include "base/error.h"
#include "model/draft.h"

static vit158_status push_file(vit158_loader *loader, FILE *file, vit158_error *error)
{
    uint8_t piece[16384];
    size_t n_bytes;
    while ((n_bytes = fread(piece, 1, sizeof piece, file)) > 0)
        VIT158_RETURN_IF_ERROR(vit158_loader_push(loader, piece, n_bytes, error));
    return ferror(file) == 0 ? VIT158_OK
                             : vit158_fail(error, VIT158_E_IO, "the new file cannot be read back");
}

static vit158_status open_again(void *context, const char *path, vit158_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s: cannot be read back", path);
    vit158_loader *loader = NULL;
    vit158_model *model = NULL;
    vit158_status status = vit158_loader_create(&loader, 0, error);
    if (status == VIT158_OK)
        status = push_file(loader, file, error);
    if (status == VIT158_OK)
        status = vit158_loader_finish(loader, &model, error);
    if (status == VIT158_OK && context != NULL)
        vit158_model_get_info(model, context);
    vit158_model_close(model);
    vit158_loader_close(loader);
    fclose(file);
    return status;
}

vit158_status vit158_draft_write(const vit158_draft *draft, const char *path,
                                 vit158_model_info *info, vit158_error *error)
{
    vit158_contents contents;
    VIT158_RETURN_IF_ERROR(vit158_draft_contents(&contents, draft, error));
    return vit158_safetensors_write(path, &contents, open_again, info, error);
}
