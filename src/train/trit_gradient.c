/* SPDX-License-Identifier: MIT
 *
 * Backward of a ternary layer (METHODS.md 1.4) on integers: the output gradient is rounded, once
 * per token for dX = (G scales) u, once per output channel for dW = sum over tokens of (G r) q.
 * Rounded to 15 bits the relative error is about 1e-4; to 8 bits about 1 % a layer, like that of
 * activation rounding, in half the time. With 8 bits one operand is unsigned: u + 1 for dX, q + 128
 * for dW; the sums of the signed one take the offsets out again. Where products of bytes saturate
 * (AVX2: u + 1 cannot reach that, q + 128 can) dW has 15 bits all the same.
 *
 * Functions are inlined with `bits` (of dX) and `weight_bits` (of dW) constant.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

#define TINY 1e-30F
#define BYTE_LIMIT 127.0F
#define INPUT_OFFSET 128
#define INLINE static inline __attribute__((always_inline))

typedef struct scratch_plan {
    void *rows;          /* [rows + 6][ld]: G scales per token */
    int32_t *row_sum;    /* [rows], 8 bits only */
    float *row_scale;    /* [rows] */
    float *column_scale; /* [n_out]: absmax of G r, then multiplier of the sums */
    int32_t *column_sum; /* [n_out], 8 bits only */
    uint32_t *g_words;   /* [words][ld_words]: G r per channel, several tokens a word */
    uint32_t *x_words;   /* panels [words][n_in] of q, several tokens a word */
    size_t ld;           /* values a row, whole cache lines */
    size_t ld_words;     /* an odd number of cache lines, so that columns spread over the L1 */
    uint32_t words;
} scratch_plan;

INLINE uint32_t per_word(int bits)
{
    return bits == 8 ? 4 : 2;
}

INLINE float limit_of(int bits)
{
    return bits == 8 ? BYTE_LIMIT : VIT158_TRAIN_GRAD_LIMIT;
}

/* `at` moves on by whole cache lines; while measuring it starts at 0 and nothing is written. */
static void *piece(uintptr_t *at, size_t n_bytes)
{
    const uintptr_t here = *at;
    *at += vit158_train_round_up(n_bytes, 64);
    return (void *)here;
}

static scratch_plan plan(void *scratch, uint32_t rows, uint32_t n_in, uint32_t n_out, int bits,
                         int weight_bits, size_t *n_bytes)
{
    uintptr_t at = (uintptr_t)scratch;
    const size_t size = 4 / per_word(bits);
    scratch_plan s = {.ld = vit158_train_round_up(n_out, 64 / size),
                      .ld_words = vit158_train_round_up(n_out, 32) + 16,
                      .words = (rows + per_word(weight_bits) - 1) / per_word(weight_bits)};
    s.rows = piece(&at, (rows + VIT158_TRAIN_TILE_ROWS) * s.ld * size);
    s.row_sum = piece(&at, rows * sizeof(int32_t));
    s.row_scale = piece(&at, rows * sizeof(float));
    s.column_scale = piece(&at, n_out * sizeof(float));
    s.column_sum = piece(&at, n_out * sizeof(int32_t));
    s.g_words = piece(&at, (s.words + 1) * s.ld_words * sizeof(uint32_t));
    s.x_words = piece(&at, vit158_train_panel_words(s.words, n_in) * sizeof(uint32_t));
    *n_bytes = (size_t)(at - (uintptr_t)scratch);
    return s;
}

#if defined(VIT158_TRAIN_IS_GENERIC)
size_t vit158_train_trit_gradient_scratch(uint32_t rows, uint32_t n_in, uint32_t n_out)
{
    size_t wide, narrow;
    plan(NULL, rows, n_in, n_out, 16, 16, &wide);
    plan(NULL, rows, n_in, n_out, 8, 8, &narrow);
    return narrow > wide ? narrow : wide;
}
#endif

static int32_t total_of(vi x)
{
    int32_t lane[VIT158_TRAIN_LANES], sum = 0;
    memcpy(lane, &x, sizeof lane);
    for (uint32_t i = 0; i < VIT158_TRAIN_LANES; i++)
        sum += lane[i];
    return sum;
}

