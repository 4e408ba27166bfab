/* SPDX-License-Identifier: MIT
 *
 * Free-format printing of Steele and White (1990) in the form of Burger and Dybvig (1996): the
 * value and the half gaps to its neighbours are exact fractions of big integers, and digits are
 * produced until what is left is within a half gap.
 */
#include "base/shortest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* 2^1075 * 10, the largest number that occurs, has 1079 bits in 34 words; big_set sets one more. */
#define WORDS 35U

typedef struct big {
    uint32_t count; /* words in use */
    uint32_t words[WORDS];
} big;

/* value * 2^shift, value > 0 */
static void big_set(big *out, uint64_t value, uint32_t shift)
{
    *out = (big){0};
    const uint32_t first = shift / 32, bits = shift % 32;
    out->words[first] = (uint32_t)(value << bits);
    out->words[first + 1] = (uint32_t)(value >> (32 - bits));
    if (first + 2 < WORDS)
        out->words[first + 2] = bits != 0 ? (uint32_t)(value >> 32 >> (32 - bits)) : 0;
    for (out->count = WORDS; out->words[out->count - 1] == 0;)
        out->count--;
}

static void big_times_ten(big *x)
{
    uint32_t carry = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        const uint64_t product = (uint64_t)x->words[i] * 10 + carry;
        x->words[i] = (uint32_t)product;
        carry = (uint32_t)(product >> 32);
    }
    if (carry != 0)
        x->words[x->count++] = carry;
}

/* a + b against c: below 0, 0 or above; b NULL is 0. */
static int big_compare(const big *a, const big *b, const big *c)
{
    int64_t rest = 0; /* of a + b - c, in units of the current word; beyond 2 its sign is settled */
    for (uint32_t i = WORDS; i-- > 0 && rest <= 2 && rest >= -2;)
        rest = rest * 4294967296 + a->words[i] + (b != NULL ? b->words[i] : 0) - c->words[i];
    return (rest > 0) - (rest < 0);
}

/* a - b, which is not below 0 */
static void big_subtract(big *a, const big *b)
{
    uint32_t borrow = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const uint64_t difference = (uint64_t)a->words[i] - b->words[i] - borrow;
        a->words[i] = (uint32_t)difference;
        borrow = (uint32_t)(difference >> 63);
    }
    while (a->count > 0 && a->words[a->count - 1] == 0)
        a->count--;
}

/* value = r / s, and its neighbours are 2 below / s and 2 above / s away. */
typedef struct fraction {
    big r, s, below, above;
    bool even; /* a decimal halfway to a neighbour reads back as the value */
} fraction;

static void set_fraction(fraction *f, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t field = (uint32_t)(bits >> 52) & 0x7FF;
    const uint64_t low = bits & 0xFFFFFFFFFFFFF;
    const uint64_t m = field != 0 ? low | 1ULL << 52 : low;
    const int e = (field != 0 ? (int)field : 1) - 1075; /* value = m * 2^e */
    const uint32_t closer = low == 0 && field > 1; /* the neighbour below is half as far away */
    const uint32_t up = e > 0 ? (uint32_t)e : 0, down = e < 0 ? (uint32_t)-e : 0;
    big_set(&f->r, m, up + 1 + closer);
    big_set(&f->s, 1, down + 1 + closer);
    big_set(&f->below, 1, up);
    big_set(&f->above, 1, up + closer);
    f->even = m % 2 == 0;
}

/* Whether the decimal that the digits so far would be, were the last one raised, reads back. */
static bool reaches_above(const fraction *f)
{
    return big_compare(&f->r, &f->above, &f->s) >= (f->even ? 0 : 1);
}

static bool reaches_below(const fraction *f)
{
    return big_compare(&f->r, NULL, &f->below) <= (f->even ? 0 : -1);
}

static void times_ten(fraction *f)
{
    big_times_ten(&f->r);
    big_times_ten(&f->below);
    big_times_ten(&f->above);
}

/* Takes the next digit off r, which is below s * 10. */
static unsigned char next_digit(fraction *f)
{
    unsigned char digit = 0;
    for (; big_compare(&f->r, NULL, &f->s) >= 0; digit++)
        big_subtract(&f->r, &f->s);
    return digit;
}

int vit158_shortest_digits(unsigned char digits[VIT158_SHORTEST_DIGITS], int *point, double value)
{
    fraction f;
    set_fraction(&f, value);
    *point = 0;
    for (; reaches_above(&f); ++*point)
        big_times_ten(&f.s);
    for (;; --*point) {
        times_ten(&f);
        if (reaches_above(&f))
            break;
    }
    for (int count = 0;;) {
        digits[count++] = next_digit(&f);
        const bool low = reaches_below(&f), high = reaches_above(&f);
        if (low || high) {
            /* Of two that both read back the nearer one; of two as near the even one. */
            const int half = big_compare(&f.r, &f.r, &f.s) + digits[count - 1] % 2;
            digits[count - 1] += high && (!low || half > 0);
            return count;
        }
        times_ten(&f);
    }
}

/* The digits with their decimal point: zeros where there are none. */
static char *put_plain(char *out, const unsigned char *digits, int count, int point)
{
    const int end = count > point ? count : point;
    if (point <= 0)
        *out++ = '0';
    for (int i = point < 0 ? point : 0; i < end; i++) {
        if (i == point)
            *out++ = '.';
        *out++ = (char)('0' + (i >= 0 && i < count ? digits[i] : 0));
    }
    return out;
}

void vit158_number_text(char out[VIT158_NUMBER_BYTES], double value)
{
    unsigned char digits[VIT158_SHORTEST_DIGITS];
    int point;
    if (!(value - value == 0)) {
        strcpy(out, value > 0 ? "Infinity" : value < 0 ? "-Infinity" : "NaN");
        return;
    }
    if (value < 0)
        *out++ = '-';
    if (value == 0) { /* -0 as well */
        strcpy(out, "0");
        return;
    }
    const int count = vit158_shortest_digits(digits, &point, value < 0 ? -value : value);
    const bool plain = point > -6 && point <= 21;
    out = put_plain(out, digits, count, plain ? point : 1);
    *out = 0;
    if (!plain)
        vit158_format(out, 8, "e%s%d", point > 0 ? "+" : "", point - 1);
}
