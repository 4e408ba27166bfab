/* SPDX-License-Identifier: MIT
 *
 * The backward of a ternary layer with gradients rounded to 8 bits instead of 15: half the time, a
 * relative error of about 1 % a layer, like that of activation rounding. Both products use the tile
 * of the forward pass: dX with u + 1 as the unsigned operand, dW with q + 128; the sums of the
 * signed operand take the offsets out again.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

#define TINY 1e-30F
#define LIMIT 127.0F
#define INPUT_OFFSET 128

typedef struct scratch8 {
    int8_t *rows;        /* [rows + 6][ld]: G per token */
    int32_t *row_sum;    /* [rows] */
    float *row_scale;    /* [rows] */
    float *column_scale; /* [n_out]: absmax of G r, then multiplier of the sums */
    int32_t *column_sum; /* [n_out] */
    uint32_t *g_quads;   /* [quads][ld_quads]: G r per channel, four tokens a word */
    uint32_t *x_quads;   /* panels [quads][n_in] of q + 128, four tokens a word */
    size_t ld;
    size_t ld_quads; /* an odd number of cache lines */
    uint32_t quads;
} scratch8;

/* `at` moves on by whole cache lines; while measuring it starts at 0 and nothing is written. */
static void *piece(uintptr_t *at, size_t n_bytes)
{
    const uintptr_t here = *at;
    *at += vit158_round_up(n_bytes, 64);
    return (void *)here;
}

static scratch8 plan(void *scratch, uint32_t rows, uint32_t n_in, uint32_t n_out, size_t *n_bytes)
{
    uintptr_t at = (uintptr_t)scratch;
    scratch8 s = {.ld = vit158_round_up(n_out, 64), .quads = (rows + 3) / 4};
    s.ld_quads = vit158_round_up(n_out, 32) + 16;
    s.rows = piece(&at, (rows + VIT158_TILE_ROWS) * s.ld);
    s.row_sum = piece(&at, rows * sizeof(int32_t));
    s.row_scale = piece(&at, rows * sizeof(float));
    s.column_scale = piece(&at, n_out * sizeof(float));
    s.column_sum = piece(&at, n_out * sizeof(int32_t));
    s.g_quads = piece(&at, (s.quads + 1) * s.ld_quads * sizeof(uint32_t));
    s.x_quads = piece(&at, vit158_panel_words(s.quads, n_in) * sizeof(uint32_t));
    *n_bytes = (size_t)(at - (uintptr_t)scratch);
    return s;
}

#if defined(VIT158_ISA_IS_GENERIC)
size_t vit158_trit_gradient8_scratch(uint32_t rows, uint32_t n_in, uint32_t n_out)
{
    size_t n_bytes;
    plan(NULL, rows, n_in, n_out, &n_bytes);
    return n_bytes;
}
#endif

static int32_t total_of(vi x)
{
    int32_t lane[VIT158_LANES], sum = 0;
    memcpy(lane, &x, sizeof lane);
    for (uint32_t i = 0; i < VIT158_LANES; i++)
        sum += lane[i];
    return sum;
}

/* One pass over G: bias gradient, rows in int8 by token, and absmax of G r by channel. */
static void round_rows(const vit158_trit_gradient *p, const scratch8 *s)
{
    const uint32_t n = p->w->n_out;
    memset(s->column_scale, 0, n * sizeof(float));
    for (uint32_t t = 0; t < p->rows; t++) {
        const float *g = p->g + t * p->ldg;
        const vf r = vf_set(p->x->r[t]);
        vf most = vf_set(0.0F);
        for (uint32_t o = 0; o < n; o += VIT158_LANES) {
            const vf x = vf_load(g + o);
            const vf size = vf_abs(x);
            most = vf_max(most, size);
            vf_store(s->column_scale + o, vf_max(vf_load(s->column_scale + o), size * r));
            vf_store(p->dbias + o, vf_load(p->dbias + o) + x * p->factor);
        }
        const float largest = vf_largest(most) + TINY;
        const vf scale = vf_set(LIMIT / largest);
        int8_t *to = s->rows + t * s->ld;
        vi sum = vi_set(0);
        for (uint32_t o = 0; o < n; o += VIT158_LANES) {
            const vi q = vf_quantize(vf_load(g + o), scale);
            const vi8 narrow = __builtin_convertvector(q, vi8);
            memcpy(to + o, &narrow, sizeof narrow);
            sum += q;
        }
        memset(to + n, 0, s->ld - n);
        s->row_sum[t] = total_of(sum);
        s->row_scale[t] = p->factor * p->w->scale * (largest / LIMIT);
    }
}

