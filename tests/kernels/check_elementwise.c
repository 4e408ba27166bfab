/* SPDX-License-Identifier: MIT
 *
 * Norms, softmax, GELU and patches: the scalar definitions against double, every variant against
 * scalar bit for bit, token ranges against the whole, one hash for every build.
 */
#include <math.h>
#include <string.h>

#include "base/numerics.h"
#include "check.h"
#include "kernels/fast.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rows (channels or keys) and tokens. */
static const uint32_t shapes[][2] = {
    {1, 1},   {2, 3},   {3, 7},   {4, 8},    {5, 9},   {6, 15},   {7, 16},  {8, 17},  {9, 2},
    {11, 24}, {13, 25}, {16, 33}, {17, 1},   {31, 5},  {63, 8},   {64, 9},  {65, 65}, {97, 3},
    {192, 7}, {197, 8}, {199, 1}, {384, 17}, {577, 2}, {768, 11}, {3, 197}, {2, 577}, {5, 0},
};

static const vit158_kernels *const variants[] = {
    &vit158_kernels_scalar,
#ifdef FAST_KERNELS
    &FAST_KERNELS,
#endif
};

/* Whether the token columns of two [n][ld] matrices are the same bytes. */
static bool same_columns(const void *a, const void *b, uint32_t n, uint32_t n_tokens, size_t width)
{
    const size_t ld = vit158_token_stride(n_tokens) * width;
    bool same = true;
    for (uint32_t c = 0; c < n; c++)
        same = same && memcmp((const uint8_t *)a + c * ld, (const uint8_t *)b + c * ld,
                              n_tokens * width) == 0;
    return same;
}

static uint64_t hash_columns(uint64_t hash, const void *a, uint32_t n, uint32_t n_tokens,
                             size_t width)
{
    const size_t ld = vit158_token_stride(n_tokens) * width;
    for (uint32_t c = 0; c < n; c++)
        hash = check_hash(hash, (const uint8_t *)a + c * ld, n_tokens * width);
    return hash;
}

/* ---- Norms ---- */

typedef struct norm_case {
    uint32_t n;
    uint32_t n_tokens;
    const float *x;
    vit158_layernorm norms[2];
    float step;
    float *y; /* results */
    int8_t *q;
    float *r;
} norm_case;

/* No norm, one, two; one RMSNorm, a LayerNorm and an RMSNorm. */
enum { NORM_KINDS = 5 };

static norm_case make_norm(uint32_t index, uint32_t kind)
{
    const bool rms = kind > 2;
    const uint32_t norm_count = rms ? kind - 2 : kind;
    check_rng rng = check_seed(index);
    norm_case c = {.n = shapes[index][0], .n_tokens = shapes[index][1]};
    const uint32_t ld = vit158_token_stride(c.n_tokens);
    /* Some cases nearly constant, some tiny: variance against eps and the quantizer's floor. */
    const float size = index % 5 == 3 ? 1e-6F : index % 5 == 4 ? 1e3F : 1.0F;
    c.x = check_floats(&rng, (size_t)c.n * ld, -size, 3.0F * size);
    for (uint32_t i = 0; i < norm_count; i++)
        c.norms[i] = (vit158_layernorm){.weight = check_floats(&rng, c.n, -1.5F, 1.5F),
                                        .bias = check_floats(&rng, c.n, -0.5F, 0.5F),
                                        .eps = i ? 1e-5F : 1e-6F};
    if (rms) {
        c.norms[norm_count - 1].rms = true;
        c.norms[norm_count - 1].bias = NULL;
    }
    c.y = check_alloc((size_t)c.n * ld * sizeof(float));
    c.q = check_alloc((size_t)c.n * ld);
    c.r = check_alloc(ld * sizeof(float));
    return c;
}

