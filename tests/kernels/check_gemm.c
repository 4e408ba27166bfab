/* SPDX-License-Identifier: MIT
 *
 * Products: the scalar definitions against plain sums, every variant against scalar bit for bit,
 * ranges against the whole, and one hash of results that is the same in every build.
 */
#include <math.h>
#include <string.h>

#include "base/numerics.h"
#include "kernels/fast.h"
#include "kernels/gemm_cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One kernel of one variant, its scalar definition, and what it multiplies by. */
typedef struct kernel {
    const char *name;
    const vit158_product_q8 *q8; /* NULL: the dense product */
    const vit158_product_f32 *f32;
    gemm_weights weights;
} kernel;

/* A product with its operands, dense or quantized. */
typedef struct product {
    gemm_shape shape;
    vit158_epilogue epilogue;
    vit158_gemm_f32 f32;
    vit158_gemm_q8 q8;
    int8_t *plain; /* weights of a quantized product, [n_out][n_in] */
} product;

static const gemm_shape edge_shapes[] = {
    {0, 3, 9},       {1, 1, 1},     {2, 2, 2},     {3, 3, 7},     {4, 4, 8},     {5, 5, 9},
    {6, 1, 15},      {7, 7, 16},    {8, 8, 17},    {9, 2, 1},     {10, 3, 8},    {11, 6, 23},
    {15, 1, 24},     {16, 9, 25},   {19, 4, 1},    {20, 5, 16},   {21, 13, 31},  {24, 2, 33},
    {25, 17, 3},     {28, 1, 12},   {32, 5, 40},   {36, 3, 41},   {37, 11, 5},   {39, 4, 17},
    {40, 7, 16},     {41, 8, 1},    {48, 31, 8},   {59, 2, 19},   {60, 1, 65},   {61, 6, 64},
    {79, 3, 63},     {80, 4, 1},    {97, 10, 71},  {127, 5, 72},  {128, 2, 73},  {160, 9, 15},
    {197, 64, 17},   {199, 1, 9},   {200, 3, 80},  {239, 4, 7},   {240, 5, 16},  {241, 2, 18},
    {259, 7, 1},     {263, 1, 577}, {279, 3, 32},  {280, 6, 8},   {281, 33, 65}, {401, 2, 197},
    {480, 5, 3},     {481, 4, 16},  {499, 3, 145}, {521, 17, 11}, {768, 1, 2},   {1024, 2, 1},
    {64, 197, 21},   {5, 0, 8},     {7, 3, 0},     {192, 67, 65}, {44, 1030, 5}, {245, 5, 577},
    {12, 1900, 581},
};

/* ---- Running a product ---- */

static product make_product(uint64_t seed, const kernel *k, gemm_shape shape, gemm_values values,
                            vit158_epilogue epilogue)
{
    check_rng rng = check_seed(seed);
    const bool bias = check_below(&rng, 4) != 0;
    const uint32_t scale_step = check_below(&rng, 2);
    product p = {.shape = shape, .epilogue = epilogue};
    if (k->f32)
        p.f32 = gemm_f32_case(&rng, shape, (gemm_strides)(seed % 3), epilogue, bias);
    else
        p.q8 = gemm_q8_case(&rng, shape, k->weights, values, epilogue, bias, scale_step, &p.plain);
    return p;
}

static size_t result_bytes(const product *p)
{
    return (size_t)p->shape.n_out * vit158_token_stride(p->shape.n_tokens) * sizeof(float);
}

/* A result matrix before the product: the residual for ADD, else NaN. */
static float *make_result(const product *p)
{
    check_rng rng = check_seed(99);
    return p->epilogue == VIT158_ADD ? gemm_result_case(&rng, p->shape)
                                     : check_alloc(result_bytes(p));
}

static void *make_scratch(const kernel *k, const product *p)
{
    const gemm_shape s = p->shape;
    return check_alloc(k->f32 ? k->f32->scratch(s.n_in, s.n_out, s.n_tokens)
                              : k->q8->scratch(&p->q8, s.n_out, s.n_tokens));
}

static void run_range(float *y, const kernel *k, const product *p, uint32_t t0, uint32_t t1,
                      uint32_t o0, uint32_t o1, void *scratch)
{
    if (k->f32) {
        vit158_gemm_f32 args = p->f32;
        args.y = y;
        k->f32->run(&args, t0, t1, o0, o1, scratch);
    } else {
        vit158_gemm_q8 args = p->q8;
        args.y = y;
        args.ldy = vit158_token_stride(p->shape.n_tokens);
        k->q8->run(&args, t0, t1, o0, o1, scratch);
    }
}

