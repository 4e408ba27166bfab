/* SPDX-License-Identifier: MIT
 *
 * The model reader: a push parser that takes a file in pieces of any size, checks every rule of
 * FORMAT.md as the bytes come, and lays each tensor at its final place (F16 and BF16 widened to F32
 * on the way).
 *
 * vit158_loader_create, _push, _finish and _close and vit158_model_open of vit158.h are implemented
 * in loader.c, vit158_model_close and the getters in model.c; api/ adds nothing to them.
 *
 * Memory, with n bytes arrived and a header of h bytes: at most 8 h + 64 kB for the header while it
 * is parsed; then the weights. If the file's length is known, one block of their final size; if
 * not, at most 4 n + 128 kB at any time. After a failure a loader gives its memory back at once.
 */
#ifndef VIT158_MODEL_LOADER_H
#define VIT158_MODEL_LOADER_H

#include "model/model.h"

#endif
