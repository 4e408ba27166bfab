/* SPDX-License-Identifier: MIT */
#include "train/train_recipe.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "train/network.h"
#include "train/plain_text.h"
#include "train/slots.h"

typedef enum key_kind {
    KEY_TEXT,
    KEY_COUNT,
    KEY_REAL,
    KEY_REALS,
    KEY_SEED,
    KEY_CHOICE, /* uint32_t */
    KEY_FLAG    /* bool */
} key_kind;

typedef struct recipe_key {
    const char *name;
    key_kind kind;
    size_t offset;
    double low, high;       /* of numbers */
    const char *choices[2]; /* of a KEY_CHOICE or KEY_FLAG: words for 0 and 1 */
    const char *meaning;
} recipe_key;

#define AT(member) offsetof(vit158_train_recipe, member)
#define TEXT(member, meaning)                                                                      \
    {                                                                                              \
#member, KEY_TEXT, AT(member), 0, 0, {0 }, meaning                                         \
    }
#define COUNT(member, low, high, meaning)                                                          \
    {                                                                                              \
#member, KEY_COUNT, AT(member), low, high, {0 }, meaning                                   \
    }
#define REAL(member, low, high, meaning)                                                           \
    {                                                                                              \
#member, KEY_REAL, AT(member), low, high, {0 }, meaning                                    \
    }
#define NET(member, low, high, meaning)                                                            \
    {                                                                                              \
#member, KEY_COUNT, AT(net.member), low, high, {0 }, meaning                               \
    }