static void run_norm(const vit158_kernels *k, norm_case *c, uint32_t t0, uint32_t t1)
{
    const size_t ld = vit158_token_stride(c->n_tokens);
    void *scratch = check_alloc(vit158_norm_scratch(c->n));
    const vit158_norm_quantize quantize = {.q = c->q,
                                           .r = c->r,
                                           .x = c->x,
                                           .ld = ld,
                                           .n = c->n,
                                           .rule = {.step = c->step},
                                           .norms = {c->norms[0], c->norms[1]}};
    k->norm_quantize(&quantize, t0, t1, scratch);
    if (!c->norms[0].weight)
        return;
    memset(scratch, 0xFF, vit158_norm_scratch(c->n));
    const vit158_norm_f32 plain = {c->y, c->x, ld, c->n, {c->norms[0], c->norms[1]}};
    k->norm_f32(&plain, t0, t1, scratch);
}

/* One column through the norms in double. */
static void norm_column(double *v, const norm_case *c, uint32_t t)
{
    const size_t ld = vit158_token_stride(c->n_tokens);
    for (uint32_t i = 0; i < c->n; i++)
        v[i] = c->x[i * ld + t];
    for (uint32_t k = 0; k < 2 && c->norms[k].weight; k++) {
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < c->n && !c->norms[k].rms; i++)
            mean += v[i] / c->n;
        for (uint32_t i = 0; i < c->n; i++)
            variance += (v[i] - mean) * (v[i] - mean) / c->n;
        for (uint32_t i = 0; i < c->n; i++)
            v[i] =
                (v[i] - mean) / sqrt(variance + (double)c->norms[k].eps) * c->norms[k].weight[i] +
                (c->norms[k].bias ? c->norms[k].bias[i] : 0.0F);
    }
}

static void compare_norm_column(const norm_case *c, uint32_t t, const double *v)
{
    const size_t ld = vit158_token_stride(c->n_tokens);
    double absmax = 0;
    for (uint32_t i = 0; i < c->n; i++)
        absmax = fabs(v[i]) > absmax ? fabs(v[i]) : absmax;
    const double step = (absmax > 1e-5 ? absmax : 1e-5) / 127;
    CHECK(fabs(c->r[t] - step) <= 2e-3 * step, "%u channels, token %u: step", c->n, t);
    for (uint32_t i = 0; i < c->n; i++) {
        /* Half a step of rounding, and what float sums over the column may differ. */
        const double error = fabs((double)c->q[i * ld + t] * c->r[t] - v[i]);
        CHECK(error <= 0.51 * step + 2e-3 * absmax, "%u channels, token %u: q[%u]", c->n, t, i);
        if (c->norms[0].weight)
            CHECK(fabs(c->y[i * ld + t] - v[i]) <= 2e-3 * (1 + absmax),
                  "%u channels, token %u: y[%u]", c->n, t, i);
    }
}

/* A stored step: values far above 127 steps, and one that is not finite. */
static norm_case make_step_norm(uint32_t index, uint32_t norm_count)
{
    norm_case c = make_norm(index, norm_count);
    c.step = index % 3 == 0 ? 0.003F : index % 3 == 1 ? 0.02F : 1e-7F;
    if (index % 4 == 1 && c.n_tokens > 0)
        ((float *)(uintptr_t)c.x)[0] = INFINITY;
    return c;
}

static void steps(void)
{
    for (uint32_t i = 0; i < 3 * COUNT(shapes) && !check_failed(); i++) {
        const uint32_t index = i % COUNT(shapes), norms = i / COUNT(shapes);
        norm_case a = make_step_norm(index, norms);
        const size_t ld = vit158_token_stride(a.n_tokens);
        run_norm(&vit158_kernels_scalar, &a, 0, a.n_tokens);
        for (uint32_t t = 0; norms == 0 && t < a.n_tokens; t++) {
            bool finite = true;
            for (uint32_t c = 0; c < a.n; c++) {
                const float x = a.x[c * ld + t] * (1.0F / a.step);
                finite = finite && isfinite(x);
                const float bounded = fminf(fmaxf(x, -127.0F), 127.0F);
                CHECK(!isfinite(x) || a.q[c * ld + t] == (int8_t)vit158_rne(bounded),
                      "step, %u channels, token %u: q[%u]", a.n, t, c);
            }
            CHECK(finite ? a.r[t] == a.step : isnan(a.r[t]), "step, token %u: r", t);
        }
        for (size_t k = 1; k < COUNT(variants); k++) {
            norm_case b = make_step_norm(index, norms);
            run_norm(variants[k], &b, 0, b.n_tokens);
            CHECK(same_columns(a.q, b.q, a.n, a.n_tokens, 1) &&
                      same_columns(a.r, b.r, 1, a.n_tokens, sizeof(float)),
                  "step, %u channels, %u tokens", a.n, a.n_tokens);
        }
        check_free_all();
    }
}

