/* SPDX-License-Identifier: MIT
 *
 * GELU and its approximations over an array.
 */
#include "kernels/ops_simd128.h"

void VIT158_KERNEL(gelu)(float *x, size_t count)
{
    for (size_t i = 0; i < count; i += VIT158_VF_LANES)
        vit158_store_vf(x + i, vit158_gelu_vf(vit158_load_vf(x + i)));
}

/* vit158_sigmoid_gelu */
static vit158_vf sigmoid_gelu_vf(vit158_vf x, const float curve[2])
{
    const vit158_vf zero = vit158_splat_vf(0.0F), one = vit158_splat_vf(1.0F);
    const vit158_vf bend = vit158_mul_vf(vit158_mul_vf(vit158_splat_vf(curve[1]), x), x);
    const vit158_vf z = vit158_mul_vf(x, vit158_add_vf(vit158_splat_vf(curve[0]), bend));
    const vit158_vf e = vit158_exp_vf(vit158_if_less_vf(z, zero, z, vit158_neg_vf(z)));
    const vit158_vf part = vit158_if_less_vf(z, zero, e, one);
    return vit158_mul_vf(x, vit158_div_vf(part, vit158_add_vf(one, e)));
}

void VIT158_KERNEL(sigmoid_gelu)(float *x, size_t count, const float curve[2])
{
    for (size_t i = 0; i < count; i += VIT158_VF_LANES)
        vit158_store_vf(x + i, sigmoid_gelu_vf(vit158_load_vf(x + i), curve));
}
