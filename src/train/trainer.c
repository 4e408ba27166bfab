/* SPDX-License-Identifier: MIT */
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/network.h"

static void plan(vit158_trainer *t, vit158_arena *arena)
{
    const size_t count = t->net.parameters;
    t->parameters = vit158_arena_take(arena, count, sizeof(float));
    t->average = vit158_arena_take(arena, count, sizeof(float));
    t->optimiser.m = vit158_arena_take(arena, count, sizeof(float));
    t->optimiser.v = vit158_arena_take(arena, count, sizeof(float));
    t->partial = vit158_arena_take(arena, vit158_train_gradient_chunks(&t->net), sizeof(double));
    t->feeder.order = vit158_arena_take(arena, t->train.count, sizeof(uint32_t));
    vit158_train_packed_plan(&t->packed, &t->net, t->recipe.gradient_bits, arena);
    vit158_train_slots_plan(&t->slots, arena);
    for (uint32_t w = 0; w < t->recipe.threads; w++) {
        vit158_train_workspace_plan(&t->workspace[w], &t->net, t->recipe.microbatch, true, arena);
        t->workspace[w].gradient = /* until a step */
            t->slots.slot[t->slots.first + w % t->slots.held].gradient;
        vit158_train_feed_plan(&t->feed[w], &t->feeder, arena);
        t->optimiser.scratch[w] =
            vit158_arena_take(arena, vit158_train_muon_scratch(&t->net), sizeof(float));
    }
}

static vit158_status check_data(const vit158_trainer *t, vit158_error *error)
{
    const vit158_train_net_config *c = &t->net.config;
    if (t->train.side != c->image_size || t->train.channels != c->channels)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "training images have %u channels and %u pixels a side, the recipe "
                           "says %u and %u",
                           t->train.channels, t->train.side, c->channels, c->image_size);
    if (t->train.count < t->recipe.batch)
        return vit158_fail(error, VIT158_E_ARGUMENT, "%u training images are less than a batch",
                           t->train.count);
    if (t->val.count > 0 && (t->val.side != t->train.side || t->val.channels != t->train.channels ||
                             t->val.classes != t->train.classes))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "validation images differ from training images in shape or classes");
    const uint32_t most = t->net.network->most_rows;
    if (most > 0 && t->recipe.microbatch * t->net.tokens > most)
        return vit158_fail(error, VIT158_E_LIMIT,
                           "microbatch %u times %u tokens is more than %u rows",
                           t->recipe.microbatch, t->net.tokens, most);
    return VIT158_OK;
}

static vit158_status allocate(vit158_trainer *t, vit158_error *error)
{
    vit158_arena arena = {0};
    plan(t, &arena);
    if (arena.overflow)
        return vit158_fail(error, VIT158_E_LIMIT, "the run needs more memory than can be counted");
    t->memory_bytes = arena.used;
    t->block = aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (t->block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a run of %zu bytes", arena.used);
    memset(t->block, 0, arena.used);
    arena = vit158_arena_over(t->block, arena.used);
    plan(t, &arena);
    return VIT158_OK;
}

static vit158_status build(vit158_trainer *t, vit158_error *error)
{
    vit158_train_net_config config = t->recipe.net;
    config.classes = t->train.classes;
    VIT158_RETURN_IF_ERROR(vit158_train_net_create(&t->net, &config, error));
    VIT158_RETURN_IF_ERROR(check_data(t, error));
    t->compute = vit158_train_compute_choose(NULL);
    t->optimiser.net = &t->net;
    t->half = t->recipe.float_bits == 16 && t->compute->half_product != NULL;
    t->optimiser.compute = t->compute;
    t->optimiser.half = t->half;
    t->optimiser.muon = t->recipe.muon;
    t->feeder = vit158_train_feeder_over(&t->recipe, &t->net, &t->train);
    const vit158_train_recipe *r = &t->recipe;
    VIT158_RETURN_IF_ERROR(vit158_train_slots_share(&t->slots, r->deterministic,
                                                    r->deterministic ? r->slots : r->threads,
                                                    t->net.parameters, error));
    VIT158_RETURN_IF_ERROR(allocate(t, error));
    t->pool = vit158_thread_pool_start(&t->threads, t->recipe.threads);
    vit158_train_net_initialise(&t->net, t->parameters, t->recipe.seed);
    if (t->recipe.mimetic)
        vit158_train_net_mimetic(&t->net, t->parameters);
    memcpy(t->average, t->parameters, t->net.parameters * sizeof(float));
    t->state = (vit158_train_state){.finish_start = -1.0, .best = -1.0};
    return VIT158_OK;
}

vit158_status vit158_trainer_create(vit158_trainer **out, const vit158_train_recipe *recipe,
                                    vit158_train_dataset *train, vit158_train_dataset *val,
                                    vit158_error *error)
{
    *out = NULL;
    vit158_trainer *t = calloc(1, sizeof *t);
    if (t == NULL) {
        vit158_train_dataset_free(train);
        vit158_train_dataset_free(val);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a run");
    }
    t->recipe = *recipe;
    t->train = *train;
    t->val = *val;
    memset(train, 0, sizeof *train);
    memset(val, 0, sizeof *val);
    const vit158_status status = build(t, error);
    if (status != VIT158_OK) {
        vit158_trainer_close(t);
        return status;
    }
    vit158_trainer_pack(t, t->parameters);
    *out = t;
    return VIT158_OK;
}

void vit158_trainer_close(vit158_trainer *t)
{
    if (t == NULL)
        return;
    if (t->pool != NULL)
        vit158_thread_pool_stop(&t->threads);
    vit158_train_soft_labels_close(t->soft_labels);
    vit158_train_teachers_close(t->teachers);
    vit158_train_net_free(&t->net);
    vit158_train_dataset_free(&t->train);
    vit158_train_dataset_free(&t->val);
    free(t->block);
    free(t);
}

vit158_status vit158_trainer_teach(vit158_trainer *t, const char *paths, vit158_error *error)
{
    const vit158_train_student student = {.recipe = &t->recipe,
                                          .net = &t->net,
                                          .images = &t->train,
                                          .compute = t->compute,
                                          .half = t->half};
    VIT158_RETURN_IF_ERROR(vit158_train_teachers_open(&t->teachers, &student, paths, error));
    return vit158_train_soft_labels_open(&t->soft_labels, t->teachers, error);
}

static void pack_task(void *context, uint32_t task, uint32_t worker)
{
    (void)worker;
    vit158_trainer *t = context;
    vit158_train_packed_make(&t->packed, &t->net, t->compute, task);
}

void vit158_trainer_pack(vit158_trainer *t, const float *parameters)
{
    t->packed.parameters = parameters;
    t->pool->run(t->pool, pack_task, t, vit158_train_packed_tasks(&t->net));
}
