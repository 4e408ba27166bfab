/* SPDX-License-Identifier: MIT
 *
 * The int16 kernels of attention: scalar definitions against double, the SIMD variant against
 * scalar bit for bit, token ranges against the whole, largest sums, one hash for every build.
 */
#include <math.h>
#include <string.h>

#include "base/numerics.h"
#include "check.h"
#include "kernels/fast.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Hashes of results in every build. */
#define TOKENS_HASH 5794356866315576279ULL
#define CHANNELS_HASH 16617013944977948940ULL
#define SOFTMAX_HASH 11733767201839907786ULL
#define PRODUCTS_HASH 15557355579308749308ULL

static const vit158_kernels *const variants[] = {
    &vit158_kernels_scalar,
#ifdef FAST_KERNELS
    &FAST_KERNELS,
#endif
};

/* Channels (or keys) and tokens. */
static const uint32_t shapes[][2] = {{1, 1},  {2, 3},  {3, 8},   {4, 9},   {5, 17},  {7, 16},
                                     {8, 31}, {31, 4}, {64, 32}, {65, 33}, {197, 9}, {577, 8}};

static size_t pair_bytes(uint32_t n, size_t ld)
{
    return (size_t)(n + 1) / 2 * ld * 2 * sizeof(int16_t);
}

static void tokens_match(void)
{
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(shapes); i++) {
        const uint32_t n = shapes[i][0], n_tokens = shapes[i][1];
        const size_t ld = vit158_token_stride(n_tokens);
        check_rng rng = check_seed(i);
        const float size = i % 4 == 3 ? 1e-20F : 10.0F;
        const float *x = check_floats(&rng, n * ld, -size, size);
        int16_t *y[2] = {check_alloc(pair_bytes(n, ld)), check_alloc(pair_bytes(n, ld))};
        float *r[2] = {check_alloc(ld * sizeof(float)), check_alloc(ld * sizeof(float))};
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            const vit158_quantize_tokens p = {y[v], r[v], x, ld, n};
            variants[v]->quantize_tokens(&p, 0, n_tokens < 8 ? n_tokens : 8);
            variants[v]->quantize_tokens(&p, 8, n_tokens);
        }
        for (uint32_t t = 0; t < n_tokens; t++) {
            for (uint32_t c = 0; c < (n + 1) / 2 * 2; c++) {
                const size_t at = (c / 2 * ld + t) * 2 + c % 2;
                const double expected = c < n ? (double)x[c * ld + t] / (double)r[0][t] : 0.0;
                CHECK(fabs(y[0][at] - expected) <= 0.501, "case %u: channel %u, token %u", i, c, t);
                CHECK(y[COUNT(variants) - 1][at] == y[0][at], "case %u: variants differ", i);
                hash = check_hash(hash, &y[COUNT(variants) - 1][at], sizeof(int16_t));
            }
            CHECK(memcmp(&r[COUNT(variants) - 1][t], &r[0][t], sizeof(float)) == 0, "case %u", i);
        }
        check_free_all();
    }
    CHECK(hash == TOKENS_HASH, "the hash is %llu", (unsigned long long)hash);
}

static void channels_match(void)
{
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(shapes); i++) {
        const uint32_t n = shapes[i][0], n_tokens = shapes[i][1];
        const size_t ld = vit158_token_stride(n_tokens), bytes = n * ld * sizeof(int16_t);
        check_rng rng = check_seed(i + 50);
        const float *x = check_floats(&rng, n * ld, -3.0F, 2.0F);
        int16_t *y[2] = {check_alloc(bytes), check_alloc(bytes)};
        float *r[2] = {check_alloc(n * sizeof(float)), check_alloc(n * sizeof(float))};
        for (uint32_t v = 0; v < COUNT(variants); v++)
            variants[v]->quantize_channels(
                &(vit158_quantize_channels){y[v], r[v], x, ld, n, n_tokens});
        for (uint32_t c = 0; c < n; c++) {
            int32_t largest = 0;
            for (size_t t = 0; t < ld; t++) {
                const int16_t value = y[0][c * ld + t];
                const double expected = t < n_tokens ? (double)x[c * ld + t] / (double)r[0][c] : 0;
                CHECK(fabs(value - expected) <= 0.51, "case %u: channel %u", i, c);
                largest = value > largest ? value : -value > largest ? -value : largest;
            }
            CHECK(largest == 32767, "case %u: the largest value is %d", i, largest);
        }
        CHECK(memcmp(y[COUNT(variants) - 1], y[0], bytes) == 0, "case %u: variants differ", i);
        CHECK(memcmp(r[COUNT(variants) - 1], r[0], n * sizeof(float)) == 0, "case %u", i);
        hash = check_hash(hash, y[COUNT(variants) - 1], bytes);
        check_free_all();
    }
    CHECK(hash == CHANNELS_HASH, "the hash is %llu", (unsigned long long)hash);
}