static const recipe_key keys[] = {
    TEXT(name, "name of the model"),
    TEXT(dataset, "metadata of the model file: where the images come from"),
    TEXT(licence, "metadata of the model file"),
    TEXT(train_data, "folder of class folders, CIFAR binary files (comma-separated), or IDX images "
                     "file; relative to the working directory"),
    TEXT(val_data, "the same for validation; empty = every val_every-th training image"),
    TEXT(cache_dir, "where decoded images are kept"),
    TEXT(labels, "names of the classes, separated by commas; empty = those of the data"),
    COUNT(val_every, 2, 1000, "with an empty val_data: one image in so many is for validation"),
    {"network",
     KEY_CHOICE,
     AT(net.network),
     0,
     1,
     {"vit", "conv"},
     "what is trained; conv: a convolutional teacher of 3 stages, d / 4, d / 2 and d channels wide "
     "(float weights; for teacher, not for the engine)"},
    {"weights", KEY_FLAG, AT(net.ternary), 0, 1, {"float", "ternary"}, "block matrices"},
    {"scales",
     KEY_FLAG,
     AT(net.row_scales),
     0,
     1,
     {"matrix", "output"},
     "of ternary weights: the mean magnitude of a whole matrix, or of each output's row"},
    NET(image_size, 4, 1024, "side of the images in pixels"),
    NET(patch_size, 1, 64, "side of a patch in pixels"),
    NET(channels, 1, 3, "1 or 3"),
    NET(dim, 16, 8192, "width d"),
    NET(depth, 1, 64, "blocks; of a convolutional network residual units a stage"),
    NET(heads, 1, 64, "attention heads; d / heads is a multiple of 16"),
    NET(mlp_dim, 16, 8192, "hidden width of the MLP, a multiple of 16"),
    {"outer_norms",
     KEY_FLAG,
     AT(net.outer_norms),
     0,
     1,
     {"0", "1"},
     "1 = norm1 and norm2 before BitLinear's own norms"},
    {"inner_norms", KEY_FLAG, AT(net.inner_norms), 0, 1, {"0", "1"}, "1 = BitLinear's own norms"},
    {"norm_eps", KEY_REAL, AT(net.norm_eps), 1e-8, 1e-2, {0}, "outer and final norms"},
    {"inner_norm_eps", KEY_REAL, AT(net.inner_norm_eps), 1e-8, 1e-2, {0}, "BitLinear's norms"},
    {"mean", KEY_REALS, AT(mean), 0, 1, {0}, "of pixel values in 0 .. 1, one per channel"},
    {"std", KEY_REALS, AT(std), 1e-3, 10, {0}, "one per channel"},
    REAL(epochs, 0, 100000, "length of the schedule in passes over the training images"),
    REAL(minutes, 0, 1e6, "if not 0: length of the schedule in minutes of training time instead"),
    {"clock",
     KEY_FLAG,
     AT(processor_clock),
     0,
     1,
     {"wall", "processor"},
     "what a minute of training is: on the wall, or of processor time divided by threads, which "
     "pauses and busy neighbours do not touch"},
    COUNT(batch, 1, 65536, "images a step"),
    COUNT(microbatch, 1, 64, "images a worker handles at a time; also who mixes with whom"),
    COUNT(gradient_bits, 8, 16,
          "16, or 8: ternary layers' backward products on bytes (those for weights only where the "
          "processor has AVX-512 VNNI); faster, about 1 % of noise a layer"),
    COUNT(float_bits, 16, 32,
          "32, or 16: float layers' products and Muon's on bfloat16 where the processor has "
          "AVX512_BF16; faster, sums stay float"),
    COUNT(threads, 1, 16, "worker threads"),
    {"deterministic",
     KEY_FLAG,
     AT(deterministic),
     0,
     1,
     {"0", "1"},
     "1 = bit-identical weights for the same seed and slots, whatever the number of threads"},
    COUNT(slots, 1, VIT158_TRAIN_MAX_SLOTS,
          "deterministic: sums that microbatches go to in turn and that are added up in a fixed "
          "order; at most so many threads work"),
    {"seed", KEY_SEED, AT(seed), 0, 0, {0}, "of initial values, order, augmentation"},
    {"start",
     KEY_FLAG,
     AT(mimetic),
     0,
     1,
     {"normal", "mimetic"},
     "initial values: small normal ones, or such that attention begins among neighbours"},
    {"optimiser", KEY_FLAG, AT(muon), 0, 1, {"adamw", "muon"}, "muon: AdamW for the rest"},
    {"schedule",
     KEY_FLAG,
     AT(wsd),
     0,
     1,
     {"cosine", "wsd"},
     "after the warm-up: half cosine, or constant and then linear to the end"},
    REAL(lr, 0, 10, "AdamW's peak learning rate"),
    REAL(muon_lr, 0, 10, "Muon's peak learning rate"),
    REAL(final_lr, 0, 1, "learning rate at the end, as a share of the peak"),
    REAL(weight_decay, 0, 10, "of AdamW's matrices"),
    REAL(muon_weight_decay, 0, 10, "of Muon's matrices"),
    REAL(decay_until, 0, 1, "share of the schedule after which weight decay is 0"),
    REAL(beta1, 0, 0.9999, "AdamW"),
    REAL(beta2, 0, 0.99999, "AdamW"),
    REAL(muon_beta, 0, 0.9999, "Muon's momentum"),
    COUNT(warmup_steps, 0, 1000000, "steps of linear warm-up"),
    REAL(cooldown, 0, 1, "wsd: share of the schedule in which the rate falls"),
    REAL(finish_minutes, 0, 1e6,
         "if not 0: from the checkpoint resumed, fall to the final rate "
         "within so many minutes and end (a branch of a longer run)"),
    COUNT(patience, 0, 1000,
          "if not 0: after so many validations on end without a better accuracy or loss, fall to "
          "the final rate within finish_minutes and end"),
    REAL(clip, 0, 1e6, "largest gradient norm, 0 = no limit"),
    REAL(ema, 0, 0.999999, "decay of the averaged weights, 0 = none"),
    REAL(label_smoothing, 0, 0.9, "share of the label spread over all classes"),
    TEXT(init, "model file to start from: float, latent or packed, of the same patches, width, "
               "heads and hidden width; another image size, other classes, norms and depth are "
               "fitted"),
    TEXT(teacher, "model files to learn from, separated by commas: the mean of their logits"),
    REAL(teacher_weight, 0, 1, "share of the teacher in the loss"),
    COUNT(teacher_epochs, 0, 10000,
          "if not 0: after so many epochs their augmented and mixed images come again, and what "
          "the teachers said of them is remembered (4 bytes an image and class)"),
    COUNT(teacher_shift, 0, 64,
          "if not 0: the student sees these images shifted by up to so many pixels and, with "
          "flip, half of them mirrored, anew each time"),
    TEXT(teacher_answers, "file that keeps these soft labels for resumed runs and other students"),
    REAL(hint_tokens, 0, 1000,
         "weight of hints: the difference of the blocks' outputs from those of the one teacher, "
         "who has the student's shape (hints.h)"),
    REAL(hint_attention, 0, 1000, "the same of the blocks' attention"),
    REAL(temperature, 0.1, 100, "of the teacher's and the student's logits"),
    REAL(drop_path, 0, 0.9, "chance to leave a branch of the last block out, linear in depth"),
    REAL(keep_tokens, 0.05, 1, "share of patches the network sees"),
    REAL(keep_tokens_until, 0, 1, "share of the schedule in which keep_tokens applies"),
    {"operations", KEY_COUNT, AT(augment.operations), 0, 8, {0}, "RandAugment operations"},
    {"magnitude", KEY_REAL, AT(augment.magnitude), 0, 1, {0}, "their largest strength"},
    {"autoaugment",
     KEY_REAL,
     AT(augment.autoaugment),
     0,
     1,
     {0},
     "probability of a pair of operations from AutoAugment's CIFAR-10 policy"},
    {"learn",
     KEY_FLAG,
     AT(net.head_only),
     0,
     1,
     {"all", "head"},
     "head: only the final norm and the head; all before them stays as it is"},
    {"crop_area",
     KEY_REAL,
     AT(augment.crop_area),
     0,
     1,
     {0},
     "if not 0: a random part of the image of at least this share of its area and sides in a "
     "ratio of at most 4 : 3 is enlarged to the whole"},
    {"crop", KEY_COUNT, AT(augment.crop), 0, 64, {0}, "pixels of padding before a random crop"},
    {"flip", KEY_COUNT, AT(augment.flip), 0, 1, {0}, "1 = mirror half of the images"},
    {"erase", KEY_REAL, AT(augment.erase), 0, 1, {0}, "probability of random erasing"},
    {"mix", KEY_REAL, AT(augment.mix), 0, 1, {0}, "probability of mixing two images"},
    {"cutmix", KEY_REAL, AT(augment.cutmix), 0, 1, {0}, "share of CutMix among these, else mixup"},
    {"mixup_alpha", KEY_REAL, AT(augment.mixup_alpha), 0.01, 1, {0}, "Beta distribution of mixup"},
    REAL(augment_until, 0, 1, "share of the schedule with operations, AutoAugment and erasing"),
    REAL(mix_until, 0, 1, "share of the schedule with mixing"),
    REAL(eval_minutes, 0, 1e6, "minutes between validations"),
    REAL(checkpoint_minutes, 0, 1e6, "minutes between checkpoints, always on the wall"),
};
#define KEY_COUNT_ALL (sizeof keys / sizeof keys[0])

