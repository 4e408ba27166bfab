/* SPDX-License-Identifier: MIT
 *
 * The trainer's arithmetic: one table of functions per instruction set, the same sources compiled
 * once for each. Activations are token-major: row t of a matrix with stride ld lies at t * ld.
 *
 * Products come in three forms over one tile of VIT158_TRAIN_TILE_ROWS x VIT158_TRAIN_TILE_COLS
 * outputs. The left operand is read by broadcasts of 32 bits (a float, two int16 or four int8), the
 * right one lies in panels of 64 columns, [panel][step][64] words of 32 bits. Widths (d, 3d, F, d /
 * H) are multiples of 16; buffers of rows have VIT158_TRAIN_TILE_ROWS rows to spare, of any
 * content.
 */
#ifndef VIT158_TRAIN_COMPUTE_H
#define VIT158_TRAIN_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIT158_TRAIN_TILE_ROWS 6U
#define VIT158_TRAIN_TILE_COLS 64U
/* Tokens of one weight-gradient product: 1024 * 16383 * 127 < 2^31. */
#define VIT158_TRAIN_GRAD_LIMIT 16383.0F
#define VIT158_TRAIN_MAX_ROWS 1024U

static inline size_t vit158_train_round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* 32-bit words of a panel matrix. */
static inline size_t vit158_train_panel_words(size_t steps, size_t cols)
{
    return vit158_train_round_up(cols, VIT158_TRAIN_TILE_COLS) * steps;
}

/* y[r][c] = base[r][c] + factor * (bias[c] + sum over k of a[r * a_row + k * a_step] * b(k, c)); b
 * in panels if ldb is 0, else rows b[k * ldb + c], readable up to the next multiple of 16 columns.
 */
typedef struct vit158_train_product {
    float *y;
    size_t ldy;
    const float *a;
    size_t a_row, a_step;
    const float *b;
    size_t ldb;
    uint32_t rows, cols, depth;
    const float *bias; /* [cols] or NULL */
    float factor;
    const float *base; /* rows of stride base_ld, may be y; NULL = 0 */
    size_t base_ld;
    bool upper; /* y is symmetric: elements below the diagonal may be left out */
} vit158_train_product;

/* y [rows][cols] = a [rows][depth] times b in panels, rows without gaps; bias and base are added by
 * who sets them. */
static inline vit158_train_product vit158_train_product_of(float *y, const float *a, const float *b,
                                                           uint32_t rows, uint32_t cols,
                                                           uint32_t depth)
{
    return (vit158_train_product){.y = y,
                                  .ldy = cols,
                                  .a = a,
                                  .a_row = depth,
                                  .a_step = 1,
                                  .b = b,
                                  .rows = rows,
                                  .cols = cols,
                                  .depth = depth,
                                  .factor = 1.0F};
}

/* What BitLinear saves of its input (METHODS.md 1.2): rows q of stride ldq = round_up(n, 64), zero
 * beyond n, r = max(absmax, 1e-5) / 127, and the sum of each row. */
typedef struct vit158_train_quantized {
    int8_t *q;
    float *r;
    int32_t *sum;
    size_t ldq;
} vit158_train_quantized;

/* A ternary matrix packed for products: u + 1 in panels [n_in / 4][n_out]; for the backward pass u
 * as int16 pairs in panels [n_out / 2][n_in], or with gradient_bits 8 u + 1 in panels [n_out /
 * 4][n_in]; and the scale of each output. */
typedef struct vit158_train_trits {
    uint32_t *forward;
    uint32_t *backward;
    float *scales; /* [n_out] */
    uint32_t n_in, n_out;
    uint32_t gradient_bits; /* 8, else 16 */
} vit158_train_trits;

/* y = base + factor * (scales[o] * r * (q . u) + bias); base NULL = 0. */
typedef struct vit158_train_trit_product {
    float *y;
    size_t ldy;
    const vit158_train_quantized *x;
    const vit158_train_trits *w;
    const float *bias;
    const float *base; /* rows of stride base_ld */
    size_t base_ld;
    float factor;
    uint32_t rows;
} vit158_train_trit_product;

/* Backward of the above; g = gradient of y, scaled by factor on the way in. */
typedef struct vit158_train_trit_gradient {
    const float *g; /* rows of stride ldg */
    size_t ldg;
    const vit158_train_quantized *x;
    const vit158_train_trits *w;
    float factor;
    uint32_t rows;
    float *dx;    /* [rows][n_in], overwritten */
    float *dw;    /* [n_out][n_in], added to */
    float *dbias; /* [n_out], added to */
    void *scratch;
} vit158_train_trit_gradient;

/* Rows through 0 to 2 norms (outer, then inner) after an optional GELU. stats: [rows][4] = outer
 * mean, 1/sigma, inner mean, 1/sigma. */