static void softmax_matches(void)
{
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(shapes); i++) {
        const uint32_t n = shapes[i][0], n_tokens = shapes[i][1];
        const size_t ld = vit158_token_stride(n_tokens);
        check_rng rng = check_seed(i + 100);
        const float *x = check_floats(&rng, n * ld, -40.0F, 40.0F);
        float *s[3];
        for (uint32_t v = 0; v < 3; v++) {
            s[v] = check_alloc(n * ld * sizeof(float));
            memcpy(s[v], x, n * ld * sizeof(float));
        }
        int16_t *p[2] = {check_alloc(pair_bytes(n, ld)), check_alloc(pair_bytes(n, ld))};
        float *r = check_alloc(ld * sizeof(float));
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            variants[v]->softmax_i16(&(vit158_softmax_i16){p[v], r, s[v], ld, n, 0.125F, NULL}, 0,
                                     n_tokens);
            for (uint32_t t = 0; n > 0 && t < n_tokens; t++)
                CHECK(r[t] == 1.0F / 32767.0F, "case %u: step of token %u", i, t);
        }
        vit158_kernels_scalar.softmax(&(vit158_softmax){s[2], ld, n, 0.125F, NULL}, 0, n_tokens);
        for (uint32_t t = 0; t < n_tokens; t++) {
            for (uint32_t j = 0; j < (n + 1) / 2 * 2; j++) {
                const size_t at = (j / 2 * ld + t) * 2 + j % 2;
                const double expected = j < n ? (double)s[2][j * ld + t] * 32767.0 : 0.0;
                CHECK(fabs(p[0][at] - expected) <= 0.51, "case %u: key %u, token %u", i, j, t);
                CHECK(p[COUNT(variants) - 1][at] == p[0][at], "case %u: variants differ", i);
                hash = check_hash(hash, &p[COUNT(variants) - 1][at], sizeof(int16_t));
            }
        }
        check_free_all();
    }
    CHECK(hash == SOFTMAX_HASH, "the hash is %llu", (unsigned long long)hash);
}

/* A score that is not finite makes its own column not a number, and no other. */
static void softmax_keeps_what_is_not_finite(void)
{
    const float wild[] = {INFINITY, -INFINITY, NAN};
    const uint32_t n = 7, n_tokens = 12, ld = 16;
    for (uint32_t i = 0; i < COUNT(wild) * 7 * 2; i++) {
        const uint32_t row = i / 2 % 7, column = i % 2 == 0 ? 0 : 9;
        check_rng rng = check_seed(i);
        const float *x = check_floats(&rng, n * ld, -40.0F, 40.0F);
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            float *s = check_alloc(n * ld * sizeof(float));
            float *r = check_alloc(ld * sizeof(float));
            memcpy(s, x, n * ld * sizeof(float));
            s[row * ld + column] = wild[i / 14];
            variants[v]->softmax(&(vit158_softmax){s, ld, n, 0.125F, NULL}, 0, n_tokens);
            for (uint32_t j = 0; j < n; j++)
                for (uint32_t t = 0; t < n_tokens; t++)
                    CHECK(isfinite(s[j * ld + t]) == (t != column), "case %u: token %u", i, t);
            memcpy(s, x, n * ld * sizeof(float));
            s[row * ld + column] = wild[i / 14];
            int16_t *p = check_alloc(pair_bytes(n, ld));
            variants[v]->softmax_i16(&(vit158_softmax_i16){p, r, s, ld, n, 0.125F, NULL}, 0,
                                     n_tokens);
            for (uint32_t t = 0; t < n_tokens; t++)
                CHECK(isfinite(r[t]) == (t != column), "case %u: step of token %u", i, t);
        }
        check_free_all();
    }
}

typedef struct product_case {
    vit158_gemm_i16 p;
    uint32_t n_tokens;
} product_case;

