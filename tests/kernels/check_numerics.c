/* SPDX-License-Identifier: MIT
 *
 * numerics.h against the C library in double, over ranges swept densely enough to meet every case,
 * and the quantizer's rounding at every tie.
 */
#include <math.h>

#include "base/numerics.h"
#include "check.h"

static void rne_rounds_ties_to_even(void)
{
    for (int32_t half = -2000; half <= 2000; half++) {
        const float x = (float)half / 2.0F;
        const float even = half % 2 == 0 ? x : (float)(2 * (int32_t)floorf((x + 1.0F) / 2.0F));
        CHECK(vit158_rne(x) == even, "half %d", half);
    }
    CHECK(vit158_rne(2097151.5F) == 2097152.0F, "just below 2^21");
    CHECK(vit158_rne(0.49999997F) == 0.0F && vit158_rne(0.50000006F) == 1.0F, "next to a tie");
}

static void quantize_covers_the_range(void)
{
    for (int32_t q = -127; q <= 127; q++) {
        CHECK(vit158_quantize((float)q, 1.0F) == q, "whole %d", q);
        CHECK(vit158_quantize((float)q + 0.49F, 1.0F) == q, "above %d", q);
        CHECK(vit158_quantize((float)q - 0.49F, 1.0F) == q, "below %d", q);
    }
    CHECK(vit158_quantize(0.5F, 1.0F) == 0 && vit158_quantize(1.5F, 1.0F) == 2, "ties up");
    CHECK(vit158_quantize(-0.5F, 1.0F) == 0 && vit158_quantize(-1.5F, 1.0F) == -2, "ties down");
}

static void quant_scale_maps_the_largest_to_127(void)
{
    check_rng rng = check_seed(1);
    for (int i = 0; i < 100000; i++) {
        const float absmax = vit158_float_from_bits(0x30000000U + (check_bits(&rng) >> 4));
        const float s = vit158_quant_scale(absmax);
        const int32_t expected = absmax >= VIT158_QUANT_FLOOR ? 127 : (int32_t)rintf(absmax * s);
        CHECK(vit158_quantize(absmax, s) == expected && vit158_quantize(-absmax, s) == -expected,
              "case %d", i);
    }
    CHECK(vit158_quant_scale(0.0F) == 127.0F / 1e-5F, "floor");
}

static void exp_is_within_2e_7(void)
{
    double worst = 0;
    for (uint32_t bits = 0x33000000U; bits < 0x42AE0000U; bits += 97) { /* 2^-25 .. 87 */
        const float x = -vit158_float_from_bits(bits);
        const double exact = exp(x);
        const double error = fabs(vit158_exp(x) - exact) / exact;
        worst = error > worst ? error : worst;
    }
    CHECK(worst < 2e-7, "worst relative error %d e-9", (int)(worst * 1e9));
    CHECK(vit158_exp(0.0F) == 1.0F && vit158_exp(-0.0F) == 1.0F, "at 0");
    CHECK(vit158_exp(-87.1F) == 0.0F && vit158_exp(-INFINITY) == 0.0F, "below the range");
}

/* erf(z) = 2 gelu(sqrt 2 z) / (sqrt 2 z) - 1. */
static void gelu_is_within_5e_7_of_erf(void)
{
    double worst = 0;
    for (uint32_t bits = 0x33000000U; bits < 0x41200000U; bits += 97) { /* 2^-25 .. 10 */
        for (int sign = -1; sign <= 1; sign += 2) {
            const float x = (float)sign * vit158_float_from_bits(bits);
            const double exact = 0.5 * x * (1 + erf(x * sqrt(0.5)));
            const double error = fabs(vit158_gelu(x) - exact) / fabs(0.5 * x);
            worst = error > worst ? error : worst;
        }
    }
    CHECK(worst < 5e-7, "worst error %d e-9 of x / 2", (int)(worst * 1e9));
    CHECK(vit158_gelu(0.0F) == 0.0F, "at 0");
    CHECK(fabsf(vit158_gelu(50.0F) - 50.0F) < 1e-5F, "large");
    CHECK(fabsf(vit158_gelu(-50.0F)) < 1e-5F, "large negative");
}

static void log_is_within_2e_7(void)
{
    double worst = 0;
    for (uint32_t size = 1; size <= 70000; size++) {
        const double exact = log(size);
        const double error = fabs(vit158_log((float)size) - exact) / (exact > 1 ? exact : 1);
        worst = error > worst ? error : worst;
    }
    CHECK(worst < 2e-7, "worst error %d e-9", (int)(worst * 1e9));
    CHECK(vit158_log(1.0F) == 0.0F, "at 1");
}

static void striped_total_adds_pairs(void)
{
    const float lanes[4] = {1.0F, 0x1p-24F, 0x1p-24F, 0x1p-24F};
    CHECK(vit158_striped_total(lanes) == 1.0F + 0x1p-23F, "(1 + tiny) + (tiny + tiny)");
}

CHECK_CASES({"rne_rounds_ties_to_even", rne_rounds_ties_to_even},
            {"quantize_covers_the_range", quantize_covers_the_range},
            {"quant_scale_maps_the_largest_to_127", quant_scale_maps_the_largest_to_127},
            {"exp_is_within_2e_7", exp_is_within_2e_7},
            {"gelu_is_within_5e_7_of_erf", gelu_is_within_5e_7_of_erf},
            {"log_is_within_2e_7", log_is_within_2e_7},
            {"striped_total_adds_pairs", striped_total_adds_pairs})