/* Values in range to `bits` bits. */
INLINE void store_narrow(char *to, vi x, int bits)
{
    if (bits == 8) {
        const vi8 narrow = __builtin_convertvector(x, vi8);
        memcpy(to, &narrow, sizeof narrow);
    } else {
        const vi16 narrow = __builtin_convertvector(x, vi16);
        memcpy(to, &narrow, sizeof narrow);
    }
}

/* Bias gradient, rounded rows of G scales by token, and absmax of G r by channel. */
INLINE void round_rows(const vit158_train_trit_gradient *p, const scratch_plan *s, int bits)
{
    const uint32_t n = p->w->n_out;
    const size_t size = 4 / per_word(bits);
    memset(s->column_scale, 0, n * sizeof(float));
    for (uint32_t t = 0; t < p->rows; t++) {
        const float *g = p->g + t * p->ldg;
        const vf r = vf_set(p->x->r[t]);
        vf most = vf_set(0.0F);
        for (uint32_t o = 0; o < n; o += VIT158_TRAIN_LANES) {
            const vf x = vf_load(g + o);
            most = vf_max(most, vf_abs(x * vf_load(p->w->scales + o)));
            vf_store(s->column_scale + o, vf_max(vf_load(s->column_scale + o), vf_abs(x) * r));
            vf_store(p->dbias + o, vf_load(p->dbias + o) + x * p->factor);
        }
        const float largest = vf_largest(most) + TINY;
        const vf scale = vf_set(limit_of(bits) / largest);
        char *to = (char *)s->rows + t * s->ld * size;
        vi sum = vi_set(0);
        for (uint32_t o = 0; o < n; o += VIT158_TRAIN_LANES) {
            const vi q = vf_quantize(vf_load(g + o) * vf_load(p->w->scales + o), scale);
            store_narrow(to + o * size, q, bits);
            if (bits == 8)
                sum += q;
        }
        memset(to + n * size, 0, (s->ld - n) * size);
        if (bits == 8)
            s->row_sum[t] = total_of(sum);
        s->row_scale[t] = p->factor * (largest / limit_of(bits));
    }
}

/* G r by channel, several tokens a word; tokens beyond the last are 0. */
INLINE void pack_gradient(const vit158_train_trit_gradient *p, const scratch_plan *s, int bits)
{
    const uint32_t n = p->w->n_out, step = per_word(bits);
    const vi mask = vi_set(bits == 8 ? 0xFF : 0xFFFF);
    for (uint32_t o = 0; o < n; o += VIT158_TRAIN_LANES) {
        const vf most = vf_load(s->column_scale + o) + TINY;
        const vf scale = limit_of(bits) / most;
        vi sum = vi_set(0);
        uint32_t *to = s->g_words + o;
        for (uint32_t t = 0; t < p->rows; t += step, to += s->ld_words) {
            vi word = vi_set(0);
            for (uint32_t j = 0; j < step && t + j < p->rows; j++) {
                const vf g = vf_load(p->g + (t + j) * p->ldg + o);
                const vi q = vf_quantize(g, scale * p->x->r[t + j]);
                if (bits == 8)
                    sum += q;
                word |= (q & mask) << (int)((unsigned)bits * j);
            }
            vi_store(to, word);
        }
        if (bits == 8)
            vi_store(s->column_sum + o, sum);
        vf_store(s->column_scale + o, most * (p->factor / limit_of(bits)));
    }
}

/* Rows beyond the last are read as 0; their gradients are 0. */
INLINE void pack_inputs(const vit158_train_trit_gradient *p, const scratch_plan *s, int bits)
{
    const size_t ld = p->x->ldq;
    const uint32_t step = per_word(bits);
    const vi offset = vi_set(bits == 8 ? INPUT_OFFSET : 0);
    const vi mask = vi_set(bits == 8 ? 0xFF : 0xFFFF);
    for (uint32_t i = 0; i < ld; i += VIT158_TRAIN_LANES) {
        uint32_t *to = s->x_words +
                       (size_t)(i / VIT158_TRAIN_TILE_COLS) * s->words * VIT158_TRAIN_TILE_COLS +
                       i % VIT158_TRAIN_TILE_COLS;
        for (uint32_t t = 0; t < p->rows; t += step, to += VIT158_TRAIN_TILE_COLS) {
            vi word = vi_set(0);
            for (uint32_t j = 0; j < step && t + j < p->rows; j++) {
                vi8 bytes;
                memcpy(&bytes, p->x->q + (t + j) * ld + i, sizeof bytes);
                const vi q = __builtin_convertvector(bytes, vi) + offset;
                word |= (q & mask) << (int)((unsigned)bits * j);
            }
            vi_store(to, word);
        }
    }
}

