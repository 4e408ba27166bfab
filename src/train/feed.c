/* SPDX-License-Identifier: MIT */
#include "train/feed.h"

#include <string.h>

/* splitmix-style combination of the seed with where we are. */
static uint64_t mix_seed(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15ULL + a;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL + b;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

vit158_train_feeder vit158_train_feeder_over(const vit158_train_recipe *recipe,
                                             const vit158_train_net *net,
                                             const vit158_train_dataset *images)
{
    vit158_train_feeder feeder = {
        .recipe = recipe, .net = net, .images = images, .order_epoch = UINT64_MAX};
    for (uint32_t c = 0; c < images->channels; c++)
        for (int i = 0; i < 256; i++)
            feeder.byte_values[c][i] = ((float)i / 255.0F - recipe->mean[c]) / recipe->std[c];
    return feeder;
}

void vit158_train_feed_plan(vit158_train_feed *feed, const vit158_train_feeder *feeder,
                            vit158_arena *arena)
{
    const size_t size = vit158_train_dataset_image(feeder->images);
    const size_t n = feeder->recipe->microbatch, classes = feeder->images->classes;
    feed->bytes = vit158_arena_take(arena, 3 * size, 1);
    feed->pixels = vit158_arena_take(arena, n * size, sizeof(float));
    feed->mixed = vit158_arena_take(arena, n * size, sizeof(float));
    feed->targets = vit158_arena_take(arena, n * classes, sizeof(float));
    feed->soft_labels = vit158_arena_take(arena, n * classes, sizeof(float));
    feed->channels = vit158_arena_take(arena, feeder->net->config.dim, sizeof(float));
    feed->labels = vit158_arena_take(arena, n, sizeof(uint16_t));
    feed->order = vit158_arena_take(arena, feeder->net->tokens, sizeof(uint32_t));
}

uint64_t vit158_train_feed_epoch(const vit158_train_recipe *recipe, uint64_t epoch)
{
    const uint32_t repeat = recipe->teacher_epochs;
    return repeat > 0 ? epoch % repeat : epoch;
}

void vit158_train_feed_order(vit158_train_feeder *f, uint64_t shown)
{
    const uint64_t epoch = vit158_train_feed_epoch(f->recipe, shown);
    if (f->order_epoch == epoch)
        return;
    vit158_rng rng = vit158_rng_seed(mix_seed(f->recipe->seed, epoch, 1));
    for (uint32_t i = 0; i < f->images->count; i++)
        f->order[i] = i;
    for (uint32_t i = f->images->count; i > 1; i--) {
        const uint32_t j = vit158_rng_below(&rng, i), swap = f->order[i - 1];
        f->order[i - 1] = f->order[j];
        f->order[j] = swap;
    }
    f->order_epoch = epoch;
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

void vit158_train_feed_patches(const vit158_train_net *net, vit158_train_workspace *workspace,
                               uint32_t slot, const float *pixels)
{
    const uint32_t count = net->tokens - 1;
    for (uint32_t i = 0; i < count; i++) {
        workspace->places[(size_t)slot * count + i] = i;
        copy_patch(workspace->patches + ((size_t)slot * count + i) * workspace->patch_ld, net,
                   pixels, i);
    }
}

void vit158_train_feed_normalise(const vit158_train_feeder *f, float *out, const uint8_t *image)
{
    const size_t area = (size_t)f->images->side * f->images->side;
    for (uint32_t c = 0; c < f->images->channels; c++)
        for (size_t i = 0; i < area; i++)
            out[c * area + i] = f->byte_values[c][image[c * area + i]];
}

void vit158_train_feed_plain(const vit158_train_feeder *f, vit158_train_feed *feed,
                             vit158_train_workspace *workspace, uint32_t slot, const uint8_t *image)
{
    vit158_train_feed_normalise(f, feed->pixels, image);
    vit158_train_feed_patches(f->net, workspace, slot, feed->pixels);
}

/* `kept` different places, in order of the grid. */
static void choose_places(uint32_t *places, uint32_t *order, uint32_t count, uint32_t kept,
                          vit158_rng *rng)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = 0;
    for (uint32_t i = count - kept; i < count; i++) { /* Floyd's sampling */
        const uint32_t j = vit158_rng_below(rng, i + 1);
        order[order[j] != 0 ? i : j] = 1;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (order[i] != 0)
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

static void drop_branches(const vit158_train_feeder *f, vit158_train_workspace *workspace,
                          vit158_rng *rng)
{
    const uint32_t depth = f->net->block_count;
    for (uint32_t b = 0; b < depth; b++) {
        const float drop = f->recipe->drop_path * (float)(b + 1) / (float)depth;
        const float keep = 1.0F / (1.0F - drop);
        workspace->blocks[b].attn_factor = vit158_rng_uniform(rng) < drop ? 0.0F : keep;
        workspace->blocks[b].mlp_factor = vit158_rng_uniform(rng) < drop ? 0.0F : keep;
    }
}

/* The mixed images and their targets, which the same epoch number gives again. */
static void mix_images(const vit158_train_feeder *f, vit158_train_feed *feed,
                       const vit158_train_place *place, const vit158_train_augment *how)
{
    const uint64_t first = place->first;
    const uint32_t n = place->count;
    const size_t size = vit158_train_dataset_image(f->images);
    const uint64_t key =
        mix_seed(f->recipe->seed, vit158_train_feed_epoch(f->recipe, place->epoch), 2);
    for (uint32_t i = 0; i < n; i++) {
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 3));
        const uint32_t at = f->order[first + i];
        feed->labels[i] = f->images->labels[at];
        vit158_train_augment_image(feed->bytes, f->images->pixels + at * size, feed->bytes + size,
                                   f->images->channels, f->images->side, how, &rng);
        vit158_train_feed_normalise(f, feed->pixels + i * size, feed->bytes);
    }
    for (uint32_t i = 0; i < n; i++) {
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 4));
        const uint32_t other = (i + 1) % n;
        float *x = feed->mixed + i * size, share = 1.0F;
        memcpy(x, feed->pixels + i * size, size * sizeof *x);
        if (n > 1)
            share = vit158_train_augment_mix(x, feed->pixels + other * size, f->images->channels,
                                             f->images->side, how, &rng);
        const uint32_t a = f->images->labels[f->order[first + i]];
        const uint32_t b = f->images->labels[f->order[first + other]];
        feed->labels[i] = (uint16_t)(share >= 0.5F ? a : b);
        set_target(feed->targets + (size_t)i * f->images->classes, f->images->classes,
                   f->recipe->label_smoothing, a, b, share);
    }
}

