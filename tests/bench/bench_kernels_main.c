/* SPDX-License-Identifier: MIT
 *
 * bench_kernels [ROUNDS]: kernel benchmarks natively (the SIMD128 source through SIMDe), one JSON
 * line a case, in the form of bench_kernels.mjs. Rounds run all cases and both peaks in turn;
 * medians are printed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bench/bench_kernels.h"

enum { DEFAULT_ROUNDS = 9, MAX_ROUNDS = 99, MAX_CASES = 128 };

static const double round_ms = 25, warm_ms = 50;

/* Calls per ms: of a case, or of a peak loop if it is one past the last cases. */
static double rate(uint32_t index, double ms)
{
    const double begin = vit158_now_ms();
    double now = begin;
    uint32_t calls = 0;
    for (; now - begin < ms; now = vit158_now_ms(), calls++) {
        if (index < bench_count())
            bench_run(index);
        else
            bench_peak(index - bench_count());
    }
    return calls / (now - begin);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double rates[MAX_CASES][MAX_ROUNDS];
static uint32_t rounds = DEFAULT_ROUNDS;

/* GMAC/s in the median of the rounds. */
static double gmacs(uint32_t index, double macs)
{
    qsort(rates[index], rounds, sizeof rates[0][0], by_value);
    return rates[index][rounds / 2] * macs / 1e6;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = (uint32_t)strtoul(argv[1], NULL, 10);
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "bench_kernels: rounds must be 1 to %d\n", MAX_ROUNDS);
        return 2;
    }
    if (!bench_prepare(BENCH_LAYERS) || bench_count() + 2 > MAX_CASES)
        return 1;
    const uint32_t count = bench_count();
    for (uint32_t i = 0; i < count + 2; i++)
        rate(i, warm_ms);
    for (uint32_t round = 0; round < rounds; round++)
        for (uint32_t i = 0; i < count + 2; i++)
            rates[i][round] = rate(i, round_ms);
    const double dot = gmacs(count + BENCH_PEAK_DOT, BENCH_PEAK_MACS);
    const double f32 = gmacs(count + BENCH_PEAK_F32, BENCH_PEAK_MACS);
    for (uint32_t i = 0; i < count; i++)
        printf("{\"kind\":\"kernel\",\"name\":\"%s\",\"n_in\":%u,\"n_out\":%u,\"n_tokens\":%u,"
               "\"threads\":1,\"env\":\"native\",\"gmacs\":%.2f,\"dot_peak_gmacs\":%.2f,"
               "\"f32_peak_gmacs\":%.2f}\n",
               bench_name(i), bench_n_in(i), bench_n_out(i), bench_n_tokens(i),
               gmacs(i, (double)bench_n_in(i) * bench_n_out(i) * bench_n_tokens(i)), dot, f32);
    return 0;
}
