/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/writer.h"
#include "train/network.h"
#include "train/plain_text.h"
#include "train/tensors_read.h"

#define PARTS 4
static const char *const prefixes[PARTS] = {"", "ema.", "m.", "v."};
#define MAX_LONG_NAME (VIT158_TRAIN_MAX_NAME + 8)

/* Shape as timm has it. */
static vit158_tensor_view view_of(const vit158_train_net *net, const vit158_train_tensor *t,
                                  const char *name, const float *data)
{
    const uint32_t p = net->config.patch_size;
    vit158_tensor_view v = {.name = name, .dtype = VIT158_DTYPE_F32, .data = data};
    if (t->offset == net->patch_weight) {
        v.rank = 4;
        v.shape[0] = t->rows;
        v.shape[1] = net->config.channels;
        v.shape[2] = v.shape[3] = p;
    } else if (t->offset == net->cls || t->offset == net->pos) {
        v.rank = 3;
        v.shape[0] = 1;
        v.shape[1] = t->rows;
        v.shape[2] = t->cols;
    } else if (t->rows == 1) {
        v.rank = 1;
        v.shape[0] = t->cols;
    } else {
        v.rank = 2;
        v.shape[0] = t->rows;
        v.shape[1] = t->cols;
    }
    return v;
}

#define CHECKPOINT_VERSION "1"
#define STATE_KEYS 7

/* State numbers as text; doubles by their bits, so that a resumed run continues exactly. */
typedef struct state_text {
    char values[STATE_KEYS][24];
    char slots[24];
    vit158_metadata_pair pairs[STATE_KEYS + 2];
} state_text;

static uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double bits_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static const char *const state_keys[STATE_KEYS] = {"step",    "epoch",        "position", "images",
                                                   "seconds", "finish_start", "best"};

static void state_numbers(const vit158_train_state *s, uint64_t out[STATE_KEYS])
{
    const uint64_t all[STATE_KEYS] = {s->step,
                                      s->epoch,
                                      s->position,
                                      s->images,
                                      double_bits(s->seconds),
                                      double_bits(s->finish_start),
                                      double_bits(s->best)};
    memcpy(out, all, sizeof all);
}

static void state_from_numbers(vit158_train_state *s, const uint64_t in[STATE_KEYS])
{
    *s = (vit158_train_state){.step = in[0],
                              .epoch = in[1],
                              .position = in[2],
                              .images = in[3],
                              .seconds = bits_double(in[4]),
                              .finish_start = bits_double(in[5]),
                              .best = bits_double(in[6])};
}

vit158_status vit158_train_checkpoint_save(const vit158_trainer *t, const char *path,
                                           vit158_error *error)
{
    const uint32_t count = t->net.tensor_count;
    vit158_tensor_view *views = calloc((size_t)PARTS * count, sizeof *views);
    char(*names)[MAX_LONG_NAME] = calloc((size_t)PARTS * count, sizeof *names);
    if (views == NULL || names == NULL) {
        free(views);
        free(names);
        return vit158_fail(error, VIT158_E_MEMORY, "no memory to write a checkpoint");
    }
    const float *parts[PARTS] = {t->parameters, t->average, t->optimiser.m, t->optimiser.v};
    for (uint32_t p = 0; p < PARTS; p++)
        for (uint32_t i = 0; i < count; i++) {
            const vit158_train_tensor *tensor = &t->net.tensors[i];
            char *name = names[p * count + i];
            vit158_format(name, MAX_LONG_NAME, "%s%s", prefixes[p], tensor->name);
            views[p * count + i] = view_of(&t->net, tensor, name, parts[p] + tensor->offset);
        }
    uint64_t numbers[STATE_KEYS];
    state_text text;
    state_numbers(&t->state, numbers);
    for (int i = 0; i < STATE_KEYS; i++) {
        vit158_format(text.values[i], sizeof text.values[i], "%llu",
                      (unsigned long long)numbers[i]);
        text.pairs[i] = (vit158_metadata_pair){state_keys[i], text.values[i]};
    }
    text.pairs[STATE_KEYS] = (vit158_metadata_pair){"checkpoint_version", CHECKPOINT_VERSION};
    vit158_format(text.slots, sizeof text.slots, "%u", t->recipe.slots);
    text.pairs[STATE_KEYS + 1] = (vit158_metadata_pair){"slots", text.slots};
    const vit158_contents contents = {views, (size_t)PARTS * count, text.pairs, STATE_KEYS + 2};
    const vit158_status status = vit158_safetensors_write(path, &contents, NULL, NULL, error);
    free(views);
    free(names);
    return status;
}

