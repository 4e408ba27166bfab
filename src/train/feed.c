/* SPDX-License-Identifier: MIT
 *
 * From stored images to the rows a worker trains on: order, augmentation, mixing, targets,
 * patches. Every random choice comes from (seed, epoch, position), so it does not depend on
 * threads.
 */
#include <string.h>

#include "train/trainer.h"

/* splitmix-style combination of the seed with where we are. */
static uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15ULL + a;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL + b;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

uint64_t vit158_train_feed_epoch(const vit158_trainer *t)
{
    const uint32_t repeat = t->recipe.teacher_epochs;
    return repeat ? t->state.epoch % repeat : t->state.epoch;
}

void vit158_train_feed_order(vit158_trainer *t)
{
    const uint64_t epoch = vit158_train_feed_epoch(t);
    if (t->order_epoch == epoch)
        return;
    vit158_rng rng = vit158_rng_seed(mix_seed(t->recipe.seed, epoch, 1));
    for (uint32_t i = 0; i < t->train.count; i++)
        t->order[i] = i;
    for (uint32_t i = t->train.count; i > 1; i--) {
        const uint32_t j = vit158_rng_below(&rng, i), swap = t->order[i - 1];
        t->order[i - 1] = t->order[j];
        t->order[j] = swap;
    }
    t->order_epoch = epoch;
}

/* Patch `place` of the grid in (c, y, x) order. */
static void copy_patch(float *row, const vit158_train_net *net, const float *pixels, uint32_t place)
{
    const uint32_t p = net->config.patch_size, side = net->config.image_size, grid = side / p;
    const float *corner = pixels + (size_t)(place / grid) * p * side + (size_t)(place % grid) * p;
    for (uint32_t c = 0; c < net->config.channels; c++, corner += (size_t)side * side)
        for (uint32_t y = 0; y < p; y++, row += p)
            memcpy(row, corner + (size_t)y * side, p * sizeof *row);
}

void vit158_train_feed_patches(const vit158_train_net *net, vit158_train_work *work, uint32_t slot,
                               const float *pixels)
{
    const uint32_t count = net->tokens - 1;
    for (uint32_t i = 0; i < count; i++) {
        work->places[(size_t)slot * count + i] = i;
        copy_patch(work->patches + ((size_t)slot * count + i) * work->patch_ld, net, pixels, i);
    }
}

void vit158_train_feed_normalise(const vit158_trainer *t, float *out, const uint8_t *image)
{
    const size_t area = (size_t)t->train.side * t->train.side;
    for (uint32_t c = 0; c < t->train.channels; c++)
        for (size_t i = 0; i < area; i++)
            out[c * area + i] = t->byte_values[c][image[c * area + i]];
}

void vit158_train_feed_plain(vit158_trainer *t, vit158_train_work *work, uint32_t slot,
                             const uint8_t *image)
{
    float *pixels = t->feed[work - t->work].pixels;
    vit158_train_feed_normalise(t, pixels, image);
    vit158_train_feed_patches(&t->net, work, slot, pixels);
}

/* `kept` different places, in order of the grid. */
static void choose_places(uint32_t *places, uint32_t *order, uint32_t count, uint32_t kept,
                          vit158_rng *rng)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = 0;
    for (uint32_t i = count - kept; i < count; i++) { /* Floyd's sampling */
        const uint32_t j = vit158_rng_below(rng, i + 1);
        order[order[j] ? i : j] = 1;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (order[i])
            places[n++] = i;
}

static vit158_train_augment present_augment(const vit158_train_recipe *r, double progress)
{
    vit158_train_augment how = r->augment;
    if (progress >= r->augment_until) {
        how.operations = 0;
        how.autoaugment = 0.0F;
        how.erase = 0.0F;
    }
    if (progress >= r->mix_until)
        how.mix = 0.0F;
    return how;
}

static void set_target(float *target, uint32_t classes, float smoothing, uint32_t a, uint32_t b,
                       float share)
{
    for (uint32_t c = 0; c < classes; c++)
        target[c] = smoothing / (float)classes;
    target[a] += (1.0F - smoothing) * share;
    target[b] += (1.0F - smoothing) * (1.0F - share);
}