void vit158_train_recipe_defaults(vit158_train_recipe *r)
{
    memset(r, 0, sizeof *r);
    r->val_every = 10;
    r->net = (vit158_train_net_config){.image_size = 32,
                                       .patch_size = 4,
                                       .channels = 3,
                                       .dim = 192,
                                       .depth = 6,
                                       .heads = 3,
                                       .mlp_dim = 384,
                                       .ternary = true,
                                       .outer_norms = true,
                                       .inner_norms = true,
                                       .norm_eps = 1e-6F,
                                       .inner_norm_eps = 1e-5F};
    for (int i = 0; i < 3; i++)
        r->mean[i] = r->std[i] = 0.5F;
    vit158_format(r->cache_dir, sizeof r->cache_dir, ".");
    r->epochs = 100.0F;
    r->batch = 128;
    r->microbatch = 4;
    r->threads = 2;
    r->gradient_bits = 16;
    r->float_bits = 32;
    r->slots = 8;
    r->seed = 1;
    r->muon = true;
    r->lr = 2e-3F;
    r->muon_lr = 4e-3F;
    r->weight_decay = 0.05F;
    r->muon_weight_decay = 0.2F;
    r->decay_until = 1.0F;
    r->beta1 = 0.9F;
    r->beta2 = 0.99F;
    r->muon_beta = 0.95F;
    r->warmup_steps = 300;
    r->cooldown = 0.3F;
    r->clip = 1.0F;
    r->ema = 0.999F;
    r->teacher_weight = 0.5F;
    r->temperature = 2.0F;
    r->keep_tokens = 1.0F;
    r->keep_tokens_until = 1.0F;
    r->augment_until = r->mix_until = 1.0F;
    r->augment = (vit158_train_augment){.magnitude = 1.0F, .cutmix = 0.5F, .mixup_alpha = 0.8F};
    r->eval_minutes = 5.0F;
    r->checkpoint_minutes = 4.0F;
}

static bool to_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value);
}

static vit158_status set_reals(float out[3], const char *value, const recipe_key *key,
                               const char *where, vit158_error *error)
{
    char *end = NULL;
    const char *at = value;
    for (int i = 0; i < 3; i++) {
        const double number = strtod(at, &end);
        if (end == at && i > 0 && *end == 0)
            break;
        if (end == at || !(number >= key->low && number <= key->high))
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "%s: %s = %s: 1 to 3 numbers, separated by spaces, are expected",
                               where, key->name, value);
        out[i] = (float)number;
        at = end;
    }
    return *end ? vit158_fail(error, VIT158_E_ARGUMENT, "%s: %s = %s: too many numbers", where,
                              key->name, value)
                : VIT158_OK;
}

