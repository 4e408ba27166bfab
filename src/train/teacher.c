/* SPDX-License-Identifier: MIT */
#include "train/teacher.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/json_in.h"
#include "model/metadata.h"
#include "model/safetensors.h"
#include "model/variant.h"
#include "train/feed.h"
#include "train/network.h"
#include "train/tensors_read.h"

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

/* Layout is not read here: what metadata does not say, missing tensors will. */
static vit158_status check_variant(const vit158_header *header, vit158_error *error)
{
    vit158_variant variant;
    VIT158_RETURN_IF_ERROR(vit158_variant_read(&variant, header, error));
    const char *beyond = vit158_variant_beyond_plain(&variant, true);
    return beyond == NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_UNSUPPORTED,
                             "the teacher %s, which is not computed in training", beyond);
}

/* Elements of a vector of a block, 0 if there is none. */
static uint32_t length_of(const vit158_safetensors *file, uint32_t block, const char *part)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_format(name, sizeof name, "blocks.%u.%s.bias", block, part);
    const vit158_tensor_entry *bias = vit158_safetensors_find(file, name);
    return bias != NULL && bias->n_elements <= UINT32_MAX ? (uint32_t)bias->n_elements : 0;
}

/* Heads and hidden widths of the blocks, by their tensors. */
static vit158_status read_shapes(vit158_train_net_config *c, const vit158_safetensors *file,
                                 vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    if (!vit158_is_version_1(header))
        VIT158_RETURN_IF_ERROR(
            vit158_metadata_count(&c->head_dim, header, "head_dim", c->dim, error));
    if (c->dim / c->heads == 0 || c->depth > VIT158_MAX_DEPTH)
        return vit158_fail(error, VIT158_E_METADATA, "the teacher's heads or depth are too many");
    for (uint32_t i = 0; i < c->depth; i++)
        c->shapes[i] = (vit158_train_block_shape){length_of(file, i, "attn.qkv") / 3 /
                                                      vit158_train_head_dim(c),
                                                  length_of(file, i, "mlp.fc1")};
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
    const bool conv = network != NULL && strcmp(network, vit158_train_conv_network.name) == 0;
    c->network = conv ? VIT158_TRAIN_CONV : VIT158_TRAIN_VIT;
    if (!vit158_train_network_of(c)->is_model)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(check_variant(header, error));
    VIT158_RETURN_IF_ERROR(read_count(&c->heads, header, "heads", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->mlp_dim, header, "mlp_dim", error));
    VIT158_RETURN_IF_ERROR(read_shapes(c, file, error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_eps(&c->inner_norm_eps, 1e-5, header, "inner_norm_eps", error));
    c->outer_norms = vit158_safetensors_find(file, "blocks.0.norm1.weight") != NULL;
    c->inner_norms = vit158_safetensors_find(file, "blocks.0.attn.qkv.norm.weight") != NULL;
    const char *weights = vit158_header_metadata(header, "weights");
    c->ternary = c->inner_norms && !(weights != NULL && strcmp(weights, "float") == 0);
    return VIT158_OK;
}

/* Teacher and student see the same numbers: what one takes from the pixels the other must take. */
static vit158_status check_pixels(const vit158_train_student *s, const vit158_header *header,
                                  vit158_error *error)
{
    const struct {
        const char *key;
        const float *own;
    } values[] = {{"mean", s->recipe->mean}, {"std", s->recipe->std}};
    for (int i = 0; i < 2; i++) {
        float its[3];
        const uint32_t channels = s->images->channels;
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
    if (json == NULL)
        return VIT158_OK;
    const size_t n_bytes = strlen(json);
    char *label = malloc(n_bytes + 1);
    if (label == NULL)
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
static void save_blocks(vit158_train_workspace *workspace, const vit158_train_net *net,
                        uint32_t images, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t padded = vit158_train_round_up(net->tokens, 16);
    for (uint32_t b = 1; b < net->block_count; b++) {
        const uint32_t queries = b + 1 == c->depth ? 1 : net->tokens;
        float *x = vit158_train_take_rows(arena, (size_t)images * net->tokens, c->dim);
        float *p = vit158_train_take_rows(arena, (size_t)images * c->heads * queries, padded);
        if (workspace->blocks != NULL) {
            workspace->blocks[b].x = x;
            workspace->blocks[b].p = p;
        }
    }
}

static void plan(vit158_train_teacher *teacher, const vit158_train_recipe *recipe,
                 vit158_arena *arena)
{
    teacher->parameters = vit158_arena_take(arena, teacher->net.parameters, sizeof(float));
    vit158_train_packed_plan(&teacher->packed, &teacher->net, 16, arena);
    for (uint32_t w = 0; w < recipe->threads; w++) {
        vit158_train_workspace_plan(&teacher->workspace[w], &teacher->net, recipe->microbatch,
                                    false, arena);
        if (vit158_train_hinted(recipe))
            save_blocks(&teacher->workspace[w], &teacher->net, recipe->microbatch, arena);
    }
}

static bool same_heads(const vit158_train_net_config *a, const vit158_train_net_config *b)
{
    bool same = a->depth == b->depth && vit158_train_head_dim(a) == vit158_train_head_dim(b);
    for (uint32_t i = 0; same && i < a->depth; i++)
        same = vit158_train_shape(a, i).heads == vit158_train_shape(b, i).heads;
    return same;
}

static vit158_status check_student(const vit158_train_student *s, const vit158_train_net_config *c,
                                   const vit158_header *header, vit158_error *error)
{
    const vit158_train_net_config *own = &s->net->config;
    if (c->image_size != own->image_size || c->channels != own->channels ||
        c->classes != own->classes)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the teacher takes %u channels of %u pixels into %u classes, the "
                           "student %u of %u into %u",
                           c->channels, c->image_size, c->classes, own->channels, own->image_size,
                           own->classes);
    if (vit158_train_hinted(s->recipe) &&
        (c->network != own->network || c->depth != own->depth || c->dim != own->dim ||
         !same_heads(c, own) || c->patch_size != own->patch_size))
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "hints need a teacher of the student's depth, width, heads and patches");
    VIT158_RETURN_IF_ERROR(check_pixels(s, header, error));
    return vit158_train_labels_check(s->images, header, error);
}

static vit158_status read_teacher(vit158_train_teacher *teacher, const vit158_train_student *s,
                                  const vit158_safetensors *file, vit158_error *error)
{
    vit158_train_net_config config = {0};
    VIT158_RETURN_IF_ERROR(read_config(&config, file, error));
    VIT158_RETURN_IF_ERROR(check_student(s, &config, vit158_safetensors_header(file), error));
    VIT158_RETURN_IF_ERROR(vit158_train_net_create(&teacher->net, &config, error));
    const uint32_t most = teacher->net.network->most_rows;
    if (most > 0 && s->recipe->microbatch * teacher->net.tokens > most)
        return vit158_fail(error, VIT158_E_LIMIT, "the teacher's tokens exceed a microbatch");
    vit158_arena arena = {0};
    plan(teacher, s->recipe, &arena);
    teacher->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (teacher->block == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    memset(teacher->block, 0, arena.used);
    arena = vit158_arena_over(teacher->block, arena.used);
    plan(teacher, s->recipe, &arena);
    VIT158_RETURN_IF_ERROR(
        vit158_train_tensors_read(teacher->parameters, &teacher->net, file, "", error));
    teacher->packed.parameters = teacher->parameters;
    for (uint32_t i = 0; i < vit158_train_packed_tasks(&teacher->net); i++)
        vit158_train_packed_make(&teacher->packed, &teacher->net, s->compute, i);
    return VIT158_OK;
}

static vit158_status open_teacher(vit158_train_teachers *teachers, const char *path,
                                  vit158_error *error)
{
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    vit158_train_teacher *teacher = calloc(1, sizeof *teacher);
    vit158_status status;
    if (teacher != NULL) {
        teacher->next = teachers->first;
        teachers->first = teacher;
        teachers->count++;
        status = read_teacher(teacher, &teachers->student, file, error);
    } else {
        status = vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    }
    vit158_safetensors_close(file);
    return status;
}

static vit158_status open_all(vit158_train_teachers *teachers, const char *paths,
                              vit158_error *error)
{
    char path[VIT158_TRAIN_RECIPE_TEXT];
    while (*paths != 0) {
        const size_t n = strcspn(paths, ",");
        if (n >= sizeof path)
            return vit158_fail(error, VIT158_E_ARGUMENT, "the name of a teacher is too long");
        memcpy(path, paths, n);
        path[n] = 0;
        VIT158_RETURN_IF_ERROR(open_teacher(teachers, path, error));
        paths += n + (paths[n] == ',');
    }
    return VIT158_OK;
}

vit158_status vit158_train_teachers_open(vit158_train_teachers **out,
                                         const vit158_train_student *student, const char *paths,
                                         vit158_error *error)
{
    *out = NULL;
    vit158_train_teachers *teachers = calloc(1, sizeof *teachers);
    if (teachers == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for teachers");
    teachers->student = *student;
    const vit158_status status = open_all(teachers, paths, error);
    if (status == VIT158_OK)
        *out = teachers;
    else
        vit158_train_teachers_close(teachers);
    return status;
}

void vit158_train_teachers_close(vit158_train_teachers *teachers)
{
    if (teachers == NULL)
        return;
    for (vit158_train_teacher *teacher = teachers->first; teacher != NULL;) {
        vit158_train_teacher *next = teacher->next;
        vit158_train_net_free(&teacher->net);
        free(teacher->block);
        free(teacher);
        teacher = next;
    }
    free(teachers);
}

/* ---- Teaching ---- */

static void take_patches(vit158_train_workspace *workspace, const vit158_train_workspace *student)
{
    const size_t count = (size_t)student->images * (student->tokens - 1);
    workspace->tokens = student->tokens;
    memcpy(workspace->places, student->places, count * sizeof *workspace->places);
    memcpy(workspace->patches, student->patches,
           count * workspace->patch_ld * sizeof *workspace->patches);
}

static const vit158_train_workspace *run(const vit158_train_student *s,
                                         vit158_train_teacher *teacher, uint32_t worker,
                                         const float *images, uint32_t count,
                                         const vit158_train_workspace *same)
{
    vit158_train_workspace *workspace = &teacher->workspace[worker];
    const size_t size = vit158_train_dataset_image(s->images);
    vit158_train_workspace_whole(workspace, &teacher->net, count);
    if (same != NULL)
        take_patches(workspace, same);
    for (uint32_t i = 0; i < count && same == NULL; i++)
        vit158_train_feed_patches(&teacher->net, workspace, i, images + i * size);
    const vit158_train_pass pass = {.net = &teacher->net,
                                    .packed = &teacher->packed,
                                    .compute = s->compute,
                                    .workspace = workspace,
                                    .half = vit158_train_half(s->half, &teacher->net)};
    vit158_train_forward(&pass);
    return workspace;
}

void vit158_train_teachers_run(vit158_train_teachers *teachers, uint32_t worker,
                               const float *images, uint32_t count,
                               const vit158_train_workspace *same, float *logits)
{
    const uint32_t classes = teachers->student.images->classes;
    const float share = (float)teachers->count;
    memset(logits, 0, (size_t)count * classes * sizeof *logits);
    for (vit158_train_teacher *teacher = teachers->first; teacher != NULL;
         teacher = teacher->next) {
        const vit158_train_workspace *w =
            run(&teachers->student, teacher, worker, images, count, same);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t c = 0; c < classes; c++)
                logits[i * classes + c] += w->logits[i * w->logit_ld + c] / share;
    }
}
