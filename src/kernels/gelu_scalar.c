/* SPDX-License-Identifier: MIT
 *
 * GELU over an array: definition.
 */
#include "kernels/ops_scalar.h"

void vit158_gelu_scalar(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = vit158_gelu(x[i]);
}