static void norm_definition(void)
{
    for (uint32_t i = 0; i < NORM_KINDS * COUNT(shapes) && !check_failed(); i++) {
        norm_case c = make_norm(i % COUNT(shapes), i / COUNT(shapes));
        run_norm(&vit158_kernels_scalar, &c, 0, c.n_tokens);
        double *v = check_alloc(c.n * sizeof *v);
        for (uint32_t t = 0; t < c.n_tokens; t++) {
            norm_column(v, &c, t);
            compare_norm_column(&c, t, v);
        }
        check_free_all();
    }
}

static void norm_variants_equal_scalar(void)
{
    for (uint32_t i = 0; i < NORM_KINDS * COUNT(shapes) && !check_failed(); i++) {
        norm_case a = make_norm(i % COUNT(shapes), i / COUNT(shapes));
        run_norm(&vit158_kernels_scalar, &a, 0, a.n_tokens);
        for (uint32_t k = 0; k < COUNT(variants); k++) {
            norm_case b = make_norm(i % COUNT(shapes), i / COUNT(shapes));
            /* In two ranges: the cut is a multiple of VIT158_TOKEN_PAD. */
            const uint32_t cut = a.n_tokens / 2 / VIT158_TOKEN_PAD * VIT158_TOKEN_PAD;
            run_norm(variants[k], &b, cut, b.n_tokens);
            run_norm(variants[k], &b, 0, cut);
            run_norm(variants[k], &b, cut, cut);
            CHECK(same_columns(a.q, b.q, a.n, a.n_tokens, 1), "%s: q, case %u", variants[k]->name,
                  i);
            CHECK(same_columns(a.r, b.r, 1, a.n_tokens, sizeof(float)), "%s: r, case %u",
                  variants[k]->name, i);
            CHECK(!a.norms[0].weight || same_columns(a.y, b.y, a.n, a.n_tokens, sizeof(float)),
                  "%s: y, case %u", variants[k]->name, i);
        }
        check_free_all();
    }
}

static void norm_bits(void)
{
    for (uint32_t k = 0; k < COUNT(variants); k++) {
        uint64_t hash = CHECK_HASH;
        for (uint32_t i = 0; i < COUNT(shapes); i++) {
            norm_case c = make_norm(i, 1 + i % 2);
            run_norm(variants[k], &c, 0, c.n_tokens);
            hash = hash_columns(hash, c.q, c.n, c.n_tokens, 1);
            hash = hash_columns(hash, c.r, 1, c.n_tokens, sizeof(float));
            hash = hash_columns(hash, c.y, c.n, c.n_tokens, sizeof(float));
            check_free_all();
        }
        CHECK(hash == 10464803569002386306ULL, "%s: hash %llu", variants[k]->name,
              (unsigned long long)hash);
    }
}

/* ---- Softmax ---- */

static const float factors[] = {0.125F, 1.0F, 30.0F, 0.0F};

static float *make_scores(uint32_t index)
{
    check_rng rng = check_seed(index + 1000);
    return check_floats(&rng, (size_t)shapes[index][0] * vit158_token_stride(shapes[index][1]),
                        -4.0F, 4.0F);
}

static void run_softmax(const vit158_kernels *k, float *s, uint32_t index, uint32_t t0, uint32_t t1)
{
    const vit158_softmax p = {s, vit158_token_stride(shapes[index][1]), shapes[index][0],
                              factors[index % COUNT(factors)], NULL};
    k->softmax(&p, t0, t1);
}

