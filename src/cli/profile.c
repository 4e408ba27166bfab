/* SPDX-License-Identifier: MIT */
#include "cli/profile.h"

#include "api/session.h"

/* A kernel has no argument of the caller's, so its clock lies here. */
static struct {
    const vit158_kernels *kernels; /* the ones in the wrappers */
    double (*now_ms)(void);
    double ms[VIT158_OPERATION_COUNT];
} profile;

static const char *const names[VIT158_OPERATION_COUNT] = {
    [VIT158_OPERATION_TABLE] = "ternary products by table",
    [VIT158_OPERATION_DOT] = "ternary products by dot",
    [VIT158_OPERATION_I8] = "int8 products",
    [VIT158_OPERATION_F32] = "float products",
    [VIT158_OPERATION_NORM] = "norm and quantize",
    [VIT158_OPERATION_QUANTIZE] = "queries, keys, values to int16",
    [VIT158_OPERATION_ATTENTION] = "attention products",
    [VIT158_OPERATION_SOFTMAX] = "softmax",
    [VIT158_OPERATION_GELU] = "GELU",
    [VIT158_OPERATION_PATCHES] = "patches",
    [VIT158_OPERATION_MERGE] = "merging tokens",
};

const char *vit158_profile_name(uint32_t operation)
{
    return operation < VIT158_OPERATION_COUNT ? names[operation] : NULL;
}

double vit158_profile_take(uint32_t operation)
{
    const double ms = profile.ms[operation];
    profile.ms[operation] = 0.0;
    return ms;
}

/* Runs `call` and adds its time to an operation. */
#define TIMED(operation, call)                                                                     \
    do {                                                                                           \
        const double start = profile.now_ms();                                                     \
        call;                                                                                      \
        profile.ms[operation] += profile.now_ms() - start;                                         \
    } while (0)

static void timed_gelu(float *x, size_t count)
{
    TIMED(VIT158_OPERATION_GELU, profile.kernels->gelu(x, count));
}

static void timed_sigmoid_gelu(float *x, size_t count, const float curve[2])
{
    TIMED(VIT158_OPERATION_GELU, profile.kernels->sigmoid_gelu(x, count, curve));
}

/* The same bits with GELU on its own, so that it has a time of its own. */
static void gelu_rows(float *y, size_t ldy, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1)
{
    for (uint32_t o = o0; o < o1; o++)
        timed_gelu(y + o * ldy + t0, vit158_token_stride(t1 - t0));
}

static void timed_f32(const vit158_gemm_f32 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                      void *scratch)
{
    vit158_gemm_f32 plain = *p;
    if (p->epilogue == VIT158_GELU)
        plain.epilogue = VIT158_STORE;
    TIMED(VIT158_OPERATION_F32, profile.kernels->f32.run(&plain, t0, t1, o0, o1, scratch));
    if (p->epilogue == VIT158_GELU)
        gelu_rows(p->y, p->ldy, t0, t1, o0, o1);
}

static void run_q8(vit158_operation operation, vit158_gemm_q8_fn run, const vit158_gemm_q8 *p,
                   const uint32_t range[4], void *scratch)
{
    vit158_gemm_q8 plain = *p;
    if (p->epilogue == VIT158_GELU)
        plain.epilogue = VIT158_STORE;
    TIMED(operation, run(&plain, range[0], range[1], range[2], range[3], scratch));
    if (p->epilogue == VIT158_GELU)
        gelu_rows(p->y, p->ldy, range[0], range[1], range[2], range[3]);
}

static void timed_table(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                        void *scratch)
{
    const uint32_t range[4] = {t0, t1, o0, o1};
    run_q8(VIT158_OPERATION_TABLE, profile.kernels->q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE].run,
           p, range, scratch);
}

static void timed_dot(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                      void *scratch)
{
    const uint32_t range[4] = {t0, t1, o0, o1};
    run_q8(VIT158_OPERATION_DOT, profile.kernels->q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT].run, p,
           range, scratch);
}

