/* SPDX-License-Identifier: MIT
 *
 * Each operation of every instruction set this machine has against plain definitions in doubles on
 * identical (quantized) inputs, at sizes around tiles and panels (METHODS.md 6, A1).
 */
#include "unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numerics.h"
#include "base/rng.h"
#include "train/compute.h"

#define TOLERANCE 1e-5 /* of the largest magnitude of the result */

static const char *const sets[] = {"generic", "avx2", "avx512", "avx512bf16"};
#define SETS (sizeof sets / sizeof sets[0])

static void *zeroed(size_t count, size_t size)
{
    void *p = aligned_alloc(64, vit158_train_round_up(count * size + 4096, 64));
    assert_non_null(p);
    memset(p, 0, vit158_train_round_up(count * size + 4096, 64));
    return p;
}

static float *noise(size_t count, uint64_t seed)
{
    float *x = zeroed(count, sizeof *x);
    vit158_rng rng = vit158_rng_seed(seed);
    for (size_t i = 0; i < count; i++)
        x[i] = vit158_rng_normal(&rng);
    return x;
}

/* Largest difference as a share of the largest expected magnitude. */
static double distance(const float *got, const double *expected, size_t count)
{
    double most = 0.0, size = 1e-30;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)got[i] - expected[i]));
        size = fmax(size, fabs(expected[i]));
    }
    return most / size;
}

/* Scratch of exactly the promised size with a guard behind it. */
#define GUARD 64
static uint8_t *guarded_scratch(const uint32_t shape[3], size_t *n_bytes)
{
    *n_bytes = vit158_train_trit_gradient_scratch(shape[0], shape[1], shape[2]);
    uint8_t *scratch = zeroed(*n_bytes + GUARD, 1);
    memset(scratch + *n_bytes, 0xA5, GUARD);
    return scratch;
}

/* 574b7eb sized the scratch by the generic set's registers: wider ones wrote past its end. */
static void check_guard(const uint8_t *scratch, size_t n_bytes)
{
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(scratch[n_bytes + i], 0xA5);
}

typedef struct ternary_case {
    uint32_t rows, n_in, n_out;
    int8_t *u;
    vit158_train_trits w;
    vit158_train_quantized x;
    float *stats;
} ternary_case;

static ternary_case make_case(const vit158_train_compute *k, uint32_t rows, uint32_t n_in,
                              uint32_t n_out)
{
    ternary_case c = {.rows = rows, .n_in = n_in, .n_out = n_out};
    vit158_rng rng = vit158_rng_seed(rows + n_in + n_out);
    c.u = zeroed((size_t)n_in * n_out, 1);
    for (size_t i = 0; i < (size_t)n_in * n_out; i++)
        c.u[i] = (int8_t)((int)vit158_rng_below(&rng, 3) - 1);
    c.w =
        (vit158_train_trits){.forward = zeroed(vit158_train_panel_words((n_in + 3) / 4, n_out), 4),
                             .backward = zeroed(vit158_train_panel_words((n_out + 1) / 2, n_in), 4),
                             .scales = zeroed(n_out, sizeof(float)),
                             .n_in = n_in,
                             .n_out = n_out};
    for (uint32_t o = 0; o < n_out; o++)
        c.w.scales[o] = 0.01F + 0.002F * (float)vit158_rng_below(&rng, 40);
    k->pack_trits(&c.w, c.u);
    c.x.ldq = vit158_train_round_up(n_in, 64);
    c.x.q = zeroed((rows + VIT158_TRAIN_TILE_ROWS) * c.x.ldq, 1);
    c.x.r = zeroed(rows + 1, sizeof(float));
    c.x.sum = zeroed(rows + 1, sizeof(int32_t));
    c.stats = zeroed((size_t)rows * 4, sizeof(float));
    float *x = noise((size_t)rows * n_in, 3), *scratch = zeroed((size_t)4 * n_in, sizeof(float));
    const vit158_train_norm_rows p = {.x = x,
                                      .ldx = n_in,
                                      .rows = rows,
                                      .n = n_in,
                                      .stats = c.stats,
                                      .out = c.x,
                                      .scratch = scratch};
    float *weight = noise(n_in, 4), *bias = noise(n_in, 5);
    vit158_train_norm_rows with_norm = p;
    with_norm.inner_weight = weight;
    with_norm.inner_bias = bias;
    with_norm.inner_eps = 1e-5F;
    k->norm_rows(&with_norm);
    free(x);
    free(scratch);
    free(weight);
    free(bias);
    return c;
}

