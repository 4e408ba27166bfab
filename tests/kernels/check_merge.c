/* SPDX-License-Identifier: MIT
 *
 * The kernels of merging tokens: scalar definitions against double, every variant against scalar
 * bit for bit, ranges against the whole, what is not finite, one hash for every build.
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kernels/fast.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Hashes of results in every build. */
#define METRIC_HASH 3275060498451892054ULL
#define BEST_HASH 2584636534344479623ULL
#define ROWS_HASH 4743802700458905146ULL

static const vit158_kernels *const variants[] = {
    &vit158_kernels_scalar,
#ifdef FAST_KERNELS
    &FAST_KERNELS,
#endif
};

/* ---- Metrics -------------------------------------------------------------------------------- */

/* Channels of a head, heads, patches. */
static const uint32_t metric_shapes[][3] = {{1, 1, 2},  {2, 3, 3},   {3, 2, 7},  {4, 1, 8},
                                            {5, 3, 9},  {7, 6, 16},  {8, 1, 17}, {64, 3, 31},
                                            {6, 12, 5}, {64, 3, 196}};

/* Patches begin in column 1, as behind a class token; 7 values past the last may be read. */
static vit158_merge_metric make_metric(uint32_t seed, const uint32_t shape[3])
{
    check_rng rng = check_seed(seed);
    const size_t ld = vit158_token_stride(shape[2] + 1), count = shape[0] * shape[1] * ld;
    const float size = seed % 3 == 2 ? 1e-8F : 10.0F;
    return (vit158_merge_metric){.even = check_alloc(shape[0] * ld * sizeof(float)),
                                 .odd = check_alloc(shape[0] * ld * sizeof(float)),
                                 .x = check_floats(&rng, count + 8, -size, size) + 1,
                                 .ld = ld,
                                 .n = shape[0],
                                 .heads = shape[1]};
}

static void run_metric(const vit158_kernels *kernels, const vit158_merge_metric *p,
                       uint32_t patches)
{
    kernels->merge_metric(p, 0, patches < 8 ? patches : 8);
    if (patches > 8)
        kernels->merge_metric(p, 8, patches);
}

static float metric_of(const vit158_merge_metric *p, uint32_t c, uint32_t t)
{
    return (t % 2 == 0 ? p->even : p->odd)[c * p->ld + t / 2];
}

static void metrics_match(void)
{
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(metric_shapes); i++) {
        const uint32_t *shape = metric_shapes[i];
        vit158_merge_metric p[2];
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            p[v] = make_metric(i, shape);
            run_metric(variants[v], &p[v], shape[2]);
        }
        for (uint32_t t = 0; t < shape[2]; t++) {
            double squares = 0, length = 0;
            for (uint32_t c = 0; c < shape[0]; c++) {
                const float m = metric_of(&p[0], c, t);
                double sum = 0;
                for (size_t head = 0; head < shape[1]; head++)
                    sum += (double)p[0].x[(head * shape[0] + c) * p[0].ld + t];
                squares += sum * sum;
                length += (double)m * m;
                CHECK(memcmp(&m, &(float){metric_of(&p[COUNT(variants) - 1], c, t)}, 4) == 0,
                      "case %u: variants differ in patch %u", i, t);
                hash = check_hash(hash, &m, sizeof m);
            }
            CHECK(fabs(length - 1) <= 1e-5, "case %u: length of patch %u", i, t);
            for (uint32_t c = 0; c < shape[0]; c++) {
                double sum = 0;
                for (size_t head = 0; head < shape[1]; head++)
                    sum += (double)p[0].x[(head * shape[0] + c) * p[0].ld + t];
                CHECK(fabs(metric_of(&p[0], c, t) - sum / sqrt(squares)) <= 1e-5,
                      "case %u: channel %u of patch %u", i, c, t);
            }
        }
        check_free_all();
    }
    CHECK(hash == METRIC_HASH, "the hash is %llu", (unsigned long long)hash);
}

