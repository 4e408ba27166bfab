/* SPDX-License-Identifier: MIT
 *
 * The contracts of the hot operations. `<op>_scalar.c` is the definition, `<op>_simd128.c` the fast
 * one; both give the same bits, which tests check with memcmp.
 *
 * Layout. Activations are channel-major: element (channel c, token t) of an activation matrix with
 * row stride `ld` lies at [c * ld + t]. Tokens are the SIMD lanes, so no kernel needs horizontal
 * sums or transposes, and the int8 rows are what the table kernel wants. `ld` is a multiple of
 * VIT158_TOKEN_PAD; columns N .. ld-1 are padding that holds finite values of no meaning. Buffers
 * are 16-byte aligned at their start; with ld a multiple of 8, float rows are 32-byte multiples and
 * int8 rows 8-byte multiples.
 *
 * Ranges. Kernels work on the token columns [t0, t1) and outputs [o0, o1) they are given, so that
 * an operation can be cut into tasks. t0 is a multiple of VIT158_TOKEN_PAD, t1 too unless t1 = N; a
 * kernel may round t1 up to a multiple of VIT158_TOKEN_PAD and write padding columns below that.
 * Empty ranges do nothing.
 *
 * Numbers. Every float operation is a single IEEE operation in the order written below.
 */
#ifndef VIT158_KERNELS_KERNELS_H
#define VIT158_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/coding.h"
#include "base/planes.h"
#include "vit158.h"

#define VIT158_TOKEN_PAD 8U

/* N rounded up to whole token groups: the row stride of activation matrices. */
static inline uint32_t vit158_token_stride(uint32_t n_tokens)
{
    return (n_tokens + VIT158_TOKEN_PAD - 1) / VIT158_TOKEN_PAD * VIT158_TOKEN_PAD;
}

/* What a product does with its result r. */
typedef enum vit158_epilogue {
    VIT158_STORE, /* y = r */
    VIT158_ADD,   /* y = y + r (residual) */
    VIT158_GELU   /* y = gelu(r), numerics.h */
} vit158_epilogue;

/* ---- Dense float product --------------------------------------------------------------------
 *
 * r[o][t] = (sum over k of a(o, k) * b[k][t]) + bias[o]; the sum starts at 0 and adds k = 0, 1, ...
 * in order (product, then sum: two roundings). a(o, k) = a[o * a_row + k * a_col], so the same
 * kernel multiplies by a weight matrix (a_row = n_in, a_col = 1) and by keys that lie channel-major
 * (a_row = 1, a_col = ld). bias may be NULL (then nothing is added).
 */
typedef struct vit158_gemm_f32 {
    float *y;       /* [n_out][ldy] */
    size_t ldy;     /* multiple of VIT158_TOKEN_PAD */
    const float *a; /* n_out x n_in by strides */
    size_t a_row;
    size_t a_col;
    const float *b;    /* [n_in][ldb] */
    size_t ldb;        /* multiple of VIT158_TOKEN_PAD */
    const float *bias; /* [n_out] or NULL */
    uint32_t n_in;
    uint32_t n_out;
    vit158_epilogue epilogue;
} vit158_gemm_f32;

/* ---- Quantized products ---------------------------------------------------------------------
 *
 * r[o][t] = (float)(sum over i of w(o, i) * q[i][t]) * (scale[o] * r_t) + bias[o], with the exact
 * integer sum in int32 and r_t = r[t] = 1 / s_t the token's dequantization step. With one scale for
 * the whole matrix scale_step = 0, with one a row scale_step = 1.
 *
 * Where a trit matrix has several rows for an output (base/planes.h), each has its sum and scale,
 * and the products are added in the order of the planes before the bias: ((p0 + p1) + p2) + p3.
 *
 * Trit and int8 weights: base/coding.h.
 */
typedef struct vit158_gemm_q8 {
    float *y;        /* [n_out][ldy] */
    size_t ldy;      /* multiple of VIT158_TOKEN_PAD */
    const int8_t *q; /* [n_in][ldq], -127 .. 127 */
    size_t ldq;      /* multiple of VIT158_TOKEN_PAD */
    const float *r;  /* [ldq] */
    const void *w;   /* trit codes or int8, see above */
    const float *scale;
    uint32_t scale_step;
    const float *bias; /* [n_out] or NULL */
    uint32_t n_in;     /* sums fit int32: 127 * 127 * n_in < 2^31 */
    uint32_t n_out;
    vit158_planes planes; /* of trit weights */
    vit158_epilogue epilogue;
} vit158_gemm_q8;

