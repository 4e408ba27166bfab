/* SPDX-License-Identifier: MIT */
#include "train/teacher.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/json_in.h"
#include "model/metadata.h"
#include "model/safetensors.h"
#include "train/checkpoint.h"

#define MOST 65536U /* of any count in the metadata */

static vit158_status read_count(uint32_t *out, const vit158_header *header, const char *key,
                                vit158_error *error)
{
    *out = 0;
    VIT158_RETURN_IF_ERROR(vit158_metadata_count(out, header, key, MOST, error));
    if (!*out)
        return vit158_fail(error, VIT158_E_METADATA, "the teacher's metadata has no %s", key);
    return VIT158_OK;
}

static vit158_status read_config(vit158_train_net_config *c, const vit158_safetensors *file,
                                 vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    VIT158_RETURN_IF_ERROR(read_count(&c->image_size, header, "image_size", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->patch_size, header, "patch_size", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->channels, header, "channels", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->dim, header, "dim", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->depth, header, "depth", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->classes, header, "classes", error));
    VIT158_RETURN_IF_ERROR(vit158_metadata_eps(&c->norm_eps, 1e-6, header, "norm_eps", error));
    const char *network = vit158_header_metadata(header, "network");
    c->conv = network && strcmp(network, "conv") == 0;
    if (c->conv)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(read_count(&c->heads, header, "heads", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->mlp_dim, header, "mlp_dim", error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_eps(&c->inner_norm_eps, 1e-5, header, "inner_norm_eps", error));
    c->outer_norms = vit158_safetensors_find(file, "blocks.0.norm1.weight") != NULL;
    c->inner_norms = vit158_safetensors_find(file, "blocks.0.attn.qkv.norm.weight") != NULL;
    const char *weights = vit158_header_metadata(header, "weights");
    c->ternary = c->inner_norms && !(weights && strcmp(weights, "float") == 0);
    return VIT158_OK;
}

/* Teacher and student see the same numbers: what one takes from the pixels the other must take. */
static vit158_status check_pixels(const vit158_trainer *t, const vit158_header *header,
                                  vit158_error *error)
{
    const struct {
        const char *key;
        const float *own;
    } values[] = {{"mean", t->recipe.mean}, {"std", t->recipe.std}};
    for (int i = 0; i < 2; i++) {
        float its[3];
        const uint32_t channels = t->train.channels;
        VIT158_RETURN_IF_ERROR(
            vit158_metadata_numbers(its, channels, header, values[i].key, -100.0, 100.0, error));
        if (memcmp(its, values[i].own, channels * sizeof *its) != 0)
            return vit158_fail(error, VIT158_E_ARGUMENT,
                               "the teacher was trained with another %s than the recipe's: %s",
                               values[i].key, vit158_header_metadata(header, values[i].key));
    }
    return VIT158_OK;
}

static bool next_label(char *label, vit158_json_in *in)
{
    vit158_json_string text;
    if (!vit158_json_in_next(in, ']') || !vit158_json_in_text(in, &text))
        return false;
    vit158_json_string_decode(label, &text);
    return true;
}

vit158_status vit158_train_labels_check(const vit158_train_dataset *data,
                                        const vit158_header *header, vit158_error *error)
{
    const char *json = vit158_header_metadata(header, "labels");
    if (!json)
        return VIT158_OK;
    const size_t n_bytes = strlen(json);
    char *label = malloc(n_bytes + 1);
    if (!label)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher's labels");
    vit158_json_in in = vit158_json_in_over(json, n_bytes);
    vit158_json_in_enter(&in, '[');
    vit158_status status = VIT158_OK;
    for (uint32_t c = 0; c < data->classes && status == VIT158_OK; c++) {
        const char *own = vit158_train_dataset_name(data, c);
        if (!next_label(label, &in))
            status =
                vit158_fail(error, VIT158_E_METADATA, "the teacher's labels end at class %u", c);
        else if (strcmp(label, own) != 0)
            status = vit158_fail(error, VIT158_E_ARGUMENT,
                                 "class %u is \"%s\" to the teacher and \"%s\" in the data", c,
                                 label, own);
    }
    free(label);
    return status;
}

/* What the student is to learn from every block. */
static void keep_blocks(vit158_train_work *work, const vit158_train_net *net, uint32_t images,
                        vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t padded = vit158_train_round_up(net->tokens, 16);
    for (uint32_t b = 1; b < net->block_count; b++) {
        const uint32_t queries = b + 1 == c->depth ? 1 : net->tokens;
        float *x = vit158_train_take_rows(arena, (size_t)images * net->tokens, c->dim);
        float *p = vit158_train_take_rows(arena, (size_t)images * c->heads * queries, padded);
        if (work->blocks != NULL) {
            work->blocks[b].x = x;
            work->blocks[b].p = p;
        }
    }
}

static void plan(vit158_train_teacher *teacher, const vit158_trainer *t, vit158_arena *arena)
{
    teacher->parameters = vit158_arena_take(arena, teacher->net.parameters, sizeof(float));
    vit158_train_ready_plan(&teacher->ready, &teacher->net, 16, arena);
    for (uint32_t w = 0; w < t->recipe.threads; w++) {
        vit158_train_work_plan(&teacher->work[w], &teacher->net, t->recipe.microbatch, false,
                               arena);
        if (vit158_train_hinted(&t->recipe))
            keep_blocks(&teacher->work[w], &teacher->net, t->recipe.microbatch, arena);
    }
}

static vit158_status read_teacher(vit158_train_teacher *teacher, const vit158_trainer *t,
                                  const vit158_safetensors *file, vit158_error *error)
{
    vit158_train_net_config config = {0};
    VIT158_RETURN_IF_ERROR(read_config(&config, file, error));
    const vit158_train_net_config *own = &t->net.config;
    if (config.image_size != own->image_size || config.channels != own->channels ||
        config.classes != own->classes)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the teacher takes %u channels of %u pixels into %u classes, the "
                           "student %u of %u into %u",
                           config.channels, config.image_size, config.classes, own->channels,
                           own->image_size, own->classes);
    if (vit158_train_hinted(&t->recipe) &&
        (config.conv || config.depth != own->depth || config.dim != own->dim ||
         config.heads != own->heads || config.patch_size != own->patch_size))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "hints need a teacher of the student's depth, width, heads and patches");
    const vit158_header *header = vit158_safetensors_header(file);
    VIT158_RETURN_IF_ERROR(check_pixels(t, header, error));
    VIT158_RETURN_IF_ERROR(vit158_train_labels_check(&t->train, header, error));
    VIT158_RETURN_IF_ERROR(vit158_train_net_create(&teacher->net, &config, error));
    if (!config.conv && t->recipe.microbatch * teacher->net.tokens > VIT158_TRAIN_MAX_ROWS)
        return vit158_fail(error, VIT158_E_LIMIT, "the teacher's tokens exceed a microbatch");
    vit158_arena arena = {0};
    plan(teacher, t, &arena);
    teacher->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (!teacher->block)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    memset(teacher->block, 0, arena.used);
    arena = vit158_arena_over(teacher->block, arena.used);
    plan(teacher, t, &arena);
    VIT158_RETURN_IF_ERROR(
        vit158_train_tensors_read(teacher->parameters, &teacher->net, file, "", error));
    teacher->ready.parameters = teacher->parameters;
    for (uint32_t i = 0; i < vit158_train_ready_tasks(&teacher->net); i++)
        vit158_train_ready_make(&teacher->ready, &teacher->net, t->compute, i);
    return VIT158_OK;
}