static float *run_whole(const kernel *k, const product *p)
{
    float *y = make_result(p);
    run_range(y, k, p, 0, p->shape.n_tokens, 0, p->shape.n_out, make_scratch(k, p));
    return y;
}

/* Compares the columns of tokens. */
static void compare(const kernel *k, const product *p, const float *y, const float *expected)
{
    const gemm_shape s = p->shape;
    const size_t ld = vit158_token_stride(s.n_tokens);
    for (uint32_t o = 0; o < s.n_out && !check_failed(); o++)
        CHECK(memcmp(y + o * ld, expected + o * ld, s.n_tokens * sizeof(float)) == 0,
              "%s, %u inputs, %u outputs, %u tokens, epilogue %d: output %u", k->name, s.n_in,
              s.n_out, s.n_tokens, (int)p->epilogue, o);
}

/* ---- Definitions ---- */

static float finish(float before, float r, vit158_epilogue epilogue)
{
    return epilogue == VIT158_ADD ? before + r : epilogue == VIT158_GELU ? vit158_gelu(r) : r;
}

/* The value of one row of weights. */
static float plain_row(const product *p, uint32_t row, uint32_t t)
{
    const vit158_gemm_q8 *a = &p->q8;
    int64_t sum = 0;
    for (uint32_t i = 0; i < a->n_in; i++)
        sum += (int64_t)p->plain[(size_t)row * a->n_in + i] * a->q[i * a->ldq + t];
    return (float)sum * (a->scale[a->scale_step ? row : 0] * a->r[t]);
}

/* Further rows of every output, [n_out][3], 0 for none: the rows of a plane follow those of the
 * planes before. */
static uint32_t *further_rows(const product *p)
{
    const uint32_t n_out = p->shape.n_out;
    uint32_t *rows = check_alloc((size_t)3 * n_out * sizeof *rows);
    uint32_t row = n_out;
    for (uint32_t plane = 1; plane < 4; plane++)
        for (uint32_t o = 0; o < n_out; o++)
            rows[3 * o + plane - 1] =
                p->q8.planes.count > 0 && gemm_row_count(p->shape, o) > plane ? row++ : 0;
    return rows;
}

static float plain_q8(const product *p, const uint32_t *further, uint32_t o, uint32_t t)
{
    float r = plain_row(p, o, t);
    for (uint32_t i = 0; i < 3; i++)
        if (further[3 * o + i] != 0)
            r = r + plain_row(p, further[3 * o + i], t);
    return p->q8.bias ? r + p->q8.bias[o] : r;
}

static void check_q8_definition(const kernel *k)
{
    for (uint32_t i = 0; i < COUNT(edge_shapes) && !check_failed(); i++) {
        const product p =
            make_product(i, k, edge_shapes[i], (gemm_values)(i % 3), (vit158_epilogue)(i / 3 % 3));
        const size_t ld = vit158_token_stride(p.shape.n_tokens);
        const uint32_t *further = further_rows(&p);
        float *expected = make_result(&p);
        for (uint32_t o = 0; o < p.shape.n_out; o++)
            for (uint32_t t = 0; t < p.shape.n_tokens; t++)
                expected[o * ld + t] =
                    finish(expected[o * ld + t], plain_q8(&p, further, o, t), p.epilogue);
        compare(k, &p, run_whole(k, &p), expected);
        check_free_all();
    }
}

/* r of the dense product in double, and how far a float sum of n products may be from it: n + 2
 * roundings of at most 2^-24 of the sum of magnitudes each. */
static double plain_f32(const vit158_gemm_f32 *a, uint32_t o, uint32_t t, double *bound)
{
    double sum = a->bias ? a->bias[o] : 0, magnitude = fabs(sum);
    for (uint32_t i = 0; i < a->n_in; i++) {
        const double term = (double)a->a[o * a->a_row + i * a->a_col] * a->b[i * a->ldb + t];
        sum += term;
        magnitude += fabs(term);
    }
    *bound = (a->n_in + 2) * magnitude * 0x1p-24;
    return sum;
}

static void compare_f32(const product *p, const float *y, const float *before)
{
    for (uint32_t o = 0; o < p->shape.n_out; o++) {
        for (uint32_t t = 0; t < p->shape.n_tokens; t++) {
            const size_t at = o * p->f32.ldy + t;
            double bound;
            double expected = plain_f32(&p->f32, o, t, &bound);
            if (p->epilogue == VIT158_ADD)
                expected += before[at];
            else if (p->epilogue == VIT158_GELU)
                expected *= 0.5 * (1 + erf(expected * sqrt(0.5)));
            /* GELU's slope is below 1.13, its own error below 5e-7 |x|. */
            bound = 1.13 * bound + 1e-6 * (1 + fabs(expected));
            CHECK(fabs(y[at] - expected) <= bound, "%u inputs: output %u, token %u", p->shape.n_in,
                  o, t);
        }
    }
}