/* Operands in either layout of `a`; values up to +-largest. */
static product_case make_product(uint32_t seed, uint32_t n_in, uint32_t n_out, uint32_t n_tokens,
                                 int32_t largest, bool columns)
{
    check_rng rng = check_seed(seed);
    const size_t ldb = vit158_token_stride(n_tokens), pairs = (n_in + 1) / 2;
    const size_t a_row = columns ? 2 : 2 * pairs, a_pair = columns ? 2 * (size_t)n_out : 2;
    int16_t *a = check_alloc(pairs * 2 * n_out * sizeof *a);
    int16_t *b = check_alloc(pairs * ldb * 2 * sizeof *b);
    const uint32_t range = (uint32_t)(2 * largest + 1);
    for (uint32_t o = 0; o < n_out; o++)
        for (uint32_t k = 0; k < 2 * pairs; k++)
            a[o * a_row + k / 2 * a_pair + k % 2] =
                (int16_t)((int32_t)check_below(&rng, range) - largest);
    for (uint32_t k = 0; k < 2 * pairs; k++)
        for (size_t t = 0; t < ldb; t++)
            b[(k / 2 * ldb + t) * 2 + k % 2] =
                (int16_t)(k < n_in ? (int32_t)check_below(&rng, range) - largest : 0);
    const vit158_gemm_i16 p = {.ldy = ldb,
                               .a = a,
                               .a_row = a_row,
                               .a_pair = a_pair,
                               .b = b,
                               .ldb = ldb,
                               .row_scale = check_floats(&rng, n_out, 0.1F, 1.0F),
                               .column_scale = check_floats(&rng, ldb, 0.1F, 1.0F),
                               .row_step = seed % 2,
                               .column_step = seed / 2 % 2,
                               .n_in = n_in,
                               .n_out = n_out};
    return (product_case){p, n_tokens};
}

static void check_definition(const product_case *c, const float *y)
{
    const vit158_gemm_i16 *p = &c->p;
    for (uint32_t o = 0; o < p->n_out; o++) {
        for (uint32_t t = 0; t < c->n_tokens; t++) {
            int64_t sum = 0;
            for (uint32_t k = 0; k < p->n_in; k++)
                sum += (int64_t)p->a[o * p->a_row + k / 2 * p->a_pair + k % 2] *
                       p->b[(k / 2 * p->ldb + t) * 2 + k % 2];
            const float scale =
                p->row_scale[(size_t)o * p->row_step] * p->column_scale[(size_t)t * p->column_step];
            CHECK(y[o * p->ldy + t] == (float)sum * scale, "output %u, token %u", o, t);
        }
    }
}

static void products_match(void)
{
    static const uint32_t sizes[][3] = {{1, 1, 1},     {2, 3, 7},     {3, 4, 8},   {7, 5, 9},
                                        {64, 197, 32}, {197, 64, 32}, {33, 6, 17}, {65, 65, 65},
                                        {8, 0, 8},     {5, 7, 0},     {577, 2, 11}};
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < 2 * COUNT(sizes) && !check_failed(); i++) {
        const uint32_t *size = sizes[i / 2];
        product_case c = make_product(i, size[0], size[1], size[2], 1023, i % 2 == 0);
        const size_t bytes = c.p.n_out * c.p.ldy * sizeof(float);
        float *y[2] = {check_alloc(bytes), check_alloc(bytes)};
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            c.p.y = y[v];
            variants[v]->i16(&c.p, 0, c.n_tokens < 8 ? c.n_tokens : 8);
            variants[v]->i16(&c.p, 8, c.n_tokens);
        }
        check_definition(&c, y[0]);
        for (uint32_t o = 0; o < c.p.n_out; o++) {
            const float *row = y[COUNT(variants) - 1] + o * c.p.ldy;
            CHECK(memcmp(row, y[0] + o * c.p.ldy, c.n_tokens * sizeof(float)) == 0,
                  "case %u: variants differ in output %u", i, o);
            hash = check_hash(hash, row, c.n_tokens * sizeof(float));
        }
        check_free_all();
    }
    CHECK(hash == PRODUCTS_HASH, "the hash is %llu", (unsigned long long)hash);
}

/* The largest sums that attention can make: queries and keys at their bound, the widest head. */
static void largest_sums_fit(void)
{
    product_case c = make_product(1, VIT158_I16_MAX_HEAD, 4, 8, 2047, true);
    int16_t *a = (int16_t *)c.p.a, *b = (int16_t *)c.p.b;
    for (uint32_t i = 0; i < VIT158_I16_MAX_HEAD * 4; i++)
        a[i] = 2047;
    for (uint32_t i = 0; i < VIT158_I16_MAX_HEAD * 8; i++)
        b[i] = i % 4 < 2 ? 2047 : -2047;
    float *y = check_alloc(4 * 8 * sizeof *y);
    c.p.y = y;
    for (uint32_t v = 0; v < COUNT(variants); v++) {
        variants[v]->i16(&c.p, 0, 8);
        check_definition(&c, y);
    }
}

CHECK_CASES({"tokens to int16", tokens_match}, {"channels to int16", channels_match},
            {"softmax to int16", softmax_matches},
            {"softmax keeps what is not finite", softmax_keeps_what_is_not_finite},
            {"int16 products", products_match}, {"the largest sums fit", largest_sums_fit})