static void softmax_definition(void)
{
    for (uint32_t i = 0; i < COUNT(shapes) && !check_failed(); i++) {
        const uint32_t n = shapes[i][0];
        const size_t ld = vit158_token_stride(shapes[i][1]);
        const double factor = factors[i % COUNT(factors)];
        const float *before = make_scores(i);
        float *p = make_scores(i);
        run_softmax(&vit158_kernels_scalar, p, i, 0, shapes[i][1]);
        for (uint32_t t = 0; t < shapes[i][1]; t++) {
            double max = -INFINITY, total = 0;
            for (uint32_t j = 0; j < n; j++)
                max = fmax(max, before[j * ld + t] * factor);
            for (uint32_t j = 0; j < n; j++)
                total += exp(before[j * ld + t] * factor - max);
            for (uint32_t j = 0; j < n; j++) {
                const double expected = exp(before[j * ld + t] * factor - max) / total;
                /* x * factor rounds at 2^-24 of at most 120. */
                CHECK(fabs(p[j * ld + t] - expected) <= 2e-5 * expected + 1e-36,
                      "%u rows, token %u: row %u", n, t, j);
            }
        }
        check_free_all();
    }
}

static void softmax_variants_equal_scalar(void)
{
    for (uint32_t i = 0; i < COUNT(shapes) && !check_failed(); i++) {
        const uint32_t n_tokens = shapes[i][1];
        float *a = make_scores(i);
        run_softmax(&vit158_kernels_scalar, a, i, 0, n_tokens);
        for (uint32_t k = 0; k < COUNT(variants); k++) {
            float *b = make_scores(i);
            const uint32_t cut = n_tokens / 2 / VIT158_TOKEN_PAD * VIT158_TOKEN_PAD;
            run_softmax(variants[k], b, i, cut, n_tokens);
            run_softmax(variants[k], b, i, 0, cut);
            CHECK(same_columns(a, b, shapes[i][0], n_tokens, sizeof(float)), "%s: case %u",
                  variants[k]->name, i);
        }
        check_free_all();
    }
}

static void softmax_bits(void)
{
    for (uint32_t k = 0; k < COUNT(variants); k++) {
        uint64_t hash = CHECK_HASH;
        for (uint32_t i = 0; i < COUNT(shapes); i++) {
            float *s = make_scores(i);
            run_softmax(variants[k], s, i, 0, shapes[i][1]);
            hash = hash_columns(hash, s, shapes[i][0], shapes[i][1], sizeof(float));
            check_free_all();
        }
        CHECK(hash == 6344420116324877762ULL, "%s: hash %llu", variants[k]->name,
              (unsigned long long)hash);
    }
}

/* ---- GELU ---- */

static void gelu_variants_are_numerics_h(void)
{
    for (uint32_t k = 0; k < COUNT(variants); k++) {
        for (uint32_t count = 0; count <= 64; count += VIT158_TOKEN_PAD) {
            check_rng rng = check_seed(count);
            float *x = check_floats(&rng, count, -8.0F, 8.0F);
            float *y = check_alloc(count * sizeof *y);
            memcpy(y, x, count * sizeof *y);
            variants[k]->gelu(y, count);
            for (uint32_t i = 0; i < count; i++) {
                const float expected = vit158_gelu(x[i]);
                CHECK(memcmp(&y[i], &expected, sizeof expected) == 0, "%s: %u of %u",
                      variants[k]->name, i, count);
            }
            check_free_all();
        }
    }
}

static void gelu_bits(void)
{
    for (uint32_t k = 0; k < COUNT(variants); k++) {
        check_rng rng = check_seed(3);
        float *x = check_floats(&rng, 100000, -7.0F, 7.0F);
        variants[k]->gelu(x, 100000);
        const uint64_t hash = check_hash(CHECK_HASH, x, 100000 * sizeof *x);
        CHECK(hash == 16409366184050739212ULL, "%s: hash %llu", variants[k]->name,
              (unsigned long long)hash);
        check_free_all();
    }
}