static void free_case(ternary_case *c)
{
    free(c->u);
    free(c->w.scales);
    free(c->w.forward);
    free(c->w.backward);
    free(c->x.q);
    free(c->x.r);
    free(c->x.sum);
    free(c->stats);
}

static void check_forward(const vit158_train_compute *k, const ternary_case *c)
{
    const size_t count = (size_t)c->rows * c->n_out;
    float *y = zeroed(count, sizeof *y), *base = noise(count, 6), *bias = noise(c->n_out, 7);
    double *expected = zeroed(count, sizeof *expected);
    for (uint32_t t = 0; t < c->rows; t++)
        for (uint32_t o = 0; o < c->n_out; o++) {
            int32_t sum = 0;
            for (uint32_t i = 0; i < c->n_in; i++)
                sum += c->x.q[t * c->x.ldq + i] * c->u[(size_t)o * c->n_in + i];
            const size_t at = (size_t)t * c->n_out + o;
            expected[at] =
                (double)base[at] +
                0.5 * (sum * (double)c->w.scales[o] * (double)c->x.r[t] + (double)bias[o]);
        }
    const vit158_train_trit_product p = {.y = y,
                                         .ldy = c->n_out,
                                         .x = &c->x,
                                         .w = &c->w,
                                         .bias = bias,
                                         .base = base,
                                         .base_ld = c->n_out,
                                         .factor = 0.5F,
                                         .rows = c->rows};
    k->trit_product(&p);
    assert_true(distance(y, expected, count) < TOLERANCE);
    free(expected);
    free(bias);
    free(base);
    free(y);
}

/* The gradient is rounded to 15 bits a token and a channel: 2^-14 of the largest, on top. */
#define ROUNDING 3e-4

static void check_backward(const vit158_train_compute *k, const ternary_case *c)
{
    const size_t rows = c->rows, in = c->n_in, out = c->n_out;
    float *g = noise(rows * out, 8), *dx = zeroed(rows * in, sizeof *dx);
    float *dw = zeroed(in * out, sizeof *dw), *db = zeroed(out, sizeof *db);
    double *ex = zeroed(rows * in, sizeof *ex), *ew = zeroed(in * out, sizeof *ew);
    double *eb = zeroed(out, sizeof *eb);
    for (size_t t = 0; t < rows; t++)
        for (size_t o = 0; o < out; o++) {
            const double v = 2.0 * (double)g[t * out + o];
            eb[o] += v;
            for (size_t i = 0; i < in; i++) {
                ex[t * in + i] += v * (double)c->w.scales[o] * c->u[o * in + i];
                ew[o * in + i] += v * (double)c->x.r[t] * c->x.q[t * c->x.ldq + i];
            }
        }
    size_t n_bytes;
    const uint32_t shape[3] = {c->rows, c->n_in, c->n_out};
    uint8_t *scratch = guarded_scratch(shape, &n_bytes);
    const vit158_train_trit_gradient p = {.g = g,
                                          .ldg = out,
                                          .x = &c->x,
                                          .w = &c->w,
                                          .factor = 2.0F,
                                          .rows = c->rows,
                                          .dx = dx,
                                          .dw = dw,
                                          .dbias = db,
                                          .scratch = scratch};
    k->trit_gradient(&p);
    check_guard(scratch, n_bytes);
    assert_true(distance(dx, ex, rows * in) < ROUNDING);
    assert_true(distance(dw, ew, in * out) < ROUNDING);
    assert_true(distance(db, eb, out) < TOLERANCE);
    free(scratch);
    free(eb);
    free(ew);
    free(ex);
    free(db);
    free(dw);
    free(dx);
    free(g);
}