/* Digits only, all of them within 64 bits: strtoull alone would take signs and spaces too. */
static bool read_number(uint64_t *out, const char *text)
{
    if (text == NULL || text[0] == 0 || text[strspn(text, "0123456789")] != 0)
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

/* What no run can have reached; sums of these stay exact in a double. */
#define MOST_COUNT (UINT64_C(1) << 50)
#define MOST_SECONDS 1e10

static bool is_plausible(const vit158_train_state *s, uint32_t key)
{
    switch (key) {
    case 0:
        return s->step <= MOST_COUNT;
    case 1:
        return s->epoch <= s->step; /* each has a step or more */
    case 2:
        return s->position <= MOST_COUNT;
    case 3:
        return s->images >= s->step && s->images <= MOST_COUNT;
    case 4:
        return s->seconds >= 0.0 && s->seconds <= MOST_SECONDS;
    case 5:
        return s->finish_start == -1.0 || (s->finish_start >= 0.0 && s->finish_start <= s->seconds);
    default:
        return s->best == -1.0 || (s->best >= 0.0 && s->best <= 1.0);
    }
}

/* A deterministic run goes on with the sums that it began with. Older checkpoints do not say. */
static vit158_status check_slots(const vit158_trainer *t, const char *slots, vit158_error *error)
{
    uint64_t number;
    if (!t->recipe.deterministic || slots == NULL)
        return VIT158_OK;
    if (!read_number(&number, slots))
        return vit158_fail(error, VIT158_E_METADATA, "the checkpoint has no valid \"slots\"");
    return number == t->recipe.slots
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_ARGUMENT,
                             "the checkpoint is of a run with %llu slots, the recipe says %u",
                             (unsigned long long)number, t->recipe.slots);
}

static vit158_status read_state(vit158_trainer *t, const vit158_header *header, vit158_error *error)
{
    const char *version = vit158_header_metadata(header, "checkpoint_version");
    if (version == NULL)
        return vit158_fail(error, VIT158_E_FORMAT,
                           "this is no checkpoint of `vit158 train` (to start from a model, name "
                           "it with --init)");
    if (strcmp(version, CHECKPOINT_VERSION) != 0)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "checkpoint version %s is not read here, only %s", version,
                           CHECKPOINT_VERSION);
    vit158_train_state state;
    uint64_t numbers[STATE_KEYS] = {0};
    bool written[STATE_KEYS];
    for (uint32_t i = 0; i < STATE_KEYS; i++)
        written[i] = read_number(&numbers[i], vit158_header_metadata(header, state_keys[i]));
    state_from_numbers(&state, numbers);
    for (uint32_t i = 0; i < STATE_KEYS; i++) {
        if (!written[i] || !is_plausible(&state, i))
            return vit158_fail(error, VIT158_E_METADATA, "the checkpoint has no valid \"%s\"",
                               state_keys[i]);
    }
    if (state.position > t->train.count)
        return vit158_fail(error, VIT158_E_METADATA,
                           "the checkpoint stands at image %llu of %u: other training data",
                           (unsigned long long)state.position, t->train.count);
    VIT158_RETURN_IF_ERROR(check_slots(t, vit158_header_metadata(header, "slots"), error));
    t->state = state;
    return VIT158_OK;
}

