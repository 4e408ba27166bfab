/* SPDX-License-Identifier: MIT
 *
 * Backward of a ternary layer (METHODS.md 1.4) on integers: the output gradient is rounded to 15
 * bits, once per token for dX = G u scale, once per output channel for dW = sum over tokens of
 * (G r) q. Relative rounding error about 1e-4, far below the noise of activation rounding.
 */
#include <string.h>

#include "train/isa.h"
#include "train/vec.h"

#define TINY 1e-30F

typedef struct scratch_plan {
    int16_t *rows;       /* [rows + 6][ldg16]: G per token */
    float *row_scale;    /* [rows] */
    float *column_scale; /* [n_out]: absmax, then multiplier of the sums */
    uint32_t *g_pairs;   /* [pairs][ld_pairs]: G r per channel, two tokens a word */
    uint32_t *x_pairs;   /* panels [pairs][n_in] of q, two tokens a word */
    size_t ld;           /* int16 a row */
    size_t ld_pairs;     /* an odd number of cache lines, so that columns spread over the L1 */
    uint32_t pairs;
} scratch_plan;

static scratch_plan plan(void *scratch, uint32_t rows, uint32_t n_in, uint32_t n_out,
                         size_t *n_bytes)
{
    scratch_plan s = {.ld = vit158_round_up(n_out, 32), .pairs = (rows + 1) / 2};
    s.ld_pairs = vit158_round_up(n_out, 32) + 16; /* the same for every instruction set */
    char *at = scratch;
    size_t used = 0;
    const size_t sizes[5] = {
        (rows + VIT158_TILE_ROWS) * s.ld * sizeof(int16_t),
        (rows + 1) * sizeof(float),
        vit158_round_up(n_out, 16) * sizeof(float),
        (s.pairs + 1) * s.ld_pairs * sizeof(uint32_t),
        vit158_panel_words(s.pairs, n_in) * sizeof(uint32_t),
    };
    void *pieces[5];
    for (int i = 0; i < 5; i++) {
        pieces[i] = scratch ? at + used : NULL;
        used += vit158_round_up(sizes[i], 64);
    }
    s.rows = pieces[0];
    s.row_scale = pieces[1];
    s.column_scale = pieces[2];
    s.g_pairs = pieces[3];
    s.x_pairs = pieces[4];
    *n_bytes = used;
    return s;
}

#if defined(VIT158_ISA_IS_GENERIC)
size_t vit158_trit_gradient_scratch(uint32_t rows, uint32_t n_in, uint32_t n_out)
{
    size_t n_bytes;
    plan(NULL, rows, n_in, n_out, &n_bytes);
    const size_t narrow = vit158_trit_gradient8_scratch(rows, n_in, n_out);
    return narrow > n_bytes ? narrow : n_bytes;
}
#endif

/* Values in int16 range to int16. */
static inline void store_narrow(int16_t *to, vi x)
{
    const vi16 narrow = __builtin_convertvector(x, vi16);
    memcpy(to, &narrow, sizeof narrow);
}

/* One pass over G: bias gradient, rows in int16 by token, and absmax of G r by channel. */
static void round_rows(const vit158_trit_gradient *p, const scratch_plan *s)
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
        const vf scale = vf_set(VIT158_GRAD_LIMIT / largest);
        int16_t *to = s->rows + t * s->ld;
        for (uint32_t o = 0; o < n; o += VIT158_LANES)
            store_narrow(to + o, vf_quantize(vf_load(g + o), scale));
        s->row_scale[t] = p->factor * p->w->scale * (largest / VIT158_GRAD_LIMIT);
    }
}

/* G r by channel, two tokens a word. */
static void pack_gradient(const vit158_trit_gradient *p, const scratch_plan *s)
{
    const uint32_t n = p->w->n_out;
    for (uint32_t o = 0; o < n; o += VIT158_LANES) {
        const vf scale = VIT158_GRAD_LIMIT / (vf_load(s->column_scale + o) + TINY);
        uint32_t *to = s->g_pairs + o;
        for (uint32_t t = 0; t < p->rows; t += 2, to += s->ld_pairs) {
            const vi lo = vf_quantize(vf_load(p->g + t * p->ldg + o), scale * p->x->r[t]);
            vi hi = vi_set(0);
            if (t + 1 < p->rows)
                hi = vf_quantize(vf_load(p->g + (t + 1) * p->ldg + o), scale * p->x->r[t + 1]);
            vi_store(to, (lo & vi_set(0xFFFF)) | (hi << 16));
        }
        vf_store(s->column_scale + o,
                 (vf_load(s->column_scale + o) + TINY) * (p->factor / VIT158_GRAD_LIMIT));
    }
}