/* Gradients of 8 bits: what is left after rounding as trit_gradient.c says it does is exact. */
static void check_backward8(const vit158_train_compute *k, const ternary_case *c)
{
    const size_t rows = c->rows, in = c->n_in, out = c->n_out;
    const bool narrow_weights = k->narrow_gradients;
    float *g = noise(rows * out, 8), *dx = zeroed(rows * in, sizeof *dx);
    float *dw = zeroed(in * out, sizeof *dw), *db = zeroed(out, sizeof *db);
    double *ex = zeroed(rows * in, sizeof *ex), *ew = zeroed(in * out, sizeof *ew);
    float *column = zeroed(out, sizeof *column);
    for (size_t t = 0; t < rows; t++)
        for (size_t o = 0; o < out; o++)
            column[o] = fmaxf(column[o], fabsf(g[t * out + o]) * c->x.r[t]);
    for (size_t t = 0; t < rows; t++) {
        float most = 0.0F;
        for (size_t o = 0; o < out; o++)
            most = fmaxf(most, fabsf(g[t * out + o] * c->w.scales[o]));
        for (size_t o = 0; o < out; o++) {
            const float v = g[t * out + o];
            const double row =
                (double)vit158_rne(v * c->w.scales[o] * (127.0F / most)) * (double)most / 127.0;
            const double col = narrow_weights
                                   ? (double)vit158_rne(v * (127.0F / column[o] * c->x.r[t])) *
                                         (double)column[o] / 127.0
                                   : (double)v * (double)c->x.r[t];
            for (size_t i = 0; i < in; i++) {
                ex[t * in + i] += 2.0 * row * c->u[o * in + i];
                ew[o * in + i] += 2.0 * col * c->x.q[t * c->x.ldq + i];
            }
        }
    }
    size_t n_bytes;
    const uint32_t shape[3] = {c->rows, c->n_in, c->n_out};
    uint8_t *scratch = guarded_scratch(shape, &n_bytes);
    vit158_train_trits narrow = c->w;
    narrow.gradient_bits = 8;
    k->pack_trits(&narrow, c->u);
    const vit158_train_trit_gradient p = {.g = g,
                                          .ldg = out,
                                          .x = &c->x,
                                          .w = &narrow,
                                          .factor = 2.0F,
                                          .rows = c->rows,
                                          .dx = dx,
                                          .dw = dw,
                                          .dbias = db,
                                          .scratch = scratch};
    k->trit_gradient(&p);
    check_guard(scratch, n_bytes);
    assert_true(distance(dx, ex, rows * in) < TOLERANCE);
    assert_true(distance(dw, ew, in * out) < (k->narrow_gradients ? TOLERANCE : ROUNDING));
    free(scratch);
    free(column);
    free(ew);
    free(ex);
    free(db);
    free(dw);
    free(dx);
    free(g);
}

static const vit158_train_compute *table(size_t set)
{
    const vit158_train_compute *k = vit158_train_compute_choose(sets[set]);
    if (!k)
        print_message("SKIPPED: this processor has no %s\n", sets[set]);
    return k;
}

static void test_ternary_products(void **state)
{
    (void)state;
    const uint32_t shapes[][3] = {{1, 16, 16},  {5, 48, 64},   {6, 64, 48},
                                  {7, 80, 144}, {65, 192, 96}, {7, 528, 32}};
    for (size_t s = 0; s < SETS; s++) {
        const vit158_train_compute *k = table(s);
        for (size_t i = 0; k && i < sizeof shapes / sizeof shapes[0]; i++) {
            ternary_case c = make_case(k, shapes[i][0], shapes[i][1], shapes[i][2]);
            check_forward(k, &c);
            check_backward(k, &c);
            check_backward8(k, &c);
            free_case(&c);
        }
    }
}

/* Rows of quantized codes follow the shared numerics: codes of the float rows, bit for bit. */
static void test_rounding_is_the_engines(void **state)
{
    (void)state;
    enum { ROWS = 9, N = 48 };
    for (size_t s = 0; s < SETS; s++) {
        const vit158_train_compute *k = table(s);
        if (!k)
            continue;
        float *x = noise(ROWS * N, 9), stats[4 * ROWS], r[ROWS + 1], scratch[4 * N];
        int8_t *q = zeroed((ROWS + 6) * 64, 1);
        int32_t sum[ROWS + 1];
        const vit158_train_norm_rows p = {.x = x,
                                          .ldx = N,
                                          .rows = ROWS,
                                          .n = N,
                                          .stats = stats,
                                          .out = {q, r, sum, 64},
                                          .scratch = scratch};
        k->norm_rows(&p);
        for (int t = 0; t < ROWS; t++) {
            float most = 0.0F;
            int32_t total = 0;
            for (int i = 0; i < N; i++)
                most = fmaxf(most, fabsf(x[t * N + i]));
            const float scale = vit158_quant_scale(most);
            for (int i = 0; i < N; i++) {
                assert_int_equal(q[t * 64 + i], vit158_quantize(x[t * N + i], scale));
                total += q[t * 64 + i];
            }
            assert_int_equal(sum[t], total);
            assert_true(r[t] == 1.0F / scale);
        }
        free(q);
        free(x);
    }
}