/* What has no length is divided by the floor; what has no finite one becomes NaN, and no other. */
static void metrics_at_the_ends(void)
{
    static const uint32_t shape[3] = {5, 2, 12};
    const float wild[] = {INFINITY, -INFINITY, NAN, 1e30F};
    for (uint32_t i = 0; i < COUNT(wild) * 12; i++) {
        const uint32_t t = i % 12;
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            const vit158_merge_metric p = make_metric(0, shape);
            ((float *)(uintptr_t)p.x)[7 * p.ld + t] = wild[i / 12];
            run_metric(variants[v], &p, shape[2]);
            for (uint32_t other = 0; other < shape[2]; other++)
                CHECK(isnan(metric_of(&p, 2, other)) == (other == t), "case %u: patch %u", i,
                      other);
        }
        check_free_all();
    }
    for (uint32_t v = 0; v < COUNT(variants); v++) {
        const vit158_merge_metric p = make_metric(0, shape);
        for (size_t c = 0; c < 10; c++)
            ((float *)(uintptr_t)p.x)[c * p.ld + 3] = c == 1 ? 2e-13F : 0.0F;
        run_metric(variants[v], &p, shape[2]);
        CHECK(metric_of(&p, 0, 3) == 0.0F && metric_of(&p, 1, 3) == 2e-13F / 1e-12F, "the floor");
    }
}

/* ---- The best row --------------------------------------------------------------------------- */

static void best_rows_match(void)
{
    static const uint32_t shapes[][2] = {{1, 1},  {2, 3},   {3, 4},   {5, 5},
                                         {7, 16}, {98, 31}, {98, 32}, {1000, 2}};
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(shapes); i++) {
        const uint32_t n = shapes[i][0], columns = shapes[i][1];
        const size_t ld = 32;
        check_rng rng = check_seed(i + 30);
        float *s = check_floats(&rng, n * ld, -1.0F, 1.0F);
        for (size_t j = 0; j < n * ld; j++) /* many are equal */
            s[j] = i % 2 == 0 ? rintf(s[j] * 3.0F) / 3.0F : s[j];
        float *best[2];
        uint32_t *row[2];
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            best[v] = check_alloc(ld * sizeof(float));
            row[v] = check_alloc(ld * sizeof(uint32_t));
            const vit158_best_row p = {best[v], row[v], s, ld, n};
            variants[v]->best_row(&p, 0, columns < 8 ? columns : 8);
            if (columns > 8)
                variants[v]->best_row(&p, 8, columns);
        }
        for (uint32_t t = 0; t < columns; t++) {
            uint32_t expected = 0;
            for (uint32_t j = 1; j < n; j++)
                if (s[j * ld + t] > s[expected * ld + t])
                    expected = j;
            for (uint32_t v = 0; v < COUNT(variants); v++)
                CHECK(row[v][t] == expected && best[v][t] == s[expected * ld + t],
                      "case %u: column %u", i, t);
            hash = check_hash(hash, &row[0][t], sizeof(uint32_t));
        }
        check_free_all();
    }
    CHECK(hash == BEST_HASH, "the hash is %llu", (unsigned long long)hash);
}

static void best_rows_keep_what_is_not_finite(void)
{
    const uint32_t n = 6, columns = 9, ld = 16;
    for (uint32_t i = 0; i < n * columns; i++)
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            check_rng rng = check_seed(i);
            float *s = check_floats(&rng, n * ld, -1.0F, 1.0F);
            float *best = check_alloc(ld * sizeof(float));
            uint32_t *row = check_alloc(ld * sizeof(uint32_t));
            s[i % n * ld + i / n] = NAN;
            const vit158_best_row p = {best, row, s, ld, n};
            variants[v]->best_row(&p, 0, columns);
            for (uint32_t t = 0; t < columns; t++) {
                CHECK(isnan(best[t]) == (t == i / n), "case %u: column %u", i, t);
                CHECK(row[t] < n, "case %u: row of column %u", i, t);
            }
            check_free_all();
        }
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void rows_match(void)
{
    /* Tokens P 0 1 2 3 4 5 6; 0 and 4 join 3, 6 joins 1, of sizes 1 2 3 4 5 6 7 8. */
    static const uint32_t kept[] = {0, 3, 2, 4, 6}, grow[] = {2, 3};
    static const vit158_merge_move moves[] = {{1, 3}, {5, 3}, {7, 2}};
    static const float size[] = {1, 2, 3, 4, 5, 6, 7, 8}, total[] = {1, 4, 11, 13, 7};
    uint64_t hash = CHECK_HASH;
    check_rng rng = check_seed(77);
    const uint32_t rows = 5;
    const float *x = check_floats(&rng, rows * 8, -3.0F, 3.0F);
    float *y[2];
    for (uint32_t v = 0; v < COUNT(variants); v++) {
        y[v] = check_alloc(rows * 8 * sizeof(float));
        memcpy(y[v], x, rows * 8 * sizeof(float));
        const vit158_merge_rows p = {.x = y[v],
                                     .ld = 8,
                                     .kept = kept,
                                     .moves = moves,
                                     .grow = grow,
                                     .size = size,
                                     .total = total,
                                     .n_in = 8,
                                     .n_out = 5,
                                     .move_count = 3,
                                     .grow_count = 2};
        void *scratch = check_alloc(8 * sizeof(float));
        variants[v]->merge_rows(&p, 0, 2, scratch);
        variants[v]->merge_rows(&p, 2, rows, scratch);
    }
    for (uint32_t r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * 8, *out = y[COUNT(variants) - 1] + (size_t)r * 8;
        const float expected[] = {in[0], in[3], (3 * in[2] + 8 * in[7]) / 11,
                                  ((5 * in[4] + 2 * in[1]) + 6 * in[5]) / 13, in[6]};
        CHECK(memcmp(out, expected, sizeof expected) == 0, "row %u", r);
        CHECK(memcmp(out, y[0] + (size_t)r * 8, sizeof expected) == 0, "row %u differs", r);
        hash = check_hash(hash, out, sizeof expected);
    }
    CHECK(hash == ROWS_HASH, "the hash is %llu", (unsigned long long)hash);
}