INLINE void tile(int32_t *c, const void *a, size_t a_row, size_t a_step, const uint32_t *b,
                 size_t steps, int bits)
{
    if (bits == 8)
        ISA(tile_u8s8)(c, a, a_row, a_step, b, steps);
    else
        ISA(tile_s16)(c, a, a_row, a_step, b, steps);
}

INLINE void input_gradient(const vit158_train_trit_gradient *p, const scratch_plan *s, int bits)
{
    int32_t c[VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS];
    const uint32_t n_in = p->w->n_in;
    const size_t size = 4 / per_word(bits);
    const size_t steps = (p->w->n_out + per_word(bits) - 1) / per_word(bits);
    for (uint32_t col = 0; col < n_in; col += VIT158_TRAIN_TILE_COLS) {
        const uint32_t width =
            n_in - col < VIT158_TRAIN_TILE_COLS ? n_in - col : VIT158_TRAIN_TILE_COLS;
        const uint32_t *panel = p->w->backward + col * steps;
        for (uint32_t row = 0; row < p->rows; row += VIT158_TRAIN_TILE_ROWS) {
            tile(c, (const char *)s->rows + row * s->ld * size, s->ld * size / 4, 1, panel, steps,
                 bits);
            for (uint32_t r = 0; r < VIT158_TRAIN_TILE_ROWS && row + r < p->rows; r++) {
                const vf scale = vf_set(s->row_scale[row + r]);
                const vi offset = vi_set(bits == 8 ? s->row_sum[row + r] : 0);
                const int32_t *from = c + (size_t)r * VIT158_TRAIN_TILE_COLS;
                float *to = p->dx + (size_t)(row + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_TRAIN_LANES)
                    vf_store(to + i,
                             __builtin_convertvector(vi_load(from + i) - offset, vf) * scale);
            }
        }
    }
}

INLINE void weight_gradient(const vit158_train_trit_gradient *p, const scratch_plan *s, int bits)
{
    int32_t c[VIT158_TRAIN_TILE_ROWS * VIT158_TRAIN_TILE_COLS];
    const uint32_t n_in = p->w->n_in, n_out = p->w->n_out;
    for (uint32_t col = 0; col < n_in; col += VIT158_TRAIN_TILE_COLS) {
        const uint32_t width =
            n_in - col < VIT158_TRAIN_TILE_COLS ? n_in - col : VIT158_TRAIN_TILE_COLS;
        const uint32_t *panel = s->x_words + (size_t)col * s->words;
        for (uint32_t o = 0; o < n_out; o += VIT158_TRAIN_TILE_ROWS) {
            tile(c, s->g_words + o, 1, s->ld_words, panel, s->words, bits);
            for (uint32_t r = 0; r < VIT158_TRAIN_TILE_ROWS && o + r < n_out; r++) {
                const vf scale = vf_set(s->column_scale[o + r]);
                const vi offset = vi_set(bits == 8 ? INPUT_OFFSET * s->column_sum[o + r] : 0);
                const int32_t *from = c + (size_t)r * VIT158_TRAIN_TILE_COLS;
                float *to = p->dw + (size_t)(o + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_TRAIN_LANES)
                    vf_store(to + i,
                             vf_load(to + i) +
                                 __builtin_convertvector(vi_load(from + i) - offset, vf) * scale);
            }
        }
    }
}

INLINE void gradient(const vit158_train_trit_gradient *p, int bits, int weight_bits)
{
    size_t n_bytes;
    const scratch_plan s =
        plan(p->scratch, p->rows, p->w->n_in, p->w->n_out, bits, weight_bits, &n_bytes);
    round_rows(p, &s, bits);
    input_gradient(p, &s, bits);
    pack_gradient(p, &s, weight_bits);
    pack_inputs(p, &s, weight_bits);
    weight_gradient(p, &s, weight_bits);
}

void ISA(trit_gradient)(const vit158_train_trit_gradient *p)
{
    if (p->w->gradient_bits == 8)
        gradient(p, 8, VIT158_TRAIN_NARROW_GRADIENTS ? 8 : 16);
    else
        gradient(p, 16, 16);
}