/* All rows of its weights. */
static inline uint32_t vit158_q8_rows(const vit158_gemm_q8 *p)
{
    return vit158_plane_rows(&p->planes, p->n_out, 0, p->n_out);
}

/* The most rows that n_out of its outputs may have. */
static inline uint32_t vit158_q8_most_rows(const vit158_gemm_q8 *p, uint32_t n_out)
{
    const uint32_t all = vit158_q8_rows(p), most = n_out * vit158_plane_count(&p->planes);
    return most < all ? most : all;
}

/* ---- Normalisation --------------------------------------------------------------------------
 *
 * LayerNorm over channels, per token: mean = total / n, v = total of (x - mean)^2 / n,
 * y = ((x - mean) * (1 / sqrt(v + eps) + (v - v))) * weight[c] + bias[c]. Totals are striped over
 * channels (channel c adds into lane c mod 4), combined by vit158_striped_total. One or two norms
 * are applied in a row, the second to the result of the first.
 *
 * v - v is 0, or NaN if v is not finite: then all results of the token are NaN. Likewise below, so
 * that a value which is not finite reaches the logits instead of becoming some integer.
 *
 * An RMSNorm is the same with mean = 0; a bias that is not there counts as zeros.
 */
typedef struct vit158_layernorm {
    const float *weight; /* [n], NULL = no norm at all */
    const float *bias;   /* [n] or NULL */
    float eps;
    bool rms;
} vit158_layernorm;

/* Norms (0 to 2), then q and r of each token by the rule (base/coding.h). */
typedef struct vit158_norm_quantize {
    int8_t *q;      /* [n][ld] */
    float *r;       /* [ld] */
    const float *x; /* [n][ld] */
    size_t ld;      /* of q and x */
    uint32_t n;     /* channels */
    vit158_input_rule rule;
    vit158_layernorm norms[2]; /* unused ones have weight NULL and come last */
} vit158_norm_quantize;

/* Norms (1 or 2), float result. y may not overlap x. */
typedef struct vit158_norm_f32 {
    float *y;       /* [n][ld] */
    const float *x; /* [n][ld] */
    size_t ld;
    uint32_t n;
    vit158_layernorm norms[2];
} vit158_norm_f32;

/* ---- Softmax --------------------------------------------------------------------------------
 *
 * In place over the rows of each column: x = s[j][t] * factor, + bias[j] if there is one; m = max
 * over j (in row order); e_j = vit158_exp(x_j - m); total striped over rows; p_j = e_j * (1 /
 * (total + doubt)). The doubt is the sum over j of x_j - x_j: 0, or NaN if a score is not finite,
 * which maximum and exponential would hide. So is a score of -infinity: what overflowed on the way
 * may have been any number.
 */
typedef struct vit158_softmax {
    float *s; /* [n_rows][ld] */
    size_t ld;
    uint32_t n_rows;
    float factor;
    const float *bias; /* [n_rows] or NULL */
} vit158_softmax;

/* ---- Attention in int16 ---------------------------------------------------------------------
 *
 * Exact integer sums of int16 products, so that their order is free and i32x4.dot_i16x8_s does
 * them. A pair matrix holds two channels (or keys) of a token side by side: [ceil(n / 2)][ld][2];
 * an odd n's last second entry is 0.
 *
 * Tokens: per token s = 2047 / max(absmax over channels, 1e-30), y = vit158_quantize_i16(x, s),
 * r = 1 / s, which is not finite if a value is not.
 */
typedef struct vit158_quantize_tokens {
    int16_t *y;     /* pairs of channels, [ceil(n / 2)][ld][2] */
    float *r;       /* [ld] */
    const float *x; /* [n][ld] */
    size_t ld;
    uint32_t n; /* channels */
} vit158_quantize_tokens;