/* Means of squares. */
static vit158_status check_squares(const vit158_trainer *t, vit158_error *error)
{
    for (size_t i = 0; i < t->net.parameters; i++) {
        if (t->optimiser.v[i] < 0.0F)
            return vit158_fail(error, VIT158_E_VALUE,
                               "the checkpoint has a negative mean of squares");
    }
    return VIT158_OK;
}

vit158_status vit158_train_checkpoint_load(vit158_trainer *t, const char *path, vit158_error *error)
{
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    float *parts[PARTS] = {t->parameters, t->average, t->optimiser.m, t->optimiser.v};
    vit158_status status = read_state(t, vit158_safetensors_header(file), error);
    for (int p = 0; p < PARTS && status == VIT158_OK; p++)
        status = vit158_train_tensors_read(parts[p], &t->net, file, prefixes[p], error);
    vit158_safetensors_close(file);
    if (status == VIT158_OK)
        status = check_squares(t, error);
    if (status == VIT158_OK)
        vit158_trainer_pack(t, t->parameters);
    return status;
}

#define MAX_PAIRS 32
typedef struct model_text {
    char numbers[MAX_PAIRS][96];
    vit158_metadata_pair pairs[MAX_PAIRS];
    uint32_t count;
} model_text;

static void add_text(model_text *m, const char *key, const char *value)
{
    m->pairs[m->count++] = (vit158_metadata_pair){key, value};
}

static char *next_number(model_text *m)
{
    return m->numbers[m->count];
}

static void add_count(model_text *m, const char *key, uint32_t value)
{
    char *text = next_number(m);
    snprintf(text, sizeof m->numbers[0], "%u", value);
    add_text(m, key, text);
}

static void add_reals(model_text *m, const char *key, const float *values, uint32_t count)
{
    char *text = next_number(m);
    int used = 0;
    for (uint32_t i = 0; i < count; i++) {
        char shortest[24];
        int digits = 6; /* the fewest that read back as the same float */
        do
            snprintf(shortest, sizeof shortest, "%.*g", digits, (double)values[i]);
        while (strtof(shortest, NULL) != values[i] && digits++ < 9);
        used += snprintf(text + used, sizeof m->numbers[0] - (size_t)used, "%s%s", i ? "," : "",
                         shortest);
    }
    add_text(m, key, text);
}

/* Class names as a JSON array. */
static char *labels_json(const vit158_train_dataset *data)
{
    char *json = malloc(2 * (size_t)data->name_bytes + (size_t)data->classes * 4 + 4);
    if (json == NULL)
        return NULL;
    char *to = json;
    *to++ = '[';
    for (uint32_t c = 0; c < data->classes; c++) {
        if (c)
            *to++ = ',';
        to += vit158_train_json_text(to, vit158_train_dataset_name(data, c));
    }
    *to++ = ']';
    *to = 0;
    return json;
}

static void describe(model_text *m, const vit158_trainer *t, const char *labels, double accuracy)
{
    const vit158_train_net_config *c = &t->net.config;
    const vit158_train_network *network = t->net.network;
    add_text(m, "format", network->is_model ? "vit158" : "vit158-teacher");
    const bool uneven = network->is_model && vit158_train_is_uneven(c);
    add_text(m, "format_version", uneven ? "2" : "1");
    add_count(m, "image_size", c->image_size);
    add_count(m, "patch_size", c->patch_size);
    add_count(m, "channels", c->channels);
    add_count(m, "dim", c->dim);
    add_count(m, "depth", c->depth);
    if (network->is_model) {
        add_count(m, "heads", c->heads);
        add_count(m, "mlp_dim", c->mlp_dim);
        if (uneven)
            add_count(m, "head_dim", vit158_train_head_dim(c));
        add_text(m, "pooling", "cls");
    } else {
        add_text(m, "network", network->name);
    }
    add_count(m, "classes", c->classes);
    add_text(m, "weights", c->ternary ? "ternary" : "float");
    add_reals(m, "norm_eps", &c->norm_eps, 1);
    add_reals(m, "inner_norm_eps", &c->inner_norm_eps, 1);
    add_text(m, "labels", labels);
    add_count(m, "resize", c->image_size);
    add_text(m, "interpolation", "bicubic");
    add_text(m, "crop_pct", "1.0");
    add_reals(m, "mean", t->recipe.mean, c->channels);
    add_reals(m, "std", t->recipe.std, c->channels);
    if (t->recipe.name[0])
        add_text(m, "recipe", t->recipe.name);
    if (t->recipe.dataset[0])
        add_text(m, "dataset", t->recipe.dataset);
    if (t->recipe.licence[0])
        add_text(m, "license", t->recipe.licence);
    const float percent = (float)(100.0 * accuracy);
    add_reals(m, "val_accuracy", &percent, 1);
    char *images = next_number(m);
    snprintf(images, sizeof m->numbers[0], "%" PRIu64, t->state.images);
    add_text(m, "images_seen", images);
}