/* ---- Softmax with a bias -------------------------------------------------------------------- */

/* A bias is what was added to the scores before; of zeros it changes nothing. */
static void softmax_adds_its_bias(void)
{
    static const uint32_t shapes[][2] = {{1, 1}, {5, 3}, {8, 8}, {98, 31}, {197, 9}};
    for (uint32_t i = 0; i < 2 * COUNT(shapes); i++) {
        const uint32_t n = shapes[i / 2][0], n_tokens = shapes[i / 2][1];
        const size_t ld = vit158_token_stride(n_tokens), bytes = n * ld * sizeof(float);
        const size_t pairs = (size_t)(n + 1) / 2 * ld * 2 * sizeof(int16_t);
        check_rng rng = check_seed(i + 200);
        const float *x = check_floats(&rng, n * ld, -40.0F, 40.0F);
        const float *bias = check_floats(&rng, n, 0.0F, i % 2 == 0 ? 5.0F : 0.0F);
        float *added = check_alloc(bytes);
        for (uint32_t j = 0; j < n; j++)
            for (size_t t = 0; t < ld; t++)
                added[j * ld + t] =
                    i % 2 == 0 ? x[j * ld + t] * 0.125F + bias[j] : x[j * ld + t] * 0.125F;
        int16_t *first_p = NULL;
        float *first = NULL;
        for (uint32_t v = 0; v < COUNT(variants); v++) {
            float *s[2] = {check_alloc(bytes), check_alloc(bytes)};
            float *r = check_alloc(ld * sizeof(float));
            int16_t *p[2] = {check_alloc(pairs), check_alloc(pairs)};
            memcpy(s[0], x, bytes);
            memcpy(s[1], added, bytes);
            variants[v]->softmax(&(vit158_softmax){s[0], ld, n, 0.125F, bias}, 0, n_tokens);
            variants[v]->softmax(&(vit158_softmax){s[1], ld, n, 1.0F, NULL}, 0, n_tokens);
            first = v == 0 ? s[1] : first;
            for (uint32_t j = 0; j < n; j++)
                CHECK(memcmp(s[0] + j * ld, first + j * ld, n_tokens * sizeof(float)) == 0,
                      "case %u: key %u", i, j);
            float *t[2] = {check_alloc(bytes), check_alloc(bytes)};
            memcpy(t[0], x, bytes);
            memcpy(t[1], added, bytes);
            variants[v]->softmax_i16(&(vit158_softmax_i16){p[0], r, t[0], ld, n, 0.125F, bias}, 0,
                                     n_tokens);
            variants[v]->softmax_i16(&(vit158_softmax_i16){p[1], r, t[1], ld, n, 1.0F, NULL}, 0,
                                     n_tokens);
            first_p = v == 0 ? p[1] : first_p;
            for (size_t j = 0; j < (n + 1) / 2; j++)
                CHECK(memcmp(p[0] + j * ld * 2, first_p + j * ld * 2,
                             n_tokens * 2 * sizeof(int16_t)) == 0,
                      "case %u: keys %u", i, (uint32_t)j);
        }
        check_free_all();
    }
}

CHECK_CASES({"metrics", metrics_match}, {"metrics at the ends", metrics_at_the_ends},
            {"the best row", best_rows_match},
            {"the best row keeps what is not finite", best_rows_keep_what_is_not_finite},
            {"rows", rows_match}, {"softmax adds its bias", softmax_adds_its_bias})
