/* SPDX-License-Identifier: MIT
 *
 * Who gets how many bytes: of each item one option is chosen so that the losses add up to little
 * and the bytes to no more than a budget. Exactly, for few items (dynamic programming over the
 * budget, METHODS.md 2.5), or for many by gain a byte, which is as good but for the last step.
 */
#ifndef VIT158_COMPRESS_ALLOCATE_H
#define VIT158_COMPRESS_ALLOCATE_H

#include "vit158.h"

#define VIT158_MAX_CHOICES 8U

/* Options in order of rising bytes. */
typedef struct vit158_choices {
    uint32_t count;
    uint64_t bytes[VIT158_MAX_CHOICES];
    double loss[VIT158_MAX_CHOICES];
} vit158_choices;

/* chosen [count]: the option of each item. The least loss of all that fit, counting every option's
 * bytes in whole `unit`s, rounded up (1 = exact); of equal ones the one of fewer bytes.
 * Errors: VIT158_E_ARGUMENT (even the smallest options are above the budget), VIT158_E_MEMORY. */
vit158_status vit158_allocate_exact(uint32_t *chosen, const vit158_choices *items, uint32_t count,
                                    uint64_t budget, uint64_t unit, vit158_error *error);

/* The same by gain a byte: starting from the smallest options, the steps along each item's lower
 * convex hull of loss over bytes, largest gain a byte first, ties to the lower item, as far as they
 * fit. */
vit158_status vit158_allocate_by_gain(uint32_t *chosen, const vit158_choices *items, uint32_t count,
                                      uint64_t budget, vit158_error *error);

#endif