static void timed_i8(const vit158_gemm_q8 *p, uint32_t t0, uint32_t t1, uint32_t o0, uint32_t o1,
                     void *scratch)
{
    const uint32_t range[4] = {t0, t1, o0, o1};
    run_q8(VIT158_OPERATION_I8, profile.kernels->q8[VIT158_ENCODING_I8][VIT158_WAY_DOT].run, p,
           range, scratch);
}

static void timed_norm_quantize(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                void *scratch)
{
    TIMED(VIT158_OPERATION_NORM, profile.kernels->norm_quantize(p, t0, t1, scratch));
}

static void timed_norm_f32(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch)
{
    TIMED(VIT158_OPERATION_NORM, profile.kernels->norm_f32(p, t0, t1, scratch));
}

static void timed_softmax(const vit158_softmax *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_SOFTMAX, profile.kernels->softmax(p, t0, t1));
}

static void timed_softmax_i16(const vit158_softmax_i16 *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_SOFTMAX, profile.kernels->softmax_i16(p, t0, t1));
}

static void timed_quantize_tokens(const vit158_quantize_tokens *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_QUANTIZE, profile.kernels->quantize_tokens(p, t0, t1));
}

static void timed_quantize_channels(const vit158_quantize_channels *p)
{
    TIMED(VIT158_OPERATION_QUANTIZE, profile.kernels->quantize_channels(p));
}

static void timed_i16(const vit158_gemm_i16 *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_ATTENTION, profile.kernels->i16(p, t0, t1));
}

static void timed_patches(const vit158_patches *p, uint32_t line0, uint32_t line1)
{
    TIMED(VIT158_OPERATION_PATCHES, profile.kernels->patches(p, line0, line1));
}

static void timed_merge_metric(const vit158_merge_metric *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_MERGE, profile.kernels->merge_metric(p, t0, t1));
}

static void timed_best_row(const vit158_best_row *p, uint32_t t0, uint32_t t1)
{
    TIMED(VIT158_OPERATION_MERGE, profile.kernels->best_row(p, t0, t1));
}

static void timed_merge_rows(const vit158_merge_rows *p, uint32_t row0, uint32_t row1,
                             void *scratch)
{
    TIMED(VIT158_OPERATION_MERGE, profile.kernels->merge_rows(p, row0, row1, scratch));
}

static vit158_kernels timed;

void vit158_profile_attach(vit158_session *session, double (*now_ms)(void))
{
    const vit158_kernels *kernels = session->forward.kernels;
    if (kernels != &timed)
        profile.kernels = kernels;
    profile.now_ms = now_ms;
    timed = *profile.kernels;
    timed.f32.run = timed_f32;
    timed.q8[VIT158_ENCODING_TRIT][VIT158_WAY_TABLE].run = timed_table;
    timed.q8[VIT158_ENCODING_TRIT][VIT158_WAY_DOT].run = timed_dot;
    timed.q8[VIT158_ENCODING_I8][VIT158_WAY_DOT].run = timed_i8;
    timed.norm_quantize = timed_norm_quantize;
    timed.norm_f32 = timed_norm_f32;
    timed.softmax = timed_softmax;
    timed.quantize_tokens = timed_quantize_tokens;
    timed.quantize_channels = timed_quantize_channels;
    timed.softmax_i16 = timed_softmax_i16;
    timed.i16 = timed_i16;
    timed.gelu = timed_gelu;
    timed.sigmoid_gelu = timed_sigmoid_gelu;
    timed.patches = timed_patches;
    timed.merge_metric = timed_merge_metric;
    timed.best_row = timed_best_row;
    timed.merge_rows = timed_merge_rows;
    session->forward.kernels = &timed;
    for (uint32_t i = 0; i < VIT158_OPERATION_COUNT; i++)
        profile.ms[i] = 0.0;
}