static void check_product(const vit158_train_compute *k, uint32_t rows, uint32_t cols,
                          uint32_t depth, int panels)
{
    const size_t ldb = vit158_train_round_up(cols, 16);
    float *a = noise((size_t)(rows + 6) * depth, 1), *b = noise((size_t)depth * ldb, 2);
    float *y = noise((size_t)rows * cols, 3), *bias = noise(cols + 16, 4);
    float *packed = zeroed(vit158_train_panel_words(depth, cols), sizeof *packed);
    double *expected = zeroed((size_t)rows * cols, sizeof *expected);
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++) {
            double sum = (double)bias[c];
            for (uint32_t i = 0; i < depth; i++)
                sum += (double)a[(size_t)r * depth + i] * (double)b[i * ldb + c];
            expected[(size_t)r * cols + c] = (double)y[(size_t)r * cols + c] + 0.25 * sum;
        }
    k->pack(packed, b, ldb, 1, depth, cols);
    const vit158_train_product p = {.y = y,
                                    .ldy = cols,
                                    .a = a,
                                    .a_row = depth,
                                    .a_step = 1,
                                    .b = panels ? packed : b,
                                    .ldb = panels ? 0 : ldb,
                                    .rows = rows,
                                    .cols = cols,
                                    .depth = depth,
                                    .bias = bias,
                                    .factor = 0.25F,
                                    .base = y,
                                    .base_ld = cols};
    k->product(&p);
    assert_true(distance(y, expected, (size_t)rows * cols) < TOLERANCE);
    free(expected);
    free(packed);
    free(bias);
    free(y);
    free(b);
    free(a);
}

static void test_float_products(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 5, 6, 7, 10, 16, 31, 48, 63, 64, 65, 80, 97};
    const size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t s = 0; s < SETS; s++) {
        const vit158_train_compute *k = table(s);
        for (size_t i = 0; k && i < count; i++)
            for (size_t j = 0; j < count; j++)
                for (int panels = 0; panels < 2; panels++)
                    check_product(k, sizes[i], sizes[j], sizes[(i + j) % count], panels);
    }
}

/* Rounded to bfloat16, half to even. */
static double half(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7FFFU + ((bits >> 16) & 1U)) & 0xFFFF0000U;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* Bit 0 of `layout`: steps of a lie side by side, bit 1: of b. */
static void check_half_product(const vit158_train_compute *k, uint32_t rows, uint32_t cols,
                               uint32_t depth, int layout)
{
    const size_t a_row = layout & 1 ? depth : 1, a_step = layout & 1 ? 1 : rows;
    const size_t b_row = layout & 2 ? 1 : cols, b_col = layout & 2 ? depth : 1;
    float *a = noise((size_t)rows * depth, 1), *b = noise((size_t)depth * cols, 2);
    float *y = noise((size_t)rows * cols, 3), *bias = noise(cols, 4);
    double *expected = zeroed((size_t)rows * cols, sizeof *expected);
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++) {
            double sum = (double)bias[c];
            for (uint32_t i = 0; i < depth; i++)
                sum += half(a[r * a_row + i * a_step]) * half(b[i * b_row + c * b_col]);
            expected[(size_t)r * cols + c] = (double)y[(size_t)r * cols + c] + 0.25 * sum;
        }
    const size_t n_bytes = vit158_train_half_scratch(rows, cols, depth);
    uint8_t *scratch = zeroed(n_bytes + GUARD, 1);
    memset(scratch + n_bytes, 0xA5, GUARD);
    const vit158_train_product p = {.y = y,
                                    .ldy = cols,
                                    .a = a,
                                    .a_row = a_row,
                                    .a_step = a_step,
                                    .b = b,
                                    .rows = rows,
                                    .cols = cols,
                                    .depth = depth,
                                    .bias = bias,
                                    .factor = 0.25F,
                                    .base = y,
                                    .base_ld = cols};
    k->half_product(&p, b_row, b_col, scratch);
    check_guard(scratch, n_bytes);
    assert_true(distance(y, expected, (size_t)rows * cols) < TOLERANCE);
    free(scratch);
    free(expected);
    free(bias);
    free(y);
    free(b);
    free(a);
}

static void test_half_products(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 5, 6, 7, 16, 31, 33, 64, 65, 97};
    const size_t count = sizeof sizes / sizeof sizes[0];
    for (size_t s = 0; s < SETS; s++) {
        const vit158_train_compute *k = table(s);
        for (size_t i = 0; k && k->half_product && i < count; i++)
            for (size_t j = 0; j < count; j++)
                for (int layout = 0; layout < 4; layout++)
                    check_half_product(k, sizes[i], sizes[j], sizes[(i + j) % count], layout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ternary_products),
        cmocka_unit_test(test_rounding_is_the_engines),
        cmocka_unit_test(test_float_products),
        cmocka_unit_test(test_half_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