/* Latent weights mean codes by one absmean scale a matrix where inner norms say so (FORMAT.md);
 * other ternary networks are written as what they compute with: scale times code. */
static vit158_status make_effective(float *copy, const vit158_trainer *t, const float *parameters,
                                    vit158_error *error)
{
    const vit158_train_net *net = &t->net;
    size_t most = 0, widest = 0;
    for (uint32_t i = 0; i < net->tensor_count; i++) {
        const size_t count = (size_t)net->tensors[i].rows * net->tensors[i].cols;
        most = count > most ? count : most;
        widest = net->tensors[i].rows > widest ? net->tensors[i].rows : widest;
    }
    int8_t *codes = malloc(most);
    float *scales = malloc(widest * sizeof *scales);
    vit158_status status = VIT158_OK;
    if (codes == NULL || scales == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory to write a model");
    memcpy(copy, parameters, net->parameters * sizeof *copy);
    for (uint32_t i = 0; i < net->block_count * VIT158_BLOCK_LINEARS && status == VIT158_OK; i++) {
        const vit158_train_layer *l =
            &net->blocks[i / VIT158_BLOCK_LINEARS].layers[i % VIT158_BLOCK_LINEARS];
        float *w = copy + l->weight;
        vit158_train_ternarize(codes, scales, w, l, net->config.row_scales);
        for (size_t k = 0; k < (size_t)l->n_out * l->n_in; k++)
            w[k] = scales[k / l->n_in] * (float)codes[k];
    }
    free(codes);
    free(scales);
    return status;
}

vit158_status vit158_train_model_save(const vit158_trainer *t, const float *parameters,
                                      double accuracy, const char *path, vit158_error *error)
{
    char *labels = labels_json(&t->train);
    vit158_tensor_view *views = calloc(t->net.tensor_count, sizeof *views);
    model_text *text = calloc(1, sizeof *text);
    const vit158_train_net_config *c = &t->net.config;
    const bool effective = c->ternary && (c->row_scales || !c->inner_norms);
    float *copy = effective ? malloc(t->net.parameters * sizeof *copy) : NULL;
    vit158_status status = VIT158_OK;
    if (labels != NULL && views != NULL && text != NULL && (copy != NULL || !effective)) {
        if (effective)
            status = make_effective(copy, t, parameters, error);
        parameters = effective ? copy : parameters;
        describe(text, t, labels, accuracy);
        for (uint32_t i = 0; i < t->net.tensor_count; i++) {
            const vit158_train_tensor *tensor = &t->net.tensors[i];
            views[i] = view_of(&t->net, tensor, tensor->name, parameters + tensor->offset);
        }
        const vit158_contents contents = {views, t->net.tensor_count, text->pairs, text->count};
        if (status == VIT158_OK)
            status = vit158_safetensors_write(path, &contents, NULL, NULL, error);
    } else {
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory to write a model");
    }
    free(copy);
    free(text);
    free(views);
    free(labels);
    return status;
}
