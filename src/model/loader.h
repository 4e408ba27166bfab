/* SPDX-License-Identifier: MIT
 *
 * The model reader: a push parser that takes a file in pieces of any size, checks every rule of
 * FORMAT.md as the bytes come, and lays each tensor at its final place (F16 and BF16 widened to F32
 * on the way). Memory is bounded by the header's size and the bytes that arrived.
 */
#ifndef VIT158_MODEL_LOADER_H
#define VIT158_MODEL_LOADER_H

#include "model/model.h"

/* The functions of vit158.h with these names (vit158_loader_create, _push, _finish, _close,
 * vit158_model_open, vit158_model_close) are implemented here; api/ adds nothing to them. */

#endif