static void f32_definition(void)
{
    const kernel k = {"f32", NULL, &vit158_kernels_scalar.f32, GEMM_TRIT};
    for (uint32_t i = 0; i < COUNT(edge_shapes) && !check_failed(); i++) {
        const product p =
            make_product(i, &k, edge_shapes[i], GEMM_RANDOM, (vit158_epilogue)(i / 3 % 3));
        compare_f32(&p, run_whole(&k, &p), make_result(&p));
        check_free_all();
    }
}

static void trit_definition(void)
{
    check_q8_definition(&(kernel){
        "trit", &vit158_kernels_scalar.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT], NULL, GEMM_TRIT});
}

static void sums_definition(void)
{
    check_q8_definition(&(kernel){"trit sums",
                                  &vit158_kernels_scalar.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT],
                                  NULL, GEMM_SUMS});
}

static void i8_definition(void)
{
    check_q8_definition(&(kernel){
        "i8", &vit158_kernels_scalar.q8[VIT158_ENCODING_I8][VIT158_WAY_DOT], NULL, GEMM_I8});
}

/* ---- Variants ---- */

#define SCALAR vit158_kernels_scalar
static const kernel f32_scalar = {"scalar f32", NULL, &SCALAR.f32, GEMM_TRIT};
static const kernel dot_scalar = {
    "scalar trit_dot", &SCALAR.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT], NULL, GEMM_TRIT};
static const kernel table_scalar = {
    "scalar trit_table", &SCALAR.q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE], NULL, GEMM_TRIT};
static const kernel sums_scalar = {"scalar sums", &SCALAR.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT],
                                   NULL, GEMM_SUMS};
static const kernel i8_scalar = {"scalar i8_dot", &SCALAR.q8[VIT158_ENCODING_I8][VIT158_WAY_DOT],
                                 NULL, GEMM_I8};
#ifdef FAST_KERNELS
static const kernel f32_fast = {"fast f32", NULL, &FAST_KERNELS.f32, GEMM_TRIT};
static const kernel dot_fast = {
    "fast trit_dot", &FAST_KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT], NULL, GEMM_TRIT};
static const kernel table_fast = {
    "fast trit_table", &FAST_KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE], NULL, GEMM_TRIT};
static const kernel sums_dot = {
    "fast sums, dot", &FAST_KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT], NULL, GEMM_SUMS};
static const kernel sums_table = {
    "fast sums, table", &FAST_KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE], NULL, GEMM_SUMS};
static const kernel i8_fast = {"fast i8_dot", &FAST_KERNELS.q8[VIT158_ENCODING_I8][VIT158_WAY_DOT],
                               NULL, GEMM_I8};
#endif

/* Whether `y` equals `before` outside the range, whose end t1 may be rounded up. */
static bool outside_untouched(const product *p, const float *y, const float *before, uint32_t t0,
                              uint32_t t1, uint32_t o0, uint32_t o1)
{
    const size_t ld = vit158_token_stride(p->shape.n_tokens);
    const uint32_t end = t0 < t1 ? vit158_token_stride(t1) : t0;
    bool same = true;
    for (uint32_t o = 0; o < p->shape.n_out; o++) {
        const float *row = y + o * ld, *row_before = before + o * ld;
        if (o < o0 || o >= o1)
            same = same && memcmp(row, row_before, ld * sizeof *row) == 0;
        else
            same = same && memcmp(row, row_before, t0 * sizeof *row) == 0 &&
                   memcmp(row + end, row_before + end, (ld - end) * sizeof *row) == 0;
    }
    return same;
}

/* Cuts the result into random tasks; each alone leaves the rest alone, together they are the
 * whole. Scratch of the whole product serves every task. */
