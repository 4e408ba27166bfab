/* SPDX-License-Identifier: MIT */
#include "compress/quantizer.h"

void vit158_rounded_values(float *values, const vit158_rounded *matrix)
{
    for (size_t o = 0; o < matrix->n_out; o++)
        for (size_t i = 0; i < matrix->n_in; i++)
            values[o * matrix->n_in + i] =
                matrix->levels[o].value[matrix->chosen[o * matrix->n_in + i]];
}