/* Channels: per channel s = 32767 / max(absmax over tokens, 1e-30), y = vit158_quantize_i16(x, s),
 * r = 1 / s, which is not finite if a value is not. Columns n_tokens .. ld-1 of y become 0. */
typedef struct vit158_quantize_channels {
    int16_t *y;     /* [n][ld] */
    float *r;       /* [n] */
    const float *x; /* [n][ld] */
    size_t ld;
    uint32_t n; /* channels */
    uint32_t n_tokens;
} vit158_quantize_channels;

/* Softmax of scores x[j][t] as in vit158_softmax, but
 * p = vit158_quantize_i16(e_j, 32767 / total), and r = 1 / 32767 + doubt is what they count by. s
 * is overwritten. */
typedef struct vit158_softmax_i16 {
    int16_t *p; /* pairs of rows, [ceil(n_rows / 2)][ld][2] */
    float *r;   /* [t1] */
    float *s;   /* [n_rows][ld] */
    size_t ld;
    uint32_t n_rows;
    float factor;
    const float *bias; /* [n_rows] or NULL */
} vit158_softmax_i16;

/* y[o][t] = (float)(sum over k of a(o, k) * b(k, t)) * (row_scale[o * row_step] * column_scale[t *
 * column_step]), steps 0 or 1. b is a pair matrix; a(o, k) = a[o * a_row + k / 2 * a_pair + k % 2],
 * so a may be pairs of channels (a_row = 2, a_pair = 2 ld) or rows of keys (a_row = ld, a_pair =
 * 2). An odd n_in counts its pair's second entries: one of them must be 0. */
typedef struct vit158_gemm_i16 {
    float *y; /* [n_out][ldy] */
    size_t ldy;
    const int16_t *a;
    size_t a_row;
    size_t a_pair;
    const int16_t *b; /* [ceil(n_in / 2)][ldb][2] */
    size_t ldb;
    const float *row_scale;
    const float *column_scale;
    uint32_t row_step;
    uint32_t column_step;
    uint32_t n_in;
    uint32_t n_out;
} vit158_gemm_i16;

/* ---- Patches --------------------------------------------------------------------------------
 *
 * Columns for the patch embedding as a product: row (c, y, x) of the patch, columns before `first`
 * zero (class token and the like), column first + p the pixel of patch p, patches row-major over
 * the grid. A range is of lines of the patch: line l is y = l % patch of channel l / patch, `patch`
 * rows.
 */
typedef struct vit158_patches {
    float *columns;     /* [channels * patch * patch][ld] */
    const float *image; /* [channels][side][side] */
    size_t ld;
    uint32_t channels;
    uint32_t side;
    uint32_t patch;
    uint32_t first;
} vit158_patches;

/* ---- Merging tokens -------------------------------------------------------------------------
 *
 * ToMe (Bolya et al. 2023, "Token Merging: Your ViT But Faster", arXiv 2210.09461), between the
 * attention of a block and its MLP. The n tokens behind the P prefix tokens, the patches, are
 * numbered from 0; even ones are set A, odd ones set B. r <= n / 2 of A merge into tokens of B:
 *
 * 1. Each patch has a metric, its keys (with bias, as float products made them) added over heads
 *    0, 1, ... and divided by their length: vit158_merge_metric.
 * 2. The similarity of a and b is the product of their metrics, as the float product has it; each a
 *    takes the b of the largest, of equal ones the lowest: vit158_best_row.
 * 3. Of A the r most similar merge, of equally similar ones the lowest first.
 * 4. A b that others merge into becomes the mean of all by their sizes: vit158_merge_rows. Every
 *    other token keeps its value. Sizes add up; they begin at 1.
 * 5. Tokens come in this order then: prefix, what is left of A, B.
 *
 * From the next block on vit158_log(size of a key) is the bias of its scores' softmax. What is not
 * finite makes the similarity NaN, and every token of the block with it.
 */

/* m = ((k_0 + k_1) + ...) over heads; v = total of m^2, striped over channels;
 * result = m / (max(sqrt v, VIT158_MERGE_FLOOR) + (v - v)). A range [t0, t1) is of patches, t0 a
 * multiple of VIT158_TOKEN_PAD; results of patches up to the next such multiple may be written, so
 * up to 7 values of `x` past the last patch are read. */
