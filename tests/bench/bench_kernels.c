/* SPDX-License-Identifier: MIT
 *
 * Products of the layer shapes of ViT-Ti to ViT-L at N = 197, and of the shipped 32-pixel model at
 * N = 65, in every kernel that can run them; and the peak loops they are compared with.
 */
#include "bench/bench_kernels.h"

#include "kernels/gemm_cases.h"
#include "kernels/simd128.h"

#define KERNELS vit158_kernels_simd128

typedef enum bench_kernel { F32, TRIT_DOT, TRIT_TABLE, I8_DOT } bench_kernel;

static const char *const names[] = {"f32", "trit_dot", "trit_table", "i8_dot"};

typedef struct bench_case {
    bench_kernel kernel;
    gemm_shape shape;
} bench_case;

static const bench_case layers[] = {
    {TRIT_TABLE, {768, 3072, 197}}, {TRIT_TABLE, {1024, 4096, 197}}, {TRIT_TABLE, {768, 768, 197}},
    {TRIT_TABLE, {3072, 768, 197}}, {TRIT_TABLE, {768, 2304, 197}},  {TRIT_TABLE, {384, 1536, 197}},
    {TRIT_TABLE, {192, 768, 197}},  {TRIT_TABLE, {192, 192, 197}},   {TRIT_TABLE, {192, 576, 65}},
    {TRIT_TABLE, {192, 192, 65}},   {TRIT_TABLE, {192, 384, 65}},    {TRIT_TABLE, {384, 192, 65}},
    {TRIT_DOT, {768, 768, 197}},    {TRIT_DOT, {768, 3072, 197}},    {TRIT_DOT, {3072, 768, 197}},
    {TRIT_DOT, {192, 192, 197}},    {TRIT_DOT, {192, 192, 65}},      {TRIT_DOT, {192, 384, 65}},
    {I8_DOT, {768, 768, 197}},      {I8_DOT, {3072, 768, 197}},      {F32, {768, 768, 197}},
    {F32, {3072, 768, 197}},        {F32, {768, 3072, 197}},         {F32, {192, 192, 65}},
    {F32, {64, 197, 197}},          {F32, {197, 64, 197}},
};

/* Shapes around the point where the table kernel overtakes the dot kernel: see choose.c. */
#define BOTH(...)                                                                                  \
    {TRIT_DOT, __VA_ARGS__},                                                                       \
    {                                                                                              \
        TRIT_TABLE, __VA_ARGS__                                                                    \
    }
static const bench_case crossover[] = {
    BOTH({192, 16, 197}), BOTH({192, 32, 197}),  BOTH({192, 48, 197}), BOTH({192, 64, 197}),
    BOTH({192, 96, 197}), BOTH({192, 192, 197}), BOTH({768, 16, 197}), BOTH({768, 32, 197}),
    BOTH({768, 48, 197}), BOTH({768, 64, 197}),  BOTH({768, 96, 197}), BOTH({192, 32, 65}),
    BOTH({192, 48, 65}),  BOTH({192, 64, 65}),   BOTH({192, 96, 65}),  BOTH({192, 48, 17}),
    BOTH({192, 64, 17}),  BOTH({192, 96, 17}),   BOTH({192, 192, 17}), BOTH({192, 48, 1}),
    BOTH({192, 96, 1}),   BOTH({192, 192, 1}),   BOTH({192, 384, 1}),  BOTH({768, 192, 1}),
    BOTH({768, 768, 1}),  BOTH({768, 3072, 1}),
};

enum {
    LAYER_COUNT = sizeof layers / sizeof layers[0],
    CROSSOVER_COUNT = sizeof crossover / sizeof crossover[0],
    MAX_COUNT = LAYER_COUNT > CROSSOVER_COUNT ? LAYER_COUNT : CROSSOVER_COUNT
};

static const bench_case *cases;
static uint32_t case_count;

/* Operands, results and scratch of one case. */
typedef struct bench_data {
    vit158_gemm_f32 f32;
    vit158_gemm_q8 q8;
    void *scratch;
} bench_data;

static bench_data data[MAX_COUNT];

static const vit158_product_q8 *product_q8(bench_kernel kernel)
{
    return kernel == TRIT_DOT     ? &KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT]
           : kernel == TRIT_TABLE ? &KERNELS.q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE]
                                  : &KERNELS.q8[VIT158_ENCODING_I8][VIT158_WAY_DOT];
}

static void prepare(bench_data *d, const bench_case *c, check_rng *rng)
{
    const gemm_shape s = c->shape;
    if (c->kernel == F32) {
        /* Attention's scores: keys lie channel-major. */
        const gemm_strides strides = s.n_in == 64 ? GEMM_COLUMNS : GEMM_ROWS;
        d->f32 = gemm_f32_case(rng, s, strides, VIT158_STORE, true);
        d->f32.y = gemm_result_case(rng, s);
        d->scratch = check_alloc(KERNELS.f32.scratch(s.n_in, s.n_out, s.n_tokens));
        return;
    }
    const gemm_weights weights = c->kernel == I8_DOT ? GEMM_I8 : GEMM_TRIT;
    d->q8 = gemm_q8_case(rng, s, weights, GEMM_NORMAL, VIT158_STORE, true, 0, NULL);
    d->q8.y = gemm_result_case(rng, s);
    d->scratch = check_alloc(product_q8(c->kernel)->scratch(&d->q8, s.n_out, s.n_tokens));
}

