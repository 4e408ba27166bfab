/* SPDX-License-Identifier: MIT
 *
 * What the products share: inputs of eight tokens, and base-3 digits of trit codes, eight codes
 * side by side in 16-bit lanes.
 */
#ifndef VIT158_KERNELS_TRITS_SIMD128_H
#define VIT158_KERNELS_TRITS_SIMD128_H

#include <string.h>

#include "kernels/ops_simd128.h"

/* floor(c / d) of bytes c, for d = 3^k given h = (d - 1) / 2 and m = rne(2^15 / d): the rounding
 * product gives rne((c - h) / d), whose fraction is never near one half. Checked for all bytes. */
static inline v128_t vit158_divide_codes(v128_t c, v128_t h, v128_t m)
{
    return wasm_i16x8_q15mulr_sat(wasm_i16x8_sub(c, h), m);
}

/* The codes of block b for rows o .. o + count - 1 as four bytes a row; groups and rows that do not
 * exist get the zero code. Only a matrix's last blocks and rows need this copy. */
static inline void vit158_copy_codes(uint8_t *out, const vit158_gemm_q8 *p, uint32_t b, uint32_t o,
                                     uint32_t rows, uint32_t count)
{
    uint32_t step;
    const size_t offset = vit158_trit_offset(p->n_in, vit158_q8_rows(p), 4 * b, &step);
    const uint8_t *codes = (const uint8_t *)p->w + offset + (size_t)o * step;
    memset(out, VIT158_ZERO_CODE, (size_t)4 * rows);
    for (uint32_t i = 0; i < count; i++, codes += step)
        memcpy(out + (size_t)4 * i, codes, step);
}

#endif
