/* SPDX-License-Identifier: MIT
 *
 * Random changes of training images, on bytes: up to n operations of the RandAugment list with
 * random strength (one of full strength = TrivialAugment, Mueller and Hutter 2021), AutoAugment's
 * policy, enlarged part, padded crop, flip, erasing; and mixing of two images (mixup, Zhang 2018;
 * CutMix, Yun 2019) on floats.
 */
#ifndef VIT158_TRAIN_AUGMENT_H
#define VIT158_TRAIN_AUGMENT_H

#include "base/rng.h"

typedef struct vit158_train_augment {
    uint32_t operations; /* of the list, 0 = none */
    float magnitude;     /* 0 .. 1, strongest strength drawn */
    float autoaugment;   /* probability of a pair of AutoAugment's CIFAR-10 policy */
    float crop_area;     /* smallest share of the area that a crop takes and enlarges; 0 = none */
    uint32_t crop;       /* pixels of padding around, then a random crop; 0 = none */
    uint32_t flip;       /* 1 = mirror half of the images */
    float erase;         /* probability of erasing a rectangle */
    float mix;           /* probability of mixing an image with another */
    float cutmix;        /* share of the mixed ones that are CutMix */
    float mixup_alpha;   /* Beta(alpha, alpha) of mixup; CutMix uses Beta(1, 1) */
} vit158_train_augment;

/* out [channels][side][side] from in of the same shape; scratch: one image more. out, in and
 * scratch are distinct. */
void vit158_train_augment_image(uint8_t *out, const uint8_t *in, uint8_t *scratch,
                                uint32_t channels, uint32_t side, const vit158_train_augment *how,
                                vit158_rng *rng);

/* The part x0, y0, w, h of each plane [side][side] enlarged to the whole: linear between pixels. */
typedef struct vit158_train_part {
    float x0, y0, w, h;
} vit158_train_part;

/* A part of at least `area` of the image, sides in a ratio of 3 : 4 to 4 : 3. */
vit158_train_part vit158_train_part_random(uint32_t side, float area, vit158_rng *rng);
void vit158_train_enlarge(uint8_t *out, const uint8_t *in, uint32_t channels, uint32_t side,
                          const vit158_train_part *part);

/* Where an image is moved to: out(x, y) = in(x + dx, y + dy), of the mirrored image if flip. */
typedef struct vit158_train_move {
    int dx, dy, flip;
} vit158_train_move;

/* Up to `shift` pixels each way; mirrored half of the times if `flip`. */
vit158_train_move vit158_train_move_random(uint32_t shift, uint32_t flip, vit158_rng *rng);

/* One channel, out and in [side][side] and distinct; `outside` comes in from beyond the edges. */
void vit158_train_move_plane(float *out, const float *in, uint32_t side,
                             const vit158_train_move *move, float outside);

/* Mixes `other` into x (both [channels][side][side] floats) and returns the share of x. */
float vit158_train_augment_mix(float *x, const float *other, uint32_t channels, uint32_t side,
                               const vit158_train_augment *how, vit158_rng *rng);

#endif