uint32_t bench_prepare(uint32_t set)
{
    check_rng rng = check_seed(1);
    cases = set == BENCH_LAYERS ? layers : crossover;
    case_count = set == BENCH_LAYERS ? LAYER_COUNT : CROSSOVER_COUNT;
    for (uint32_t i = 0; i < case_count; i++)
        prepare(&data[i], &cases[i], &rng);
    return !check_failed();
}

uint32_t bench_count(void)
{
    return case_count;
}

const char *bench_name(uint32_t index)
{
    return names[cases[index].kernel];
}

uint32_t bench_n_in(uint32_t index)
{
    return cases[index].shape.n_in;
}

uint32_t bench_n_out(uint32_t index)
{
    return cases[index].shape.n_out;
}

uint32_t bench_n_tokens(uint32_t index)
{
    return cases[index].shape.n_tokens;
}

void bench_run(uint32_t index)
{
    const bench_case *c = &cases[index];
    const bench_data *d = &data[index];
    if (c->kernel == F32)
        KERNELS.f32.run(&d->f32, 0, c->shape.n_tokens, 0, c->shape.n_out, d->scratch);
    else
        product_q8(c->kernel)->run(&d->q8, 0, c->shape.n_tokens, 0, c->shape.n_out, d->scratch);
}

/* ---- Peaks ---- */

enum { PEAK_STEPS = 128 };

static v128_t peak_input[2 * PEAK_STEPS];

typedef struct peak_sums {
    v128_t a[4];
    v128_t b[4];
} peak_sums;

VIT158_TEMPLATE void pin(peak_sums *s)
{
    for (int i = 0; i < 4; i++) {
        VIT158_PIN(s->a[i]);
        VIT158_PIN(s->b[i]);
    }
}

VIT158_TEMPLATE void dot_step(peak_sums *s, const v128_t x[4], const v128_t *in)
{
    const v128_t v = in[0], w = in[1];
    for (int i = 0; i < 4; i++)
        s->a[i] = wasm_i32x4_add(s->a[i], wasm_i32x4_dot_i16x8(v, x[i]));
    for (int i = 0; i < 4; i++)
        s->b[i] = wasm_i32x4_add(s->b[i], wasm_i32x4_dot_i16x8(w, x[i]));
    pin(s);
}

VIT158_TEMPLATE void f32_step(peak_sums *s, const v128_t x[4], const v128_t *in)
{
    const v128_t v = in[0], w = in[1];
    for (int i = 0; i < 4; i++)
        s->a[i] = wasm_f32x4_add(s->a[i], wasm_f32x4_mul(v, x[i]));
    for (int i = 0; i < 4; i++)
        s->b[i] = wasm_f32x4_add(s->b[i], wasm_f32x4_mul(w, x[i]));
    pin(s);
}

/* The loop's own instructions must not be the limit: four steps a turn. The ways out between them
 * keep V8 from mixing the steps, which would cost registers. */
#define PEAK_LOOP(step)                                                                            \
    for (;;) {                                                                                     \
        step(&s, x, in);                                                                           \
        if (steps == 1)                                                                            \
            break;                                                                                 \
        step(&s, x, in + 2);                                                                       \
        if (steps == 2)                                                                            \
            break;                                                                                 \
        step(&s, x, in + 4);                                                                       \
        if (steps == 3)                                                                            \
            break;                                                                                 \
        step(&s, x, in + 6);                                                                       \
        steps -= 4;                                                                                \
        in += 8;                                                                                   \
        if (steps == 0)                                                                            \
            break;                                                                                 \
    }

static VIT158_INNER void peak_dot(peak_sums *out, const v128_t *in, uint32_t steps)
{
    const v128_t x[4] = {in[0], in[1], in[2], in[3]};
    peak_sums s = *out;
    PEAK_LOOP(dot_step)
    *out = s;
}

static VIT158_INNER void peak_f32(peak_sums *out, const v128_t *in, uint32_t steps)
{
    const v128_t x[4] = {in[0], in[1], in[2], in[3]};
    peak_sums s = *out;
    PEAK_LOOP(f32_step)
    *out = s;
}

void bench_peak(uint32_t which)
{
    static peak_sums sums;
    const uint32_t macs = PEAK_STEPS * 8 * (which == BENCH_PEAK_DOT ? 8 : 4);
    for (uint32_t i = 0; i < BENCH_PEAK_MACS / macs; i++)
        (which == BENCH_PEAK_DOT ? peak_dot : peak_f32)(&sums, peak_input, PEAK_STEPS);
}