#define VIT158_MERGE_FLOOR 1e-12F

typedef struct vit158_merge_metric {
    float *even;    /* [n][ld]: column i is patch 2 i */
    float *odd;     /* [n][ld]: column i is patch 2 i + 1 */
    const float *x; /* [heads][n][ld]: keys; column 0 is the first patch */
    size_t ld;
    uint32_t n; /* channels of a head */
    uint32_t heads;
} vit158_merge_metric;

/* Down each column: best = the largest of s (each is compared with the best before it), row = where
 * it is first; then best = best + the sum over rows of s - s. */
typedef struct vit158_best_row {
    float *best;    /* [t1] */
    uint32_t *row;  /* [t1] */
    const float *s; /* [n_rows][ld] */
    size_t ld;
    uint32_t n_rows; /* at least 1 */
} vit158_best_row;

/* A token of which others become a part, or one that becomes a part of another. */
typedef struct vit158_merge_move {
    uint32_t from; /* token before */
    uint32_t into; /* token after */
} vit158_merge_move;

/* In every row, in place: y[i] = x[kept[i]]; of the tokens i that grow, y[i] = y[i] *
 * size[kept[i]]; then for each move in order y[into] = y[into] + size[from] * x[from]; then of
 * those that grow y[i] = y[i] / total[i]. */
typedef struct vit158_merge_rows {
    float *x; /* [rows][ld] */
    size_t ld;
    const uint32_t *kept;           /* [n_out] the token before that is this one */
    const vit158_merge_move *moves; /* [move_count], from the lowest `from` on */
    const uint32_t *grow;           /* [grow_count] tokens after into which others move */
    const float *size;              /* [n_in] of tokens before */
    const float *total;             /* [n_out] of tokens after */
    uint32_t n_in;
    uint32_t n_out;
    uint32_t move_count;
    uint32_t grow_count;
} vit158_merge_rows;

/* ---- The table of a variant ------------------------------------------------------------------
 *
 * Each operation takes its arguments, its ranges and, where stated, scratch memory of its own
 * worker: `<op>_scratch` bytes, 64-byte aligned, contents free.
 *
 * A product that several workers share is cut into tasks of token_step tokens (a multiple of
 * VIT158_TOKEN_PAD, or all of them) by out_step outputs, as the kernel prefers for its whole n_out,
 * the rows that these have, and that number of tokens.
 */
typedef struct vit158_product_cut {
    uint32_t token_step;
    uint32_t out_step;
} vit158_product_cut;

typedef vit158_product_cut (*vit158_cut_fn)(uint32_t n_out, uint32_t n_rows, uint32_t n_tokens,
                                            uint32_t workers);
typedef void (*vit158_gemm_f32_fn)(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                   uint32_t o1, void *scratch);
typedef void (*vit158_gemm_q8_fn)(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0,
                                  uint32_t o1, void *scratch);
/* Scratch bytes that a product of this shape needs; of `p` only n_in, n_out and planes are read. */
typedef size_t (*vit158_gemm_scratch_fn)(uint32_t n_in, uint32_t n_out, uint32_t n_tokens);
typedef size_t (*vit158_q8_scratch_fn)(const vit158_gemm_q8 *p, uint32_t n_out, uint32_t n_tokens);

typedef struct vit158_product_f32 {
    vit158_gemm_f32_fn run;
    vit158_gemm_scratch_fn scratch;
    vit158_cut_fn cut;
} vit158_product_f32;

/* Tokens t0 .. t1 - 1 of outputs o0 .. o1 - 1. */
typedef struct vit158_gemm_range {
    uint32_t t0;
    uint32_t t1;
    uint32_t o0;
    uint32_t o1;
} vit158_gemm_range;

/* The scratch memory of all workers that took part. */
typedef struct vit158_parts_scratch {
    uint8_t *memory; /* [workers][bytes] */
    size_t bytes;
    uint32_t workers; /* <= VIT158_MAX_PARTNERS */
} vit158_parts_scratch;

/* The sums of all are read for every result, so more would rather wait for each other. */
#define VIT158_MAX_PARTNERS 8U

