/* SPDX-License-Identifier: MIT */
#include "train/multiply.h"

void vit158_train_multiply(const vit158_train_compute *compute, bool half, vit158_train_product *p,
                           const float *x, bool transposed, float *scratch)
{
    p->b = x;
    p->ldb = p->cols;
    if (half) {
        if (transposed)
            compute->half_product(p, 1, p->depth, scratch);
        else
            compute->half_product(p, p->cols, 1, scratch);
        return;
    }
    if (transposed) {
        compute->pack(scratch, x, 1, p->depth, p->depth, p->cols);
        p->b = scratch;
        p->ldb = 0;
    }
    compute->product(p);
}

size_t vit158_train_multiply_scratch(size_t rows, size_t cols, size_t depth)
{
    const size_t panels = vit158_train_panel_words(depth, cols);
    const size_t half = vit158_train_half_scratch(rows, cols, depth) / sizeof(float);
    return panels > half ? panels : half;
}