static vit158_status open_teacher(vit158_trainer *t, const char *path, vit158_error *error)
{
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    vit158_train_teacher *teacher = calloc(1, sizeof *teacher);
    vit158_status status;
    if (teacher) {
        teacher->next = t->teachers;
        t->teachers = teacher;
        status = read_teacher(teacher, t, file, error);
    } else {
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    }
    vit158_safetensors_close(file);
    return status;
}

vit158_status vit158_train_teachers_open(vit158_trainer *t, const char *paths, vit158_error *error)
{
    char path[VIT158_TRAIN_RECIPE_TEXT];
    while (*paths) {
        const size_t n = strcspn(paths, ",");
        if (n >= sizeof path)
            return vit158_fail(error, VIT158_E_ARGUMENT, "the name of a teacher is too long");
        memcpy(path, paths, n);
        path[n] = 0;
        VIT158_RETURN_IF_ERROR(open_teacher(t, path, error));
        paths += n + (paths[n] == ',');
    }
    return VIT158_OK;
}

void vit158_train_teachers_close(vit158_trainer *t)
{
    while (t->teachers) {
        vit158_train_teacher *teacher = t->teachers;
        t->teachers = teacher->next;
        vit158_train_net_free(&teacher->net);
        free(teacher->block);
        free(teacher);
    }
}
