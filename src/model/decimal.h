/* SPDX-License-Identifier: MIT
 *
 * Numbers in metadata values: "1e-6", "0.4914". Small and exact enough, instead of strtod (15 kB of
 * wasm).
 */
#ifndef VIT158_MODEL_DECIMAL_H
#define VIT158_MODEL_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [-]digits[.digits][(e|E)[+|-]digits], nothing before or after. Up to 19 significant digits; the
 * digits read as a whole number, times 10^k, must have |k| <= 22. False for anything else.
 *
 * Error: the digits become a double (exact up to 2^53, else half an ulp), then one product or
 * quotient by an exact power of ten (half an ulp). Up to 15 digits the double is therefore the
 * nearest one, and above that within 1.5 ulp; rounded to float either is within 0.5 + 2^-27 ulp of
 * the decimal. */
bool vit158_decimal_double(double *out, const char *text, size_t n_bytes);

/* A whole number 0 .. 2^32 - 1 in decimal digits without leading zeros. */
bool vit158_decimal_u32(uint32_t *out, const char *text, size_t n_bytes);

#endif
