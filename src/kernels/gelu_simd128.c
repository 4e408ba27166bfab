/* SPDX-License-Identifier: MIT
 *
 * GELU and its approximations over an array.
 */
#include "kernels/ops_simd128.h"

void VIT158_KERNEL(gelu)(float *x, size_t count)
{
    for (size_t i = 0; i < count; i += 8)
        vit158_store_x8(x + i, vit158_gelu_x8(vit158_load_x8(x + i)));
}

/* vit158_sigmoid_gelu */
static vit158_x8 sigmoid_gelu_x8(vit158_x8 x, const float curve[2])
{
    const vit158_x8 zero = vit158_splat_x8(0.0F), one = vit158_splat_x8(1.0F);
    const vit158_x8 bend = vit158_mul_x8(vit158_mul_x8(vit158_splat_x8(curve[1]), x), x);
    const vit158_x8 z = vit158_mul_x8(x, vit158_add_x8(vit158_splat_x8(curve[0]), bend));
    vit158_x8 below = z, part = one;
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        below.part[i] =
            vit158_if_less_vf(z.part[i], zero.part[i], z.part[i], vit158_neg_vf(z.part[i]));
    const vit158_x8 e = vit158_exp_x8(below);
    for (int i = 0; i < VIT158_X8_PARTS; i++)
        part.part[i] = vit158_if_less_vf(z.part[i], zero.part[i], e.part[i], one.part[i]);
    return vit158_mul_x8(x, vit158_div_x8(part, vit158_add_x8(one, e)));
}

void VIT158_KERNEL(sigmoid_gelu)(float *x, size_t count, const float curve[2])
{
    for (size_t i = 0; i < count; i += 8)
        vit158_store_x8(x + i, sigmoid_gelu_x8(vit158_load_x8(x + i), curve));
}
