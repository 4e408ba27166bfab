/* SPDX-License-Identifier: MIT
 *
 * Time per operation: a clock around every kernel a session calls. Where nobody asks, nothing of
 * this runs: it is part of the command and of the bench module, not of the library. For one session
 * at a time, on one thread.
 */
#ifndef VIT158_CLI_PROFILE_H
#define VIT158_CLI_PROFILE_H

#include "vit158.h"

typedef enum vit158_operation {
    VIT158_OPERATION_TABLE,
    VIT158_OPERATION_DOT,
    VIT158_OPERATION_I8,
    VIT158_OPERATION_F32, /* attention's products of float models too */
    VIT158_OPERATION_NORM,
    VIT158_OPERATION_QUANTIZE,
    VIT158_OPERATION_ATTENTION,
    VIT158_OPERATION_SOFTMAX,
    VIT158_OPERATION_GELU,
    VIT158_OPERATION_PATCHES,
    VIT158_OPERATION_MERGE, /* but for the product of metrics */
    VIT158_OPERATION_COUNT
} vit158_operation;

/* "ternary products by table", ...; NULL from VIT158_OPERATION_COUNT on. */
const char *vit158_profile_name(uint32_t operation);

/* From now on the kernels of this session are timed. Its results stay the same. */
void vit158_profile_attach(vit158_session *session, double (*now_ms)(void));

/* Milliseconds in this operation since the last call with it. */
double vit158_profile_take(uint32_t operation);

#endif
