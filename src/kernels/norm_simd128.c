/* SPDX-License-Identifier: MIT
 *
 * LayerNorm and int8 quantization of eight tokens side by side in scratch memory [n][8]. Channels
 * run down the columns, so the four striped partial sums are four vectors. Without a norm the input
 * is quantized where it lies, sixteen tokens at a time: whole cache lines.
 */
#include "kernels/ops_simd128.h"

enum { LANES = VIT158_NORM_TOKENS };

/* ---- Norms ---- */

/* Copies x (rows ld apart) into the tile; the total over channels. */
static VIT158_INNER vit158_x8 load_total(float *tile, const float *x, size_t ld, uint32_t n)
{
    const vit158_x8 zero = vit158_splat_x8(0);
    vit158_x8 lane[4] = {zero, zero, zero, zero};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4) {
        for (uint32_t i = 0; i < 4; i++, x += ld, tile += LANES) {
            const vit158_x8 v = vit158_load_x8(x);
            vit158_store_x8(tile, v);
            lane[i] = vit158_add_x8(lane[i], v);
        }
    }
    for (uint32_t i = 0; c + i < n; i++, x += ld, tile += LANES) {
        const vit158_x8 v = vit158_load_x8(x);
        vit158_store_x8(tile, v);
        lane[i] = vit158_add_x8(lane[i], v);
    }
    return vit158_striped_total_x8(lane);
}

static VIT158_INNER vit158_x8 square_total(const float *tile, uint32_t n, vit158_x8 mean)
{
    const vit158_x8 zero = vit158_splat_x8(0);
    vit158_x8 lane[4] = {zero, zero, zero, zero};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4) {
        for (uint32_t i = 0; i < 4; i++, tile += LANES) {
            const vit158_x8 d = vit158_sub_x8(vit158_load_x8(tile), mean);
            lane[i] = vit158_add_x8(lane[i], vit158_mul_x8(d, d));
        }
    }
    for (uint32_t i = 0; c + i < n; i++, tile += LANES) {
        const vit158_x8 d = vit158_sub_x8(vit158_load_x8(tile), mean);
        lane[i] = vit158_add_x8(lane[i], vit158_mul_x8(d, d));
    }
    return vit158_striped_total_x8(lane);
}

/* y = ((tile - mean) * inverse) * weight + bias, rows of y ldy apart; y may be the tile. Returns
 * the largest magnitudes. */
static VIT158_INNER vit158_x8 apply(float *y, size_t ldy, const float *tile, uint32_t n,
                                    const vit158_layernorm *norm, const vit158_x8 moments[2])
{
    const vit158_x8 mean = moments[0], inverse = moments[1];
    static const float none = 0.0F;
    const float *weight = norm->weight, *bias = norm->bias != NULL ? norm->bias : &none;
    const size_t bias_step = norm->bias != NULL ? 1 : 0;
    vit158_x8 absmax = vit158_splat_x8(0);
    for (uint32_t c = 0; c < n; c++, tile += LANES, y += ldy, bias += bias_step) {
        const vit158_x8 unit = vit158_mul_x8(vit158_sub_x8(vit158_load_x8(tile), mean), inverse);
        const vit158_x8 v =
            vit158_add_x8(vit158_mul_x8(unit, vit158_splat_x8(weight[c])), vit158_splat_x8(*bias));
        vit158_store_x8(y, v);
        absmax = vit158_larger_magnitude_x8(absmax, v);
    }
    return absmax;
}

/* Mean and 1 / sqrt(variance + eps) from the total of the tile's rows. */
static void find_moments(vit158_x8 moments[2], const float *tile, uint32_t n, vit158_x8 total,
                         const vit158_layernorm *norm)
{
    const vit158_x8 count = vit158_splat_x8((float)n);
    const vit158_x8 mean = norm->rms ? vit158_splat_x8(0) : vit158_div_x8(total, count);
    const vit158_x8 variance = vit158_div_x8(square_total(tile, n, mean), count);
    const vit158_x8 floored = vit158_add_x8(variance, vit158_splat_x8(norm->eps));
    moments[0] = mean;
    moments[1] = vit158_add_x8(vit158_div_x8(vit158_splat_x8(1.0F), vit158_sqrt_x8(floored)),
                               vit158_sub_x8(variance, variance));
}

static VIT158_INNER vit158_x8 tile_total(const float *tile, uint32_t n)
{
    const vit158_x8 zero = vit158_splat_x8(0);
    vit158_x8 lane[4] = {zero, zero, zero, zero};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4)
        for (uint32_t i = 0; i < 4; i++, tile += LANES)
            lane[i] = vit158_add_x8(lane[i], vit158_load_x8(tile));
    for (uint32_t i = 0; c + i < n; i++, tile += LANES)
        lane[i] = vit158_add_x8(lane[i], vit158_load_x8(tile));
    return vit158_striped_total_x8(lane);
}

/* Loads a tile and applies norms[0 .. 1] (the first one at least) in a row; the last one writes to
 * y. Returns the results' largest magnitudes. */
static vit158_x8 norm_tile(float *y, size_t ldy, float *tile, const float *x, size_t ld, uint32_t n,
                           const vit158_layernorm *norms)
{
    vit158_x8 total = load_total(tile, x, ld, n), moments[2];
    find_moments(moments, tile, n, total, &norms[0]);
    if (norms[1].weight == NULL)
        return apply(y, ldy, tile, n, &norms[0], moments);
    apply(tile, LANES, tile, n, &norms[0], moments);
    total = tile_total(tile, n);
    find_moments(moments, tile, n, total, &norms[1]);
    return apply(y, ldy, tile, n, &norms[1], moments);
}

/* ---- Quantization ---- */

