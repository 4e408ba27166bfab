/* SPDX-License-Identifier: MIT
 *
 * A teacher: any model file of latent float weights whose pictures and classes fit the student's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/safetensors.h"
#include "train/checkpoint.h"

static vit158_status read_count(uint32_t *out, const vit158_header *header, const char *key,
                                vit158_error *error)
{
    const char *text = vit158_header_metadata(header, key);
    char *end = NULL;
    const unsigned long value = text ? strtoul(text, &end, 10) : 0;
    if (!text || end == text || *end || value > UINT32_MAX)
        return vit158_fail(error, VIT158_E_METADATA, "the teacher's file has no valid \"%s\"", key);
    *out = (uint32_t)value;
    return VIT158_OK;
}

static float read_real(const vit158_header *header, const char *key, float otherwise)
{
    const char *text = vit158_header_metadata(header, key);
    return text ? strtof(text, NULL) : otherwise;
}

static vit158_status read_config(vit158_net_config *c, const vit158_safetensors *file,
                                 vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    VIT158_RETURN_IF_ERROR(read_count(&c->image_size, header, "image_size", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->patch_size, header, "patch_size", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->channels, header, "channels", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->dim, header, "dim", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->depth, header, "depth", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->heads, header, "heads", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->mlp_dim, header, "mlp_dim", error));
    VIT158_RETURN_IF_ERROR(read_count(&c->classes, header, "classes", error));
    c->norm_eps = read_real(header, "norm_eps", 1e-6F);
    c->inner_norm_eps = read_real(header, "inner_norm_eps", 1e-5F);
    c->outer_norms = vit158_safetensors_find(file, "blocks.0.norm1.weight") != NULL;
    c->inner_norms = vit158_safetensors_find(file, "blocks.0.attn.qkv.norm.weight") != NULL;
    const char *weights = vit158_header_metadata(header, "weights");
    c->ternary = c->inner_norms && !(weights && strcmp(weights, "float") == 0);
    return VIT158_OK;
}

static void plan(vit158_teacher *teacher, const vit158_trainer *t, vit158_arena *arena)
{
    teacher->parameters = vit158_arena_take(arena, teacher->net.parameters, sizeof(float));
    vit158_ready_plan(&teacher->ready, &teacher->net, 16, arena);
    for (uint32_t w = 0; w < t->recipe.threads; w++)
        vit158_work_plan(&teacher->work[w], &teacher->net, t->recipe.microbatch, false, arena);
}

static vit158_status read_parameters(vit158_teacher *teacher, const vit158_safetensors *file,
                                     vit158_error *error)
{
    for (uint32_t i = 0; i < teacher->net.tensor_count; i++) {
        const vit158_tensor *tensor = &teacher->net.tensors[i];
        VIT158_RETURN_IF_ERROR(
            vit158_safetensors_get_f32(file, tensor->name, teacher->parameters + tensor->offset,
                                       (uint64_t)tensor->rows * tensor->cols, error));
    }
    return VIT158_OK;
}

static vit158_status open_teacher(vit158_trainer *t, const vit158_safetensors *file,
                                  vit158_error *error)
{
    vit158_teacher *teacher = t->teacher;
    vit158_net_config config = {0};
    VIT158_RETURN_IF_ERROR(read_config(&config, file, error));
    const vit158_net_config *own = &t->net.config;
    if (config.image_size != own->image_size || config.channels != own->channels ||
        config.classes != own->classes)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "the teacher takes %u channels of %u pixels into %u classes, the "
                           "student %u of %u into %u",
                           config.channels, config.image_size, config.classes, own->channels,
                           own->image_size, own->classes);
    VIT158_RETURN_IF_ERROR(vit158_net_create(&teacher->net, &config, error));
    if (t->recipe.microbatch * teacher->net.tokens > VIT158_MAX_ROWS)
        return vit158_fail(error, VIT158_E_LIMIT, "the teacher's tokens exceed a microbatch");
    vit158_arena arena = {0};
    plan(teacher, t, &arena);
    teacher->block = arena.overflow ? NULL : aligned_alloc(VIT158_ARENA_ALIGN, arena.used);
    if (!teacher->block)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    memset(teacher->block, 0, arena.used);
    arena = vit158_arena_over(teacher->block, arena.used);
    plan(teacher, t, &arena);
    VIT158_RETURN_IF_ERROR(read_parameters(teacher, file, error));
    for (uint32_t i = 0; i < vit158_ready_tasks(&teacher->net); i++)
        vit158_ready_make(&teacher->ready, &teacher->net, t->compute, teacher->parameters, i);
    return VIT158_OK;
}

vit158_status vit158_teacher_open(vit158_trainer *t, const char *path, vit158_error *error)
{
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    t->teacher = calloc(1, sizeof *t->teacher);
    const vit158_status status =
        t->teacher ? open_teacher(t, file, error)
                   : vit158_fail(error, VIT158_E_MEMORY, "no memory for the teacher");
    vit158_safetensors_close(file);
    return status;
}