static void check_ranges(const kernel *k)
{
    check_rng rng = check_seed(5);
    for (uint32_t i = 0; i < COUNT(edge_shapes) && !check_failed(); i++) {
        const gemm_shape s = edge_shapes[i];
        const product p = make_product(i, k, s, GEMM_RANDOM, (vit158_epilogue)(i % 3));
        const float *whole = run_whole(k, &p);
        float *y = make_result(&p), *before = check_alloc(result_bytes(&p));
        void *scratch = make_scratch(k, &p);
        uint32_t t1, o1;
        for (uint32_t t = 0; t < s.n_tokens; t = t1) {
            t1 = t + 8 * (1 + check_below(&rng, 1 + s.n_tokens / 16));
            t1 = t1 < s.n_tokens ? t1 : s.n_tokens;
            for (uint32_t o = 0; o < s.n_out; o = o1) {
                o1 = o + 1 + check_below(&rng, s.n_out - o);
                memcpy(before, y, result_bytes(&p));
                run_range(y, k, &p, t, t1, o, o1, scratch);
                CHECK(outside_untouched(&p, y, before, t, t1, o, o1),
                      "%s, %u inputs: tokens %u to %u, outputs %u to %u", k->name, s.n_in, t, t1, o,
                      o1);
            }
        }
        compare(k, &p, y, whole);
        run_range(y, k, &p, 0, 0, 0, s.n_out, scratch);
        run_range(y, k, &p, 0, s.n_tokens, s.n_out, s.n_out, scratch);
        compare(k, &p, y, whole);
        check_free_all();
    }
}

/* The same bits in every build: natively, in both wasm modules, by every compiler. */
static void check_bits_of(const kernel *k, uint64_t expected)
{
    uint64_t hash = CHECK_HASH;
    for (uint32_t i = 0; i < COUNT(edge_shapes); i++) {
        const product p =
            make_product(i, k, edge_shapes[i], (gemm_values)(i % 3), (vit158_epilogue)(i % 3));
        const float *y = run_whole(k, &p);
        for (uint32_t o = 0; o < p.shape.n_out; o++)
            hash = check_hash(hash, y + o * (size_t)vit158_token_stride(p.shape.n_tokens),
                              p.shape.n_tokens * sizeof *y);
        check_free_all();
    }
    CHECK(hash == expected, "%s: hash %llu", k->name, (unsigned long long)hash);
}

#define KERNEL_CASES(name, bits)                                                                   \
    static void name##_ranges(void)                                                                \
    {                                                                                              \
        check_ranges(&name);                                                                       \
    }                                                                                              \
    static void name##_bits(void)                                                                  \
    {                                                                                              \
        check_bits_of(&name, bits);                                                                \
    }
#define F32_BITS 4700146149301296235ULL
#define TRIT_BITS 3096732303032418234ULL
#define SUMS_BITS 4252961806688926332ULL
#define I8_BITS 14193341205565389991ULL
KERNEL_CASES(f32_scalar, F32_BITS)
KERNEL_CASES(dot_scalar, TRIT_BITS)
KERNEL_CASES(table_scalar, TRIT_BITS)
KERNEL_CASES(i8_scalar, I8_BITS)
KERNEL_CASES(sums_scalar, SUMS_BITS)
#ifdef FAST_KERNELS
static void check_variant(const kernel *tested, const kernel *definition)
{
    for (uint32_t i = 0; i < 3 * COUNT(edge_shapes) && !check_failed(); i++) {
        const gemm_shape shape = edge_shapes[i % COUNT(edge_shapes)];
        const product p = make_product(i, tested, shape, (gemm_values)(i % 5 % 3),
                                       (vit158_epilogue)(i / COUNT(edge_shapes)));
        const float *expected = run_whole(definition, &p);
        compare(tested, &p, run_whole(tested, &p), expected);
        check_free_all();
    }
}

#define VARIANT_CASE(fast, scalar)                                                                 \
    static void fast##_equals_scalar(void)                                                         \
    {                                                                                              \
        check_variant(&(fast), &(scalar));                                                         \
    }

/* One block of a product in parts by `workers` workers who take parts at random, some of them maybe
 * none; results in the end, from random ranges. */
static void run_parts(float *y, const product *p, vit158_gemm_range block, uint32_t workers,
                      check_rng *rng)
{
    const vit158_product_parts *parts = &FAST_TABLE_PARTS;
    if (block.o0 == block.o1)
        return;
    const size_t bytes = (parts->scratch(&p->q8, p->shape.n_out, p->shape.n_tokens) + 63) / 64 * 64;
    const vit158_parts_scratch scratch = {check_alloc(workers * bytes), bytes, workers};
    vit158_gemm_q8 args = p->q8;
    args.y = y;
    args.ldy = vit158_token_stride(p->shape.n_tokens);
    for (uint32_t worker = 0; worker < workers; worker++)
        parts->begin(&args, block, scratch.memory + worker * bytes);
    for (uint32_t part = parts->count(p->shape.n_in); part-- > 0;)
        parts->add(&args, block, part, scratch.memory + check_below(rng, workers) * bytes);
    for (uint32_t o = block.o0, o1; o < block.o1; o = o1) {
        o1 = o + 1 + check_below(rng, block.o1 - o);
        parts->results(&args, block, o, o1, &scratch);
    }
}

