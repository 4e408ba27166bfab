/* SPDX-License-Identifier: MIT
 *
 * The shortest decimal that reads back as the same double, without the C library's printf and
 * strtod, which would be 20 kB of wasm.
 */
#ifndef VIT158_BASE_SHORTEST_H
#define VIT158_BASE_SHORTEST_H

#define VIT158_SHORTEST_DIGITS 17
#define VIT158_NUMBER_BYTES 32U

/* The fewest digits d1 d2 ... dn whose decimal 0.d1d2...dn * 10^*point reads back as `value`, and
 * of those the nearest to it; returns n. They are numbers 0 .. 9, not characters. `value` is finite
 * and above 0. */
int vit158_shortest_digits(unsigned char digits[VIT158_SHORTEST_DIGITS], int *point, double value);

/* The number's text and a NUL, as JavaScript's String(value) gives it (ECMA-262,
 * Number::toString). */
void vit158_number_text(char out[VIT158_NUMBER_BYTES], double value);

#endif
