/* SPDX-License-Identifier: MIT
 *
 * Training speed on random images: images a second, and the share of processor time of each
 * operation, measured by wrapping the table of operations.
 *
 *   bench_train [--threads N] [--batch N] [--microbatch N] [--steps N] [--optimiser adamw|muon]
 *               [--weights ternary|float] [--isa NAME] [--keep SHARE] [--shares]
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"
#include "train/step.h"

#define OPERATIONS 9
static const char *const names[OPERATIONS] = {
    "product",   "pack",          "pack_trits", "trit_product",      "trit_gradient",
    "norm_rows", "norm_gradient", "attention",  "attention_gradient"};
static _Thread_local double spent[OPERATIONS];
static double total_spent[VIT158_TRAIN_MAX_WORKERS][OPERATIONS];
static vit158_train_compute inner; /* the table being measured */

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

#define TIMED(index, call)                                                                         \
    do {                                                                                           \
        const double start_ = cpu_ms();                                                            \
        call;                                                                                      \
        spent[index] += cpu_ms() - start_;                                                         \
    } while (0)

static void product(const vit158_train_product *p)
{
    TIMED(0, inner.product(p));
}
static void pack(float *panels, const float *b, size_t b_row, size_t b_col, uint32_t depth,
                 uint32_t cols)
{
    TIMED(1, inner.pack(panels, b, b_row, b_col, depth, cols));
}
static void pack_trits(vit158_train_trits *w, const int8_t *u)
{
    TIMED(2, inner.pack_trits(w, u));
}
static void trit_product(const vit158_train_trit_product *p)
{
    TIMED(3, inner.trit_product(p));
}
static void trit_gradient(const vit158_train_trit_gradient *p)
{
    TIMED(4, inner.trit_gradient(p));
}
static void norm_rows(const vit158_train_norm_rows *p)
{
    TIMED(5, inner.norm_rows(p));
}
static void norm_gradient(const vit158_train_norm_gradient *p)
{
    TIMED(6, inner.norm_gradient(p));
}
static void attention(const vit158_train_attention *p)
{
    TIMED(7, inner.attention(p));
}
static void attention_gradient(const vit158_train_attention *p)
{
    TIMED(8, inner.attention_gradient(p));
}

static vit158_train_compute timed_table(const vit158_train_compute *table)
{
    inner = *table;
    vit158_train_compute t = inner;
    t.product = product;
    t.pack = pack;
    t.pack_trits = pack_trits;
    t.trit_product = trit_product;
    t.trit_gradient = trit_gradient;
    t.norm_rows = norm_rows;
    t.norm_gradient = norm_gradient;
    t.attention = attention;
    t.attention_gradient = attention_gradient;
    return t;
}

static void collect(void *context, uint32_t task, uint32_t worker)
{
    (void)context;
    (void)task;
    memcpy(total_spent[worker], spent, sizeof spent);
}

typedef struct bench_options {
    uint32_t steps;
    const char *isa;
    int shares;
} bench_options;

static int parse(vit158_train_recipe *r, bench_options *o, int argc, char **argv)
{
    vit158_error error;
    for (int i = 1; i < argc; i++) {
        const char *key = argv[i] + (strncmp(argv[i], "--", 2) == 0 ? 2 : 0);
        if (strcmp(key, "shares") == 0) {
            o->shares = 1;
            continue;
        }
        if (i + 1 == argc) {
            fprintf(stderr, "bench_train: %s needs a value\n", argv[i]);
            return 0;
        }
        const char *value = argv[++i];
        if (strcmp(key, "steps") == 0)
            o->steps = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(key, "isa") == 0)
            o->isa = value;
        else if (vit158_train_recipe_set(r, key, value, "bench_train", &error) != VIT158_OK) {
            fprintf(stderr, "%s\n", error.message);
            return 0;
        }
    }
    return o->steps > 0;
}

static int make_images(vit158_train_dataset *data, uint32_t count, const vit158_train_net_config *c)
{
    vit158_error error;
    if (vit158_train_dataset_allocate(data, count, c->channels, c->image_size, 10, 20, &error) !=
        VIT158_OK)
        return 0;
    vit158_rng rng = vit158_rng_seed(1);
    for (size_t i = 0; i < count * vit158_train_dataset_image(data); i++)
        data->pixels[i] = (uint8_t)(vit158_rng_next(&rng) >> 56);
    for (uint32_t i = 0; i < count; i++)
        data->labels[i] = (uint16_t)vit158_rng_below(&rng, 10);
    return 1;
}

static void print_shares(vit158_trainer *t, double cpu)
{
    t->pool->run(t->pool, collect, NULL, t->recipe.threads * 64);
    for (int i = 0; i < OPERATIONS; i++) {
        double sum = 0.0;
        for (uint32_t w = 0; w < t->recipe.threads; w++)
            sum += total_spent[w][i];
        printf(",\"%s\":%.4f", names[i], sum / cpu);
    }
}

static double process_ms(void)
{
    return 1e3 * (double)clock() / CLOCKS_PER_SEC;
}

int main(int argc, char **argv)
{
    vit158_train_recipe *r = calloc(1, sizeof *r);
    bench_options o = {.steps = 10};
    vit158_error error;
    if (!r)
        return 1;
    vit158_train_recipe_defaults(r);
    r->augment.crop = 4;
    r->augment.flip = 1;
    if (!parse(r, &o, argc, argv))
        return 2;
    vit158_train_dataset images, none = {0};
    vit158_trainer *t;
    if (!make_images(&images, 4 * r->batch, &r->net) ||
        vit158_trainer_create(&t, r, &images, &none, &error) != VIT158_OK) {
        fprintf(stderr, "bench_train: cannot start\n");
        return 1;
    }
    const vit158_train_compute *chosen = vit158_train_compute_choose(o.isa);
    if (!chosen) {
        fprintf(stderr, "bench_train: no such instruction set here: %s\n", o.isa);
        return 1;
    }
    vit158_train_compute timed = timed_table(chosen);
    t->compute = t->optimiser.compute = o.shares ? &timed : chosen;
    vit158_trainer_pack(t, t->parameters);
    vit158_train_step_result result;
    double best = 0.0, start_cpu = 0.0, cpu = 0.0;
    for (uint32_t i = 0; i <= o.steps; i++) {
        if (i == 1)
            start_cpu = process_ms();
        const double start = vit158_now_ms();
        if (vit158_train_step(t, &result, &error) != VIT158_OK) {
            fprintf(stderr, "bench_train: %s\n", error.message);
            return 1;
        }
        const double speed = 1e3 * r->batch / (vit158_now_ms() - start);
        best = i > 0 && speed > best ? speed : best;
    }
    cpu = process_ms() - start_cpu;
    printf("{\"bench\":\"train\",\"isa\":\"%s\",\"threads\":%u,\"batch\":%u,\"steps\":%u,"
           "\"best_images_per_second\":%.1f,\"cpu_ms_per_image\":%.3f,\"memory_mb\":%.1f",
           chosen->name, r->threads, r->batch, o.steps, best, cpu / ((double)o.steps * r->batch),
           (double)t->memory_bytes / 1048576.0);
    if (o.shares)
        print_shares(t, cpu + cpu / o.steps);
    printf("}\n");
    vit158_trainer_close(t);
    free(r);
    return 0;
}
