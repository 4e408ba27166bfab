/* SPDX-License-Identifier: MIT
 *
 * Which blocks of a model merge how many tokens, as callers say it: "off", a list such as
 * "4:45,6:40,8:35" (block, counted from 0, and tokens), or a name for which the model's metadata
 * have such a list.
 */
#ifndef VIT158_ENGINE_MERGE_SCHEDULE_H
#define VIT158_ENGINE_MERGE_SCHEDULE_H

#include "model/model.h"
#include "model/names.h"

typedef struct vit158_merge_schedule {
    uint16_t
        counts[VIT158_MAX_DEPTH]; /* tokens that the block's merge takes away; 0: it has none */
} vit158_merge_schedule;

/* `text` NULL counts as "off".
 * VIT158_E_ARGUMENT: not of that form, a block that the model has not or that comes twice, more
 * than half of its patches; VIT158_E_METADATA: the same in the model's own list;
 * VIT158_E_UNSUPPORTED: the model has none of that name. */
vit158_status vit158_merge_schedule_read(vit158_merge_schedule *out, const char *text,
                                         const vit158_model *model, vit158_error *error);

#endif