/* `out` = x as the student sees it, moved by up to teacher_shift. */
static void move_image(const vit158_train_feeder *f, float *out, const float *x, vit158_rng *rng)
{
    const vit158_train_recipe *r = f->recipe;
    const size_t area = (size_t)f->images->side * f->images->side;
    const vit158_train_move move = vit158_train_move_random(r->teacher_shift, r->augment.flip, rng);
    for (uint32_t c = 0; c < f->images->channels; c++)
        vit158_train_move_plane(out + c * area, x + c * area, f->images->side, &move,
                                f->byte_values[c][0]);
}

void vit158_train_feed_microbatch(const vit158_train_feeder *f, vit158_train_feed *feed,
                                  vit158_train_workspace *workspace,
                                  const vit158_train_place *place)
{
    const vit158_train_recipe *r = f->recipe;
    const uint64_t first = place->first;
    const uint32_t n = place->count;
    const vit158_train_augment how = present_augment(r, place->progress);
    const size_t size = vit158_train_dataset_image(f->images);
    const uint32_t count = f->net->tokens - 1;
    uint32_t kept = place->progress < r->keep_tokens_until
                        ? (uint32_t)(r->keep_tokens * (float)count + 0.5F)
                        : count;
    kept = kept > 0 ? kept : 1;
    workspace->images = n;
    workspace->tokens = kept + 1;
    mix_images(f, feed, place, &how);
    const uint64_t key = mix_seed(r->seed, place->epoch, 2);
    for (uint32_t i = 0; i < n; i++) {
        const float *x = feed->mixed + i * size;
        uint32_t *places = workspace->places + (size_t)i * kept;
        vit158_rng rng = vit158_rng_seed(mix_seed(key, first + i, 6));
        choose_places(places, feed->order, count, kept, &rng);
        if (r->teacher_shift > 0) {
            move_image(f, feed->pixels, x, &rng);
            x = feed->pixels;
        }
        for (uint32_t k = 0; k < kept; k++)
            copy_patch(workspace->patches + ((size_t)i * kept + k) * workspace->patch_ld, f->net, x,
                       places[k]);
    }
    vit158_rng rng = vit158_rng_seed(mix_seed(key, first, 5));
    drop_branches(f, workspace, &rng);
}