static void check_parts(const kernel *tested, const kernel *definition)
{
    const vit158_product_parts *parts = &FAST_TABLE_PARTS;
    check_rng rng = check_seed(6);
    for (uint32_t i = 0; i < 3 * COUNT(edge_shapes) && !check_failed(); i++) {
        const gemm_shape s = edge_shapes[i % COUNT(edge_shapes)];
        const product p = make_product(i, tested, s, (gemm_values)(i % 5 % 3),
                                       (vit158_epilogue)(i / COUNT(edge_shapes)));
        float *y = make_result(&p);
        const uint32_t step =
            s.n_tokens > 0 ? parts->block_tokens(&p.q8, 0, s.n_out, s.n_tokens) : 0;
        const uint32_t cut = check_below(&rng, s.n_out + 1);
        for (uint32_t t = 0; t < s.n_tokens; t += step) {
            const uint32_t t1 = s.n_tokens - t < step ? s.n_tokens : t + step;
            run_parts(y, &p, (vit158_gemm_range){t, t1, 0, cut}, 1 + i % 4, &rng);
            run_parts(y, &p, (vit158_gemm_range){t, t1, cut, s.n_out}, 1 + i % 3, &rng);
        }
        compare(tested, &p, y, run_whole(definition, &p));
        check_free_all();
    }
}

static void table_parts_equal_scalar(void)
{
    check_parts(&table_fast, &table_scalar);
}

static void sums_parts_equal_scalar(void)
{
    check_parts(&sums_table, &sums_scalar);
}

VARIANT_CASE(f32_fast, f32_scalar)
VARIANT_CASE(dot_fast, dot_scalar)
VARIANT_CASE(table_fast, table_scalar)
VARIANT_CASE(i8_fast, i8_scalar)
VARIANT_CASE(sums_dot, sums_scalar)
VARIANT_CASE(sums_table, sums_scalar)
KERNEL_CASES(f32_fast, F32_BITS)
KERNEL_CASES(dot_fast, TRIT_BITS)
KERNEL_CASES(table_fast, TRIT_BITS)
KERNEL_CASES(i8_fast, I8_BITS)
KERNEL_CASES(sums_dot, SUMS_BITS)
KERNEL_CASES(sums_table, SUMS_BITS)
#endif

CHECK_CASES({"f32_definition", f32_definition}, {"trit_definition", trit_definition},
            {"i8_definition", i8_definition}, {"f32_scalar_ranges", f32_scalar_ranges},
            {"dot_scalar_ranges", dot_scalar_ranges}, {"i8_scalar_ranges", i8_scalar_ranges},
            {"table_scalar_ranges", table_scalar_ranges}, {"f32_scalar_bits", f32_scalar_bits},
            {"dot_scalar_bits", dot_scalar_bits}, {"table_scalar_bits", table_scalar_bits},
            {"i8_scalar_bits", i8_scalar_bits}, {"sums_definition", sums_definition},
            {"sums_scalar_ranges", sums_scalar_ranges}, {"sums_scalar_bits", sums_scalar_bits},
#ifdef FAST_KERNELS
            {"f32_fast_equals_scalar", f32_fast_equals_scalar},
            {"dot_fast_equals_scalar", dot_fast_equals_scalar},
            {"table_fast_equals_scalar", table_fast_equals_scalar},
            {"table_parts_equal_scalar", table_parts_equal_scalar},
            {"i8_fast_equals_scalar", i8_fast_equals_scalar}, {"f32_fast_ranges", f32_fast_ranges},
            {"dot_fast_ranges", dot_fast_ranges}, {"table_fast_ranges", table_fast_ranges},
            {"i8_fast_ranges", i8_fast_ranges}, {"f32_fast_bits", f32_fast_bits},
            {"dot_fast_bits", dot_fast_bits}, {"table_fast_bits", table_fast_bits},
            {"i8_fast_bits", i8_fast_bits}, {"sums_dot_equals_scalar", sums_dot_equals_scalar},
            {"sums_table_equals_scalar", sums_table_equals_scalar},
            {"sums_parts_equal_scalar", sums_parts_equal_scalar},
            {"sums_dot_ranges", sums_dot_ranges}, {"sums_table_ranges", sums_table_ranges},
            {"sums_dot_bits", sums_dot_bits}, {"sums_table_bits", sums_table_bits},
#endif
)
