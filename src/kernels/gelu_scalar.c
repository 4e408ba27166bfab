/* SPDX-License-Identifier: MIT
 *
 * GELU and its approximations over an array: definition.
 */
#include "kernels/ops_scalar.h"

void vit158_gelu_scalar(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = vit158_gelu(x[i]);
}

void vit158_sigmoid_gelu_scalar(float *x, size_t count, const float curve[2])
{
    for (size_t i = 0; i < count; i++)
        x[i] = vit158_sigmoid_gelu(x[i], curve);
}