/* Against the formulas of the two approximations in double; variants bit for bit. */
static void approximate_gelus(void)
{
    static const float curves[2][2] = {VIT158_GELU_TANH_CURVE, VIT158_QUICK_GELU_CURVE};
    for (uint32_t i = 0; i < 2 * COUNT(variants); i++) {
        const bool quick = i % 2 == 1;
        check_rng rng = check_seed(i / 2);
        float *x = check_floats(&rng, 20000, -12.0F, 12.0F);
        float *y = check_alloc(20000 * sizeof *y);
        x[0] = INFINITY;
        x[1] = 3e38F;
        x[2] = NAN;
        x[3] = -3e38F;
        memcpy(y, x, 20000 * sizeof *y);
        variants[i / 2]->sigmoid_gelu(y, 20000, curves[i % 2]);
        CHECK(!isfinite(y[0]) && y[1] == x[1] && isnan(y[2]) && y[3] == 0.0F, "curve %u: the ends",
              i % 2);
        for (uint32_t j = 4; j < 20000; j++) {
            const double v = (double)x[j];
            const double expected =
                quick
                    ? v / (1 + exp(-1.702 * v))
                    : 0.5 * v * (1 + tanh(sqrt(2 / 3.14159265358979) * (v + 0.044715 * v * v * v)));
            const float same = vit158_sigmoid_gelu(x[j], curves[i % 2]);
            CHECK(fabs((double)y[j] - expected) <= 2e-6 * (1e-3 + fabs(expected)),
                  "curve %u of %g: %g, not %g", i % 2, v, (double)y[j], expected);
            CHECK(memcmp(&same, &y[j], sizeof same) == 0, "%s, curve %u of %g",
                  variants[i / 2]->name, i % 2, v);
        }
        check_free_all();
    }
}

/* ---- Patches ---- */

static void patches_are_where_they_belong(void)
{
    static const uint32_t cases[][3] = {{1, 4, 4},  {1, 4, 2}, {3, 8, 4},  {2, 6, 2},
                                        {3, 32, 4}, {1, 3, 1}, {3, 48, 16}};
    for (uint32_t i = 0; i < COUNT(cases) * COUNT(variants) && !check_failed(); i++) {
        const uint32_t *c = cases[i / COUNT(variants)];
        const uint32_t channels = c[0], side = c[1], patch = c[2], grid = side / patch;
        const uint32_t before = i % 3; /* tokens without a patch */
        const size_t ld = vit158_token_stride(before + grid * grid);
        check_rng rng = check_seed(i);
        const float *image = check_floats(&rng, (size_t)channels * side * side, -1.0F, 1.0F);
        float *columns = check_alloc(channels * patch * patch * ld * sizeof(float));
        const vit158_patches p = {columns, image, ld, channels, side, patch, before};
        const uint32_t lines = channels * patch, first = lines / 3;
        variants[i % COUNT(variants)]->patches(&p, 0, first);
        variants[i % COUNT(variants)]->patches(&p, first, lines);
        const float *row = columns;
        for (uint32_t k = 0; k < channels * patch * patch; k++, row += ld) {
            const uint32_t x = k % patch, y = k / patch % patch, channel = k / (patch * patch);
            for (uint32_t t = 0; t < ld; t++) {
                const uint32_t at = t - before;
                const float expected =
                    t < before || at >= grid * grid
                        ? 0.0F
                        : image[((size_t)channel * side + at / grid * patch + y) * side +
                                at % grid * patch + x];
                CHECK(row[t] == expected, "case %u: row %u, column %u", i, k, t);
            }
        }
        check_free_all();
    }
}

CHECK_CASES({"steps", steps}, {"norm_definition", norm_definition},
            {"norm_variants_equal_scalar", norm_variants_equal_scalar}, {"norm_bits", norm_bits},
            {"softmax_definition", softmax_definition},
            {"softmax_variants_equal_scalar", softmax_variants_equal_scalar},
            {"softmax_bits", softmax_bits},
            {"gelu_variants_are_numerics_h", gelu_variants_are_numerics_h},
            {"gelu_bits", gelu_bits}, {"approximate_gelus", approximate_gelus},
            {"patches_are_where_they_belong", patches_are_where_they_belong})
