/* SPDX-License-Identifier: MIT
 *
 * How the weights of a matrix lie in memory: the kinds, and the layout of trit codes, which model/
 * packs and kernels/ multiplies by; and how the inputs that they multiply are quantized. FORMAT.md
 * section 3 has it in words.
 */
#ifndef VIT158_BASE_CODING_H
#define VIT158_BASE_CODING_H

#include <stddef.h>
#include <stdint.h>

typedef enum vit158_encoding {
    VIT158_ENCODING_F32,  /* float [n_out][n_in]; F16 and BF16 files become this on load */
    VIT158_ENCODING_TRIT, /* trit codes of [n_rows][n_in], below */
    VIT158_ENCODING_I8,   /* int8 [n_out][n_in] */
    VIT158_ENCODINGS
} vit158_encoding;

/* How inputs are quantized to int8 before coded weights multiply them (numerics.h, kernels.h):
 * per token, s = vit158_quant_scale(absmax), q = vit158_quantize(x, s), and a unit of q counts
 * r = 1 / s + (absmax - absmax): NaN if a value of the token is not finite;
 * by a stored step, s = 1 / step, q = vit158_quantize(x * s clamped to -127 .. 127, 1),
 * r = step + (absmax - absmax). */
typedef struct vit158_input_rule {
    float step; /* 0: per token */
} vit158_input_rule;

/* A code holds five weights of a row, its group g: c = sum over i of (w[o][5 g + i] + 1) * 3^i.
 * Inputs past n_in count 0 whatever their digit. Group g of row o lies in block g / 4, which holds
 * [n_rows][groups of the block] bytes; blocks follow each other, the last may have fewer than four
 * groups. */
#define VIT158_TRITS_PER_CODE 5U
#define VIT158_TRIT_CODES 243U /* 3^5; larger bytes are invalid */
#define VIT158_ZERO_CODE 121   /* five weights of 0 */
#define VIT158_BLOCK_GROUPS 4U
#define VIT158_BLOCK_INPUTS (VIT158_BLOCK_GROUPS * VIT158_TRITS_PER_CODE)

static inline uint32_t vit158_trit_groups(uint32_t n_in)
{
    return n_in / VIT158_TRITS_PER_CODE + (n_in % VIT158_TRITS_PER_CODE != 0);
}

/* Bytes of all codes. */
static inline size_t vit158_trit_bytes(uint32_t n_rows, uint32_t n_in)
{
    return (size_t)vit158_trit_groups(n_in) * n_rows;
}

/* Byte offset of group g of row 0; the next row is `*step` bytes on. */
static inline size_t vit158_trit_offset(uint32_t n_in, uint32_t n_rows, uint32_t group,
                                        uint32_t *step)
{
    const uint32_t left =
        vit158_trit_groups(n_in) - group / VIT158_BLOCK_GROUPS * VIT158_BLOCK_GROUPS;
    *step = left < VIT158_BLOCK_GROUPS ? left : VIT158_BLOCK_GROUPS;
    return (size_t)(group / VIT158_BLOCK_GROUPS) * VIT158_BLOCK_GROUPS * n_rows +
           group % VIT158_BLOCK_GROUPS;
}

#endif
