/* SPDX-License-Identifier: MIT
 *
 * Monotonic time for the native tools; wasm has no clock of its own.
 */
#ifndef VIT158_BASE_CLOCK_H
#define VIT158_BASE_CLOCK_H

/* Milliseconds from an arbitrary start. */
double vit158_now_ms(void);

#endif