/* Largest magnitudes of sixteen tokens; one cache line a channel. */
static VIT158_INNER void find_absmax(vit158_x8 absmax[2], const float *x, size_t ld, uint32_t n)
{
    vit158_x8 lo = vit158_splat_x8(0), hi = lo;
    for (uint32_t c = 0; c < n; c++, x += ld) {
        lo = vit158_larger_magnitude_x8(lo, vit158_load_x8(x));
        hi = vit158_larger_magnitude_x8(hi, vit158_load_x8(x + LANES));
    }
    absmax[0] = lo;
    absmax[1] = hi;
}

static VIT158_INNER vit158_x8 find_absmax_half(const float *x, size_t ld, uint32_t n)
{
    vit158_x8 absmax = vit158_splat_x8(0);
    for (uint32_t c = 0; c < n; c++, x += ld)
        absmax = vit158_larger_magnitude_x8(absmax, vit158_load_x8(x));
    return absmax;
}

/* Eight tokens of x (rows ldx apart) times s, rounded, into q (rows ldq apart). */
static VIT158_INNER void quantize_half(int8_t *q, size_t ldq, const float *x, size_t ldx,
                                       uint32_t n, vit158_x8 s)
{
    for (uint32_t c = 0; c < n; c++, x += ldx, q += ldq) {
        const v128_t v = vit158_quantize_i16_x8(vit158_load_x8(x), s);
        wasm_v128_store64_lane(q, wasm_i8x16_narrow_i16x8(v, v), 0);
    }
}

static VIT158_INNER void quantize_whole(int8_t *q, const float *x, size_t ld, uint32_t n,
                                        const vit158_x8 s[2])
{
    const vit158_x8 s0 = s[0], s1 = s[1];
    for (uint32_t c = 0; c < n; c++, x += ld, q += ld) {
        const v128_t lo = vit158_quantize_i16_x8(vit158_load_x8(x), s0);
        const v128_t hi = vit158_quantize_i16_x8(vit158_load_x8(x + LANES), s1);
        wasm_v128_store(q, wasm_i8x16_narrow_i16x8(lo, hi));
    }
}

/* The scales for these magnitudes; stores r. */
static vit158_x8 find_scales(float *r, vit158_x8 absmax)
{
    const vit158_x8 floored = vit158_pmax_x8(vit158_splat_x8(VIT158_QUANT_FLOOR), absmax);
    const vit158_x8 s = vit158_div_x8(vit158_splat_x8(127.0F), floored);
    const vit158_x8 step = vit158_div_x8(vit158_splat_x8(1.0F), s);
    vit158_store_x8(r, vit158_add_x8(step, vit158_sub_x8(absmax, absmax)));
    return s;
}

/* Eight tokens by a stored step; stores r. */
static VIT158_INNER void quantize_by_step(const vit158_norm_quantize *p, uint32_t t, const float *x,
                                          size_t ldx, vit158_x8 absmax)
{
    const vit158_x8 s = vit158_splat_x8(1.0F / p->rule.step);
    const vit158_x8 most = vit158_splat_x8(127.0F), least = vit158_splat_x8(-127.0F);
    int8_t *q = p->q + t;
    for (uint32_t c = 0; c < p->n; c++, x += ldx, q += p->ld) {
        const vit158_x8 v = vit158_mul_x8(vit158_load_x8(x), s);
        const vit158_x8 clamped = vit158_pmax_x8(least, vit158_pmin_x8(most, v));
        const v128_t rounded = vit158_quantize_i16_x8(clamped, vit158_splat_x8(1.0F));
        wasm_v128_store64_lane(q, wasm_i8x16_narrow_i16x8(rounded, rounded), 0);
    }
    const vit158_x8 step = vit158_splat_x8(p->rule.step);
    vit158_store_x8(p->r + t, vit158_add_x8(step, vit158_sub_x8(absmax, absmax)));
}

/* The same by the tokens' own steps, or by a stored one. */
static void quantize_eight(const vit158_norm_quantize *p, uint32_t t, const float *x, size_t ldx,
                           vit158_x8 absmax)
{
    if (p->rule.step > 0.0F)
        quantize_by_step(p, t, x, ldx, absmax);
    else
        quantize_half(p->q + t, p->ld, x, ldx, p->n, find_scales(p->r + t, absmax));
}

static void quantize_columns(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1)
{
    uint32_t t = t0;
    for (; t + LANES < t1 && !(p->rule.step > 0.0F); t += 2 * LANES) {
        vit158_x8 absmax[2], s[2];
        find_absmax(absmax, p->x + t, p->ld, p->n);
        for (uint32_t i = 0; i < 2; i++)
            s[i] = find_scales(p->r + t + i * LANES, absmax[i]);
        quantize_whole(p->q + t, p->x + t, p->ld, p->n, s);
    }
    for (; t < t1; t += LANES)
        quantize_eight(p, t, p->x + t, p->ld, find_absmax_half(p->x + t, p->ld, p->n));
}

void VIT158_KERNEL(norm_quantize)(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                  void *scratch)
{
    float *tile = scratch;
    if (p->norms[0].weight == NULL) {
        quantize_columns(p, t0, t1);
        return;
    }
    for (uint32_t t = t0; t < t1; t += LANES) {
        const vit158_x8 absmax = norm_tile(tile, LANES, tile, p->x + t, p->ld, p->n, p->norms);
        quantize_eight(p, t, tile, LANES, absmax);
    }
}

void VIT158_KERNEL(norm_f32)(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch)
{
    for (uint32_t t = t0; t < t1; t += LANES)
        norm_tile(p->y + t, p->ld, scratch, p->x + t, p->ld, p->n, p->norms);
}