typedef struct vit158_train_norm_rows {
    const float *x; /* rows of stride ldx */
    size_t ldx;
    uint32_t rows, n;
    bool gelu;
    const float *outer_weight, *outer_bias; /* NULL = no outer norm */
    const float *inner_weight, *inner_bias; /* NULL = no inner norm */
    float outer_eps, inner_eps;
    float *stats;
    vit158_train_quantized out; /* out.q NULL = float rows to y */
    float *y;                   /* [rows][n] */
    float *scratch;             /* 4 n floats */
} vit158_train_norm_rows;

typedef struct vit158_train_norm_gradient {
    const vit158_train_norm_rows *forward;
    const float *dy; /* [rows][n] */
    float *dx;       /* rows of stride lddx */
    size_t lddx;
    bool add;                                                             /* dx += */
    float *d_outer_weight, *d_outer_bias, *d_inner_weight, *d_inner_bias; /* added to, or NULL */
} vit158_train_norm_gradient;

/* Attention of one image (METHODS.md 1.1): qkv [N][3d]; queries are the first n_queries tokens.
 * p: [H][n_queries][round_up(N, 16)]; out rows of stride d. */
typedef struct vit158_train_attention {
    const float *qkv;
    float *p;
    float *out;          /* [n_queries][d] */
    const float *dout;   /* backward: gradient of out */
    float *dqkv;         /* backward: [N][3d], overwritten */
    const float *taught; /* backward: probabilities like p that these should be, or NULL */
    float taught_factor; /* scores' gradient for a difference of 1 from them */
    uint32_t n_tokens, n_queries, heads, dim;
    float *scratch; /* vit158_train_attention_scratch floats */
} vit158_train_attention;

static inline size_t vit158_train_attention_scratch(size_t n_tokens, size_t head_dim)
{
    const size_t padded = vit158_train_round_up(n_tokens, 16);
    return 2 * head_dim * padded + (n_tokens + VIT158_TRAIN_TILE_ROWS) * padded;
}

typedef struct vit158_train_adamw {
    float lr, beta1, beta2, eps, decay;
    float correct1, correct2; /* 1 / (1 - beta^t) */
} vit158_train_adamw;

typedef struct vit158_train_compute {
    const char *name;
    bool narrow_gradients; /* with gradient_bits 8 those of weights have 8 as well, else 16 */
    void (*product)(const vit158_train_product *p);
    /* The same with a and b rounded to bfloat16 and sums in float; b(k, c) = p->b[k * b_row + c *
     * b_col] whatever p->ldb says. One of a's strides is 1, and one of b's. scratch:
     * vit158_train_half_scratch bytes. NULL without such instructions. */
    void (*half_product)(const vit158_train_product *p, size_t b_row, size_t b_col, void *scratch);
    /* Panels [depth][cols] of b(k, c) = b[k * b_row + c * b_col]. */
    void (*pack)(float *panels, const float *b, size_t b_row, size_t b_col, uint32_t depth,
                 uint32_t cols);
    void (*pack_trits)(vit158_train_trits *w, const int8_t *u);
    void (*trit_product)(const vit158_train_trit_product *p);
    void (*trit_gradient)(const vit158_train_trit_gradient *p);
    void (*norm_rows)(const vit158_train_norm_rows *p);
    void (*norm_gradient)(const vit158_train_norm_gradient *p);
    void (*attention)(const vit158_train_attention *p);
    void (*attention_gradient)(const vit158_train_attention *p);
    /* y[c] += sum over rows of factor * x. */
    void (*column_sums)(float *y, const float *x, size_t ldx, uint32_t rows, uint32_t cols,
                        float factor);
    void (*adamw)(float *w, const float *g, float *m, float *v, size_t count,
                  const vit158_train_adamw *how);
    /* y += factor * (x - y). */
    void (*blend)(float *y, const float *x, size_t count, float factor);
    /* y = a * y + b * x. */
    void (*combine)(float *y, const float *x, size_t count, float a, float b);
    double (*sum_of_squares)(const float *x, size_t count);
} vit158_train_compute;

static inline size_t vit158_train_half_scratch(size_t rows, size_t cols, size_t depth)
{
    const size_t steps = (depth + 1) / 2;
    const size_t words =
        vit158_train_panel_words(steps, cols) + (rows + VIT158_TRAIN_TILE_ROWS) * steps;
    return vit158_train_round_up(words * sizeof(uint32_t), 64);
}

/* Scratch bytes of trit_gradient, whatever the instruction set and gradient_bits. */
size_t vit158_train_trit_gradient_scratch(uint32_t rows, uint32_t n_in, uint32_t n_out);

extern const vit158_train_compute vit158_train_compute_generic;
extern const vit158_train_compute vit158_train_compute_avx2;
extern const vit158_train_compute vit158_train_compute_avx512;
extern const vit158_train_compute vit158_train_compute_avx512bf16;

/* The best table this processor can run, or the one named by `name` ("generic", "avx2", "avx512",
 * "avx512bf16"); NULL if that is unknown or unsupported here. name NULL = best. */
const vit158_train_compute *vit158_train_compute_choose(const char *name);

#endif