/* A product whose inputs are shared out instead of its tokens or outputs: each worker adds up the
 * parts it takes in its own scratch, and results come from the sums of all. For each block of
 * tokens: `begin` for every worker's scratch, `add` for every part once, `results` for every output
 * once; ranges are not empty. Little is done twice, and parts are small, so workers of different
 * speed finish together. */
typedef struct vit158_product_parts {
    uint32_t (*count)(uint32_t n_in);
    uint32_t (*block_tokens)(const vit158_gemm_q8 *p, uint32_t o0, uint32_t o1, uint32_t n_tokens);
    void (*begin)(const vit158_gemm_q8 *p, vit158_gemm_range block, void *scratch);
    void (*add)(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t part, void *scratch);
    void (*results)(const vit158_gemm_q8 *p, vit158_gemm_range block, uint32_t o0, uint32_t o1,
                    const vit158_parts_scratch *scratch);
    vit158_q8_scratch_fn scratch;
} vit158_product_parts;

typedef struct vit158_product_q8 {
    vit158_gemm_q8_fn run;
    vit158_q8_scratch_fn scratch;
    vit158_cut_fn cut;
    const vit158_product_parts *parts; /* NULL: cut it */
} vit158_product_q8;

/* Ways to multiply quantized inputs by coded weights. */
typedef enum vit158_way { VIT158_WAY_DOT, VIT158_WAY_TABLE, VIT158_WAYS } vit158_way;

typedef struct vit158_kernels {
    const char *name; /* "scalar", "simd128", "avx2" */
    vit158_product_f32 f32;
    /* By the weights' encoding, for inputs quantized to int8; `run` is NULL where there is none. */
    vit158_product_q8 q8[VIT158_ENCODINGS][VIT158_WAYS];
    /* Scratch of the norms: vit158_norm_scratch(n) bytes. */
    void (*norm_quantize)(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1, void *scratch);
    void (*norm_f32)(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch);
    void (*softmax)(const vit158_softmax *p, uint32_t t0, uint32_t t1);
    void (*quantize_tokens)(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1);
    void (*quantize_channels)(const vit158_quantize_channels *p);
    void (*softmax_i16)(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1);
    void (*i16)(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1);
    /* x[i] = gelu(x[i]) for i < count; count a multiple of VIT158_TOKEN_PAD. */
    void (*gelu)(float *x, size_t count);
    /* x[i] = x[i] * sigmoid(x[i] * (curve[0] + curve[1] * x[i]^2)): vit158_sigmoid_gelu of
     * numerics.h; count a multiple of VIT158_TOKEN_PAD. */
    void (*sigmoid_gelu)(float *x, size_t count, const float curve[2]);
    void (*patches)(const vit158_patches *p, uint32_t line0, uint32_t line1);
    void (*merge_metric)(const vit158_merge_metric *p, uint32_t t0, uint32_t t1);
    void (*best_row)(const vit158_best_row *p, uint32_t t0, uint32_t t1);
    /* Rows row0 .. row1 - 1; scratch: [n_in] floats. */
    void (*merge_rows)(const vit158_merge_rows *p, uint32_t row0, uint32_t row1, void *scratch);
} vit158_kernels;

/* The product for weights of so many rows: the one way there is, the one asked for, or of several
 * the fastest (choose.c); all give the same bits. */
const vit158_product_q8 *vit158_choose_q8(const vit158_kernels *kernels, vit158_encoding encoding,
                                          vit158_gemm gemm, uint32_t n_rows);

/* Tokens that a norm kernel handles at a time. */
#define VIT158_NORM_TOKENS 8U

static inline size_t vit158_norm_scratch(uint32_t n_channels)
{
    return (size_t)n_channels * VIT158_NORM_TOKENS * sizeof(float);
}

extern const vit158_kernels vit158_kernels_scalar;
extern const vit158_kernels vit158_kernels_simd128; /* absent from the scalar wasm module */
extern const vit158_kernels vit158_kernels_avx2;    /* in native builds for x86-64 */

/* The kernels of an engine, the fastest for VIT158_ENGINE_AUTO; NULL if this build lacks them or
 * this processor does not run them. All give the same bits. */
const vit158_kernels *vit158_kernels_of(vit158_engine engine);

#endif
