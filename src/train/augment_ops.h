/* SPDX-License-Identifier: MIT
 *
 * The operations of RandAugment (Cubuk 2020) on small planar images, drawn freely or as a policy.
 */
#ifndef VIT158_TRAIN_AUGMENT_OPS_H
#define VIT158_TRAIN_AUGMENT_OPS_H

#include <stdint.h>

#include "base/rng.h"

/* One operation drawn from the list, its strength uniform up to `magnitude`, in place. */
void vit158_train_augment_operation(uint8_t *x, uint8_t *scratch, uint32_t channels, uint32_t side,
                                    float magnitude, vit158_rng *rng);

/* One of the 25 pairs of operations that AutoAugment found for CIFAR-10 (Cubuk 2019, table 7), each
 * with its own chance and strength, in place. */
void vit158_train_augment_policy(uint8_t *x, uint8_t *scratch, uint32_t channels, uint32_t side,
                                 vit158_rng *rng);

#endif