static vit158_status set_number(char *at, const char *value, const recipe_key *key,
                                const char *where, vit158_error *error)
{
    double number;
    const bool whole = key->kind == KEY_COUNT;
    if (!to_number(value, &number) || number < key->low || number > key->high ||
        (whole && number != floor(number))) {
        char range[80];
        snprintf(range, sizeof range, "%s from %g to %g", whole ? "a whole number" : "a number",
                 key->low, key->high);
        return vit158_fail(error, VIT158_E_ARGUMENT, "%s: %s = %s is not %s", where, key->name,
                           value, range);
    }
    if (whole)
        *(uint32_t *)(void *)at = (uint32_t)number;
    else
        *(float *)(void *)at = (float)number;
    return VIT158_OK;
}

static vit158_status set_value(vit158_train_recipe *r, const recipe_key *key, const char *value,
                               const char *where, vit158_error *error)
{
    char *at = (char *)r + key->offset;
    switch (key->kind) {
    case KEY_TEXT:
        if (strlen(value) >= VIT158_TRAIN_RECIPE_TEXT)
            return vit158_fail(error, VIT158_E_ARGUMENT, "%s: %s is longer than %d bytes", where,
                               key->name, VIT158_TRAIN_RECIPE_TEXT - 1);
        vit158_format(at, VIT158_TRAIN_RECIPE_TEXT, "%s", value);
        return VIT158_OK;
    case KEY_SEED: {
        char *end;
        const unsigned long long seed = strtoull(value, &end, 10);
        if (end == value || *end || value[0] == '-')
            return vit158_fail(error, VIT158_E_ARGUMENT, "%s: %s = %s is not a whole number", where,
                               key->name, value);
        r->seed = seed;
        return VIT158_OK;
    }
    case KEY_CHOICE:
    case KEY_FLAG:
        for (uint32_t i = 0; i < 2; i++) {
            if (strcmp(value, key->choices[i]) != 0)
                continue;
            if (key->kind == KEY_FLAG)
                *(bool *)(void *)at = i == 1;
            else
                *(uint32_t *)(void *)at = i;
            return VIT158_OK;
        }
        return vit158_fail(error, VIT158_E_ARGUMENT, "%s: %s = %s, must be %s or %s", where,
                           key->name, value, key->choices[0], key->choices[1]);
    case KEY_REALS:
        return set_reals((float *)(void *)at, value, key, where, error);
    default:
        return set_number(at, value, key, where, error);
    }
}

vit158_status vit158_train_recipe_set(vit158_train_recipe *recipe, const char *key,
                                      const char *value, const char *where, vit158_error *error)
{
    for (size_t i = 0; i < KEY_COUNT_ALL; i++)
        if (strcmp(key, keys[i].name) == 0)
            return set_value(recipe, &keys[i], value, where, error);
    return vit158_fail(error, VIT158_E_ARGUMENT,
                       "%s: unknown key \"%s\" (vit158 train --keys lists them)", where, key);
}

/* Copies [from, to) without white space around it. */
static bool trim(char *out, size_t capacity, const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    if ((size_t)(to - from) >= capacity)
        return false;
    memcpy(out, from, (size_t)(to - from));
    out[to - from] = 0;
    return true;
}

static const recipe_key *find(const char *name, size_t *index)
{
    for (*index = 0; *index < KEY_COUNT_ALL; (*index)++)
        if (strcmp(name, keys[*index].name) == 0)
            return &keys[*index];
    return NULL;
}

vit158_status vit158_train_recipe_parse(vit158_train_recipe *recipe, const char *text,
                                        const char *name, vit158_error *error)
{
    bool seen[KEY_COUNT_ALL] = {false};
    char where[120], key[64], value[2 * VIT158_TRAIN_RECIPE_TEXT];
    uint32_t number = 0;
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        const char *next = *end ? end + 1 : end;
        vit158_format(where, sizeof where, "%s:%u", name, ++number);
        const char *hash = memchr(text, '#', (size_t)(end - text));
        const char *stop = hash != NULL ? hash : end;
        const char *equals = memchr(text, '=', (size_t)(stop - text));
        if (equals == NULL) {
            if (!trim(value, sizeof value, text, stop) || value[0])
                return vit158_fail(error, VIT158_E_FORMAT, "%s: expected \"key = value\"", where);
            text = next;
            continue;
        }
        if (!trim(key, sizeof key, text, equals) || !trim(value, sizeof value, equals + 1, stop))
            return vit158_fail(error, VIT158_E_FORMAT, "%s: the line is too long", where);
        size_t index;
        if (find(key, &index) != NULL && seen[index])
            return vit158_fail(error, VIT158_E_FORMAT, "%s: %s is set twice", where, key);
        VIT158_RETURN_IF_ERROR(vit158_train_recipe_set(recipe, key, value, where, error));
        seen[index] = true;
        text = next;
    }
    return VIT158_OK;
}

