/* SPDX-License-Identifier: MIT */
#include "train/tensors_read.h"

#include "base/error.h"
#include "base/text.h"

vit158_status vit158_train_tensors_read(float *out, const vit158_train_net *net,
                                        const vit158_safetensors *file, const char *prefix,
                                        vit158_error *error)
{
    char name[VIT158_TRAIN_MAX_NAME + 8];
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const vit158_train_tensor *t = &net->tensors[i];
        vit158_format(name, sizeof name, "%s%s", prefix, t->name);
        VIT158_RETURN_IF_ERROR(vit158_safetensors_get_f32(file, name, out + t->offset,
                                                          (uint64_t)t->rows * t->cols, error));
    }
    return VIT158_OK;
}