static void drop_branches(vit158_trainer *t, vit158_train_work *work, vit158_rng *rng)
{
    const uint32_t depth = t->net.block_count;
    for (uint32_t b = 0; b < depth; b++) {
        const float drop = t->recipe.drop_path * (float)(b + 1) / (float)depth;
        const float keep = 1.0F / (1.0F - drop);
        work->blocks[b].attn_factor = vit158_rng_uniform(rng) < drop ? 0.0F : keep;
        work->blocks[b].mlp_factor = vit158_rng_uniform(rng) < drop ? 0.0F : keep;
    }
}

/* The mixed images and their targets, which the same epoch number gives again. */
static void mix_images(vit158_trainer *t, vit158_train_feed *feed, uint64_t first, uint32_t n,
                       const vit158_train_augment *how)
{
    const size_t size = vit158_train_dataset_image(&t->train);
    const uint64_t key = mix_seed(t->recipe.seed, vit158_train_feed_epoch(t), 2);
    for (uint32_t i = 0; i < n; i++) {
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 3));
        const uint32_t at = t->order[first + i];
        feed->labels[i] = t->train.labels[at];
        vit158_train_augment_image(feed->bytes, t->train.pixels + at * size, feed->bytes + size,
                                   t->train.channels, t->train.side, how, &rng);
        vit158_train_feed_normalise(t, feed->pixels + i * size, feed->bytes);
    }
    for (uint32_t i = 0; i < n; i++) {
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 4));
        const uint32_t other = (i + 1) % n;
        float *x = feed->mixed + i * size, share = 1.0F;
        memcpy(x, feed->pixels + i * size, size * sizeof *x);
        if (n > 1)
            share = vit158_train_augment_mix(x, feed->pixels + other * size, t->train.channels,
                                             t->train.side, how, &rng);
        const uint32_t a = t->train.labels[t->order[first + i]];
        const uint32_t b = t->train.labels[t->order[first + other]];
        feed->labels[i] = (uint16_t)(share >= 0.5F ? a : b);
        set_target(feed->targets + (size_t)i * t->train.classes, t->train.classes,
                   t->recipe.label_smoothing, a, b, share);
    }
}

/* `out` = x as the student sees it, moved by up to teacher_shift. */
static void move_image(const vit158_trainer *t, float *out, const float *x, vit158_rng *rng)
{
    const vit158_train_recipe *r = &t->recipe;
    const size_t area = (size_t)t->train.side * t->train.side;
    const vit158_train_move move = vit158_train_move_random(r->teacher_shift, r->augment.flip, rng);
    for (uint32_t c = 0; c < t->train.channels; c++)
        vit158_train_move_plane(out + c * area, x + c * area, t->train.side, &move,
                                t->byte_values[c][0]);
}

void vit158_train_feed_microbatch(vit158_trainer *t, uint32_t worker, uint64_t first, uint32_t n,
                                  double progress)
{
    const vit158_train_recipe *r = &t->recipe;
    vit158_train_work *work = &t->work[worker];
    vit158_train_feed *feed = &t->feed[worker];
    const vit158_train_augment how = present_augment(r, progress);
    const size_t size = vit158_train_dataset_image(&t->train);
    const uint32_t count = t->net.tokens - 1;
    uint32_t kept =
        progress < r->keep_tokens_until ? (uint32_t)(r->keep_tokens * (float)count + 0.5F) : count;
    kept = kept ? kept : 1;
    work->images = n;
    work->tokens = kept + 1;
    mix_images(t, feed, first, n, &how);
    const uint64_t key = mix_seed(r->seed, t->state.epoch, 2);
    for (uint32_t i = 0; i < n; i++) {
        const float *x = feed->mixed + i * size;
        uint32_t *places = work->places + (size_t)i * kept;
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 6));
        choose_places(places, feed->order, count, kept, &rng);
        if (r->teacher_shift) {
            move_image(t, feed->pixels, x, &rng);
            x = feed->pixels;
        }
        for (uint32_t k = 0; k < kept; k++)
            copy_patch(work->patches + ((size_t)i * kept + k) * work->patch_ld, &t->net, x,
                       places[k]);
    }
    vit158_rng rng = vit158_rng_seed(mix_seed(key, first, 5));
    drop_branches(t, work, &rng);
}