vit158_status vit158_train_recipe_check(const vit158_train_recipe *r, vit158_error *error)
{
    if (!r->train_data[0])
        return vit158_fail(error, VIT158_E_ARGUMENT, "the recipe has no train_data");
    if (!(r->epochs > 0.0F) && !(r->minutes > 0.0F))
        return vit158_fail(error, VIT158_E_ARGUMENT, "epochs and minutes are both 0");
    VIT158_RETURN_IF_ERROR(vit158_train_check_text("the recipe's name", r->name, error));
    VIT158_RETURN_IF_ERROR(vit158_train_check_text("the recipe's dataset", r->dataset, error));
    VIT158_RETURN_IF_ERROR(vit158_train_check_text("the recipe's licence", r->licence, error));
    VIT158_RETURN_IF_ERROR(vit158_train_check_text("the recipe's labels", r->labels, error));
    if (r->batch % r->microbatch)
        return vit158_fail(error, VIT158_E_ARGUMENT, "batch %u is no multiple of microbatch %u",
                           r->batch, r->microbatch);
    if (r->gradient_bits != 8 && r->gradient_bits != 16)
        return vit158_fail(error, VIT158_E_ARGUMENT, "gradient_bits is %u, must be 8 or 16",
                           r->gradient_bits);
    if (r->float_bits != 16 && r->float_bits != 32)
        return vit158_fail(error, VIT158_E_ARGUMENT, "float_bits is %u, must be 16 or 32",
                           r->float_bits);
    if (!vit158_train_network_of(&r->net)->takes_any_patches &&
        (r->mimetic || r->keep_tokens < 1.0F))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "a convolutional network starts normal and sees all patches");
    if (r->teacher_epochs && !r->teacher[0])
        return vit158_fail(error, VIT158_E_ARGUMENT, "teacher_epochs is %u without a teacher",
                           r->teacher_epochs);
    if (vit158_train_hinted(r) && (r->teacher[0] == 0 || strchr(r->teacher, ',') != NULL ||
                                   r->teacher_epochs > 0 || r->net.network != VIT158_TRAIN_VIT))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "hints come from one teacher, with teacher_epochs 0, to a transformer");
    if (r->teacher_answers[0] != 0 && r->teacher_epochs == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "teacher_answers without teacher_epochs");
    if (r->teacher_shift != 0 && r->teacher_epochs == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "teacher_shift is %u without teacher_epochs",
                           r->teacher_shift);
    if (r->patience > 0 && !(r->finish_minutes > 0.0F))
        return vit158_fail(error, VIT158_E_ARGUMENT, "patience is %u without finish_minutes",
                           r->patience);
    if (r->deterministic && (r->minutes > 0.0F || r->finish_minutes > 0.0F))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "deterministic runs take their schedule from epochs, not from minutes");
    return VIT158_OK;
}

void vit158_train_recipe_print(const vit158_train_recipe *r, FILE *out)
{
    for (size_t i = 0; i < KEY_COUNT_ALL; i++) {
        const recipe_key *k = &keys[i];
        const void *at = (const char *)r + k->offset;
        const float *real = at;
        fprintf(out, "%s = ", k->name);
        if (k->kind == KEY_TEXT)
            fprintf(out, "%s", (const char *)at);
        else if (k->kind == KEY_SEED)
            fprintf(out, "%llu", (unsigned long long)r->seed);
        else if (k->kind == KEY_FLAG)
            fprintf(out, "%s", k->choices[*(const bool *)at]);
        else if (k->kind == KEY_CHOICE)
            fprintf(out, "%s", k->choices[*(const uint32_t *)at]);
        else if (k->kind == KEY_COUNT)
            fprintf(out, "%u", *(const uint32_t *)at);
        else if (k->kind == KEY_REALS)
            fprintf(out, "%.6g %.6g %.6g", (double)real[0], (double)real[1], (double)real[2]);
        else
            fprintf(out, "%.6g", (double)*real);
        fprintf(out, "  # %s\n", k->meaning);
    }
}
