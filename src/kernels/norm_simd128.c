/* SPDX-License-Identifier: MIT
 *
 * LayerNorm and int8 quantization of eight tokens side by side in scratch memory [n][8]. Channels
 * run down the columns, so the four striped partial sums are four vectors.
 */
#include "kernels/ops_simd128.h"

enum { LANES = VIT158_NORM_TOKENS };

typedef struct pair {
    v128_t lo;
    v128_t hi;
} pair;

static inline pair load(const float *s)
{
    return (pair){wasm_v128_load(s), wasm_v128_load(s + 4)};
}

static inline void store(float *s, pair v)
{
    wasm_v128_store(s, v.lo);
    wasm_v128_store(s + 4, v.hi);
}

static inline pair add(pair a, pair b)
{
    return (pair){wasm_f32x4_add(a.lo, b.lo), wasm_f32x4_add(a.hi, b.hi)};
}

static inline pair sub(pair a, pair b)
{
    return (pair){wasm_f32x4_sub(a.lo, b.lo), wasm_f32x4_sub(a.hi, b.hi)};
}

static inline pair mul(pair a, pair b)
{
    return (pair){wasm_f32x4_mul(a.lo, b.lo), wasm_f32x4_mul(a.hi, b.hi)};
}

static inline pair splat(float x)
{
    return (pair){wasm_f32x4_splat(x), wasm_f32x4_splat(x)};
}

static inline pair striped_total(const pair lane[4])
{
    return add(add(lane[0], lane[1]), add(lane[2], lane[3]));
}

/* Copies x (rows ld apart) into the tile; the total over channels. */
static VIT158_INNER pair load_total(float *tile, const float *x, size_t ld, uint32_t n)
{
    pair lane[4] = {splat(0), splat(0), splat(0), splat(0)};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4) {
        for (uint32_t i = 0; i < 4; i++, x += ld, tile += LANES) {
            const pair v = load(x);
            store(tile, v);
            lane[i] = add(lane[i], v);
        }
    }
    for (uint32_t i = 0; c + i < n; i++, x += ld, tile += LANES) {
        const pair v = load(x);
        store(tile, v);
        lane[i] = add(lane[i], v);
    }
    return striped_total(lane);
}

static VIT158_INNER pair square_total(const float *tile, uint32_t n, pair mean)
{
    pair lane[4] = {splat(0), splat(0), splat(0), splat(0)};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4) {
        for (uint32_t i = 0; i < 4; i++, tile += LANES) {
            const pair d = sub(load(tile), mean);
            lane[i] = add(lane[i], mul(d, d));
        }
    }
    for (uint32_t i = 0; c + i < n; i++, tile += LANES) {
        const pair d = sub(load(tile), mean);
        lane[i] = add(lane[i], mul(d, d));
    }
    return striped_total(lane);
}

/* y = ((tile - mean) * inverse) * weight + bias, rows of y ldy apart; y may be the tile. */
static VIT158_INNER void apply(float *y, size_t ldy, const float *tile, uint32_t n,
                               const vit158_layernorm *norm, const pair moments[2])
{
    const pair mean = moments[0], inverse = moments[1];
    const float *weight = norm->weight, *bias = norm->bias;
    for (uint32_t c = 0; c < n; c++, tile += LANES, y += ldy) {
        const pair unit = mul(sub(load(tile), mean), inverse);
        store(y, add(mul(unit, splat(weight[c])), splat(bias[c])));
    }
}

/* Mean and 1 / sqrt(variance + eps) from the total of the tile's rows. */
static void find_moments(pair moments[2], const float *tile, uint32_t n, pair total, float eps)
{
    const v128_t count = wasm_f32x4_splat((float)n);
    const pair mean = {wasm_f32x4_div(total.lo, count), wasm_f32x4_div(total.hi, count)};
    const pair squares = square_total(tile, n, mean);
    const pair variance = {wasm_f32x4_div(squares.lo, count), wasm_f32x4_div(squares.hi, count)};
    const pair floored = add(variance, splat(eps));
    const v128_t one = wasm_f32x4_splat(1.0F);
    moments[0] = mean;
    moments[1] = (pair){wasm_f32x4_div(one, wasm_f32x4_sqrt(floored.lo)),
                        wasm_f32x4_div(one, wasm_f32x4_sqrt(floored.hi))};
}

