/* SPDX-License-Identifier: MIT
 *
 * Packing from file to file.
 */
#include "model/pack.h"

vit158_status vit158_pack_file(const char *in, const char *out, const vit158_pack_options *options,
                               vit158_pack_report *report, vit158_error *error)
{
    vit158_safetensors *file = NULL;
    vit158_draft draft;
    vit158_pack_report facts;
    vit158_status status = vit158_safetensors_open(&file, in, error);
    if (status != VIT158_OK)
        return status;
    status = vit158_pack_draft(&draft, &facts, file, options, error);
    if (status == VIT158_OK)
        status = vit158_draft_write(&draft, out, &facts.info, error);
    if (report != NULL)
        *report = facts;
    vit158_draft_clear(&draft);
    vit158_safetensors_close(file);
    return status;
}