static inline vi widen(const int8_t *q)
{
    vi8 bytes;
    memcpy(&bytes, q, sizeof bytes);
    return __builtin_convertvector(bytes, vi);
}

static void pack_inputs(const vit158_trit_gradient *p, const scratch_plan *s)
{
    const int8_t *q = p->x->q;
    const size_t ld = p->x->ldq;
    for (uint32_t i = 0; i < ld; i += VIT158_LANES) {
        uint32_t *to = s->x_pairs + (size_t)(i / VIT158_TILE_COLS) * s->pairs * VIT158_TILE_COLS +
                       i % VIT158_TILE_COLS;
        for (uint32_t t = 0; t < p->rows; t += 2, to += VIT158_TILE_COLS) {
            const vi lo = widen(q + t * ld + i);
            const vi hi = t + 1 < p->rows ? widen(q + (t + 1) * ld + i) : vi_set(0);
            vi_store(to, (lo & vi_set(0xFFFF)) | (hi << 16));
        }
    }
}

static void input_gradient(const vit158_trit_gradient *p, const scratch_plan *s)
{
    int32_t c[VIT158_TILE_ROWS * VIT158_TILE_COLS];
    const uint32_t n_in = p->w->n_in;
    const size_t pairs = (p->w->n_out + 1) / 2;
    for (uint32_t col = 0; col < n_in; col += VIT158_TILE_COLS) {
        const uint32_t width = n_in - col < VIT158_TILE_COLS ? n_in - col : VIT158_TILE_COLS;
        for (uint32_t row = 0; row < p->rows; row += VIT158_TILE_ROWS) {
            ISA(tile_s16)
            (c, s->rows + row * s->ld, s->ld / 2, 1, p->w->backward + col * pairs, pairs);
            for (uint32_t r = 0; r < VIT158_TILE_ROWS && row + r < p->rows; r++) {
                const vf scale = vf_set(s->row_scale[row + r]);
                float *to = p->dx + (size_t)(row + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_LANES)
                    vf_store(to + i, __builtin_convertvector(
                                         vi_load(c + (size_t)r * VIT158_TILE_COLS + i), vf) *
                                         scale);
            }
        }
    }
}

static void weight_gradient(const vit158_trit_gradient *p, const scratch_plan *s)
{
    int32_t c[VIT158_TILE_ROWS * VIT158_TILE_COLS];
    const uint32_t n_in = p->w->n_in, n_out = p->w->n_out;
    for (uint32_t col = 0; col < n_in; col += VIT158_TILE_COLS) {
        const uint32_t width = n_in - col < VIT158_TILE_COLS ? n_in - col : VIT158_TILE_COLS;
        for (uint32_t o = 0; o < n_out; o += VIT158_TILE_ROWS) {
            ISA(tile_s16)
            (c, s->g_pairs + o, 1, s->ld_pairs, s->x_pairs + (size_t)col * s->pairs, s->pairs);
            for (uint32_t r = 0; r < VIT158_TILE_ROWS && o + r < n_out; r++) {
                const vf scale = vf_set(s->column_scale[o + r]);
                float *to = p->dw + (size_t)(o + r) * n_in + col;
                for (uint32_t i = 0; i < width; i += VIT158_LANES)
                    vf_store(to + i, vf_load(to + i) +
                                         __builtin_convertvector(
                                             vi_load(c + (size_t)r * VIT158_TILE_COLS + i), vf) *
                                             scale);
            }
        }
    }
}

void ISA(trit_gradient)(const vit158_trit_gradient *p)
{
    if (p->w->gradient_bits == 8) {
        ISA(trit_gradient8)(p);
        return;
    }
    size_t n_bytes;
    const scratch_plan s = plan(p->scratch, p->rows, p->w->n_in, p->w->n_out, &n_bytes);
    round_rows(p, &s);
    input_gradient(p, &s);
    pack_gradient(p, &s);
    pack_inputs(p, &s);
    weight_gradient(p, &s);
}