static void pack_gradient(const vit158_trit_gradient *p, const scratch8 *s)
{
    const uint32_t n = p->w->n_out;
    for (uint32_t o = 0; o < n; o += VIT158_LANES) {
        const vf most = vf_load(s->column_scale + o) + TINY;
        const vf scale = LIMIT / most;
        vi sum = vi_set(0);
        for (uint32_t t = 0; t < 4 * s->quads; t += 4) {
            vi word = vi_set(0);
            for (uint32_t j = 0; j < 4 && t + j < p->rows; j++) {
                const float *g = p->g + (t + j) * p->ldg + o;
                const vi q = vf_quantize(vf_load(g), scale * p->x->r[t + j]);
                sum += q;
                word |= (q & vi_set(255)) << (int)(8 * j);
            }
            vi_store(s->g_quads + (size_t)(t / 4) * s->ld_quads + o, word);
        }
        vi_store(s->column_sum + o, sum);
        vf_store(s->column_scale + o, most * (p->factor / LIMIT));
    }
}

/* Rows beyond the last are read as 0; their gradients are 0. */
static void pack_inputs(const vit158_trit_gradient *p, const scratch8 *s)
{
    const size_t ld = p->x->ldq;
    for (uint32_t i = 0; i < ld; i += VIT158_LANES) {
        uint32_t *to = s->x_quads + (size_t)(i / VIT158_TILE_COLS) * s->quads * VIT158_TILE_COLS +
                       i % VIT158_TILE_COLS;
        for (uint32_t t = 0; t < p->rows; t += 4, to += VIT158_TILE_COLS) {
            vi word = vi_set(0);
            for (uint32_t j = 0; j < 4 && t + j < p->rows; j++) {
                vi8 bytes;
                memcpy(&bytes, p->x->q + (t + j) * ld + i, sizeof bytes);
                const vi q = __builtin_convertvector(bytes, vi) + vi_set(INPUT_OFFSET);
                word |= q << (int)(8 * j);
            }
            vi_store(to, word);
        }
    }
}

static void input_gradient(const vit158_trit_gradient *p, const scratch8 *s)
{
    int32_t c[VIT158_TILE_ROWS * VIT158_TILE_COLS];
    const uint32_t n_in = p->w->n_in;
    const size_t quads = (p->w->n_out + 3) / 4;
    for (uint32_t col = 0; col < n_in; col += VIT158_TILE_COLS) {
        const uint32_t width = n_in - col < VIT158_TILE_COLS ? n_in - col : VIT158_TILE_COLS;
        const uint32_t *panel = p->w->backward + col * quads;
        for (uint32_t row = 0; row < p->rows; row += VIT158_TILE_ROWS) {
            ISA(tile_u8s8)(c, s->rows + row * s->ld, s->ld / 4, 1, panel, quads);
            for (uint32_t r = 0; r < VIT158_TILE_ROWS && row + r < p->rows; r++) {
                const vf scale = vf_set(s->row_scale[row + r]);
                const vi offset = vi_set(s->row_sum[row + r]);
                const int32_t *from = c + (size_t)r * VIT158_TILE_COLS;
                float *to = p->dx + (size_t)(row + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_LANES)
                    vf_store(to + i,
                             __builtin_convertvector(vi_load(from + i) - offset, vf) * scale);
            }
        }
    }
}

static void weight_gradient(const vit158_trit_gradient *p, const scratch8 *s)
{
    int32_t c[VIT158_TILE_ROWS * VIT158_TILE_COLS];
    const uint32_t n_in = p->w->n_in, n_out = p->w->n_out;
    for (uint32_t col = 0; col < n_in; col += VIT158_TILE_COLS) {
        const uint32_t width = n_in - col < VIT158_TILE_COLS ? n_in - col : VIT158_TILE_COLS;
        const uint32_t *panel = s->x_quads + (size_t)col * s->quads;
        for (uint32_t o = 0; o < n_out; o += VIT158_TILE_ROWS) {
            ISA(tile_u8s8)(c, s->g_quads + o, 1, s->ld_quads, panel, s->quads);
            for (uint32_t r = 0; r < VIT158_TILE_ROWS && o + r < n_out; r++) {
                const vf scale = vf_set(s->column_scale[o + r]);
                const vi offset = vi_set(INPUT_OFFSET * s->column_sum[o + r]);
                const int32_t *from = c + (size_t)r * VIT158_TILE_COLS;
                float *to = p->dw + (size_t)(o + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_LANES)
                    vf_store(to + i,
                             vf_load(to + i) +
                                 __builtin_convertvector(vi_load(from + i) - offset, vf) * scale);
            }
        }
    }
}

void ISA(trit_gradient8)(const vit158_trit_gradient *p)
{
    size_t n_bytes;
    const scratch8 s = plan(p->scratch, p->rows, p->w->n_in, p->w->n_out, &n_bytes);
    round_rows(p, &s);
    input_gradient(p, &s);
    pack_gradient(p, &s);
    pack_inputs(p, &s);
    weight_gradient(p, &s);
}