static VIT158_INNER pair tile_total(const float *tile, uint32_t n)
{
    pair lane[4] = {splat(0), splat(0), splat(0), splat(0)};
    uint32_t c = 0;
    for (; c + 4 <= n; c += 4)
        for (uint32_t i = 0; i < 4; i++, tile += LANES)
            lane[i] = add(lane[i], load(tile));
    for (uint32_t i = 0; c + i < n; i++, tile += LANES)
        lane[i] = add(lane[i], load(tile));
    return striped_total(lane);
}

/* Loads a tile and applies the norms in a row; the last one writes to y. */
static void norm_tile(float *y, size_t ldy, float *tile, const float *x, size_t ld, uint32_t n,
                      const vit158_layernorm norms[2])
{
    pair total = load_total(tile, x, ld, n);
    for (uint32_t i = 0; i < 2 && norms[i].weight; i++) {
        const int last = i == 1 || !norms[1].weight;
        pair moments[2];
        find_moments(moments, tile, n, total, norms[i].eps);
        apply(last ? y : tile, last ? ldy : LANES, tile, n, &norms[i], moments);
        if (!last)
            total = tile_total(tile, n);
    }
}

static VIT158_INNER pair tile_absmax(const float *tile, uint32_t n)
{
    pair max = splat(0);
    for (uint32_t c = 0; c < n; c++, tile += LANES) {
        const pair v = load(tile);
        max.lo = wasm_f32x4_pmax(max.lo, wasm_f32x4_abs(v.lo));
        max.hi = wasm_f32x4_pmax(max.hi, wasm_f32x4_abs(v.hi));
    }
    return max;
}

static inline v128_t quant_scale(v128_t absmax)
{
    const v128_t least = wasm_f32x4_splat(VIT158_QUANT_FLOOR);
    return wasm_f32x4_div(wasm_f32x4_splat(127.0F), wasm_f32x4_pmax(least, absmax));
}

/* q = low bytes of x * s + 1.5 * 2^23, see vit158_quantize. */
static VIT158_INNER void quantize_tile(int8_t *q, size_t ld, const float *tile, uint32_t n, pair s)
{
    const pair magic = splat(12582912.0F);
    for (uint32_t c = 0; c < n; c++, tile += LANES, q += ld) {
        const pair v = add(mul(load(tile), s), magic);
        const v128_t bytes = wasm_i8x16_shuffle(v.lo, v.hi, 0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8,
                                                12, 16, 20, 24, 28);
        wasm_v128_store64_lane(q, bytes, 0);
    }
}

void vit158_norm_quantize_simd128(const vit158_norm_quantize *p, uint32_t t0, uint32_t t1,
                                  void *scratch)
{
    float *tile = scratch;
    for (uint32_t t = t0; t < t1; t += LANES) {
        norm_tile(tile, LANES, tile, p->x + t, p->ld, p->n, p->norms);
        const pair absmax = tile_absmax(tile, p->n);
        const pair s = {quant_scale(absmax.lo), quant_scale(absmax.hi)};
        quantize_tile(p->q + t, p->ld, tile, p->n, s);
        const v128_t one = wasm_f32x4_splat(1.0F);
        store(p->r + t, (pair){wasm_f32x4_div(one, s.lo), wasm_f32x4_div(one, s.hi)});
    }
}

void vit158_norm_f32_simd128(const vit158_norm_f32 *p, uint32_t t0, uint32_t t1, void *scratch)
{
    for (uint32_t t = t0; t < t1; t += LANES)
        norm_tile(p->y + t, p->ld, scratch, p->x + t, p->ld, p->n, p->norms);
}
