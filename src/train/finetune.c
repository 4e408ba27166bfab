/* SPDX-License-Identifier: MIT
 *
 * See finetune.h. Stages hand over through their files, so that each can be repeated or looked at.
 */
#define _POSIX_C_SOURCE 200809L
#include "train/finetune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/layout.h"
#include "model/metadata.h"
#include "model/safetensors.h"

#define MAX_ROWS_AT_ONCE 1024U /* tokens of a microbatch */
#define BATCH 20U

typedef struct stage_settings {
    const char *name;
    float share; /* of the minutes */
    float lr, muon_lr;
} stage_settings;

static const stage_settings stages[VIT158_TRAIN_STAGES] = {
    {"head", 0.1F, 3e-3F, 0.0F}, {"float", 0.35F, 3e-4F, 0.0F}, {"ternary", 0.55F, 5e-4F, 0.0F}};

const char *vit158_train_stage_name(uint32_t stage)
{
    return stages[stage].name;
}

static vit158_status read_network(vit158_train_recipe *r, const vit158_safetensors *file,
                                  vit158_layout *layout, vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    VIT158_RETURN_IF_ERROR(vit158_layout_geometry(layout, header, error));
    const vit158_model_info *info = &layout->info;
    const char *beyond = vit158_variant_beyond_plain(&layout->variant, false);
    if (beyond != NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "the model %s, which is not trained here",
                           beyond);
    r->net = (vit158_train_net_config){.image_size = info->image_size,
                                       .patch_size = info->patch_size,
                                       .channels = info->channels,
                                       .dim = info->dim,
                                       .depth = info->depth,
                                       .heads = info->heads,
                                       .mlp_dim = info->mlp_dim,
                                       .outer_norms = layout->outer_norms,
                                       .inner_norms = layout->variant.inner_norms != 0};
    VIT158_RETURN_IF_ERROR(vit158_metadata_eps(&r->net.norm_eps, 1e-6, header, "norm_eps", error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_eps(&r->net.inner_norm_eps, 1e-5, header, "inner_norm_eps", error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_numbers(r->mean, info->channels, header, "mean", 0.0, 1.0, error));
    return vit158_metadata_numbers(r->std, info->channels, header, "std", 1e-3, 10.0, error);
}

static vit158_status read_base(vit158_train_recipe *r, const char *path, vit158_error *error)
{
    vit158_safetensors *file;
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    vit158_layout *layout = malloc(sizeof *layout);
    const vit158_status status =
        layout != NULL ? vit158_name_error(error, read_network(r, file, layout, error), path)
                       : vit158_fail(error, VIT158_E_MEMORY, "no memory to read %s", path);
    free(layout);
    vit158_safetensors_close(file);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* "<out_dir>/<stage>/<name>" into a recipe's text. */
static vit158_status path_of(char out[VIT158_TRAIN_RECIPE_TEXT], const vit158_train_finetune *how,
                             const char *stage, const char *name, vit158_error *error)
{
    if (vit158_format(out, VIT158_TRAIN_RECIPE_TEXT, "%s/%s%s%s", how->out_dir, stage,
                      name[0] != 0 ? "/" : "", name) +
            1 >=
        VIT158_TRAIN_RECIPE_TEXT)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the output is too long");
    return VIT158_OK;
}

/* Folders train and val of `folder`, or every tenth image of it for validation. */
static vit158_status find_data(vit158_train_recipe *r, const vit158_train_finetune *how,
                               vit158_error *error)
{
    const size_t room = sizeof r->train_data;
    if (strlen(how->folder) + sizeof "/train" > room)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the folder is too long");
    vit158_format(r->train_data, room, "%s/train", how->folder);
    vit158_format(r->val_data, room, "%s/val", how->folder);
    if (!is_folder(r->train_data) || !is_folder(r->val_data)) {
        vit158_format(r->train_data, room, "%s", how->folder);
        r->val_data[0] = 0;
        r->val_every = 10;
    }
    return path_of(r->cache_dir, how, "pictures", "", error);
}

vit158_status vit158_train_finetune_recipe(vit158_train_recipe *r, const vit158_train_finetune *how,
                                           uint32_t stage, vit158_error *error)
{
    const stage_settings *s = &stages[stage];
    vit158_train_recipe_defaults(r);
    vit158_format(r->name, sizeof r->name, "finetune-%s", s->name);
    VIT158_RETURN_IF_ERROR(read_base(r, how->base, error));
    VIT158_RETURN_IF_ERROR(find_data(r, how, error));
    if (stage == VIT158_TRAIN_STAGE_HEAD)
        vit158_format(r->init, sizeof r->init, "%s", how->base);
    else
        VIT158_RETURN_IF_ERROR(
            path_of(r->init, how, stages[stage - 1].name, "best.safetensors", error));
    r->net.head_only = stage == VIT158_TRAIN_STAGE_HEAD;
    if (stage == VIT158_TRAIN_STAGE_TERNARY) {
        r->net.ternary = 1;
        r->net.inner_norms = 1;
        vit158_format(r->teacher, sizeof r->teacher, "%s", r->init);
        r->teacher_weight = 0.7F;
        r->gradient_bits = 8;
    }
    r->minutes = s->share * (float)how->minutes;
    r->threads = how->threads;
    r->deterministic = how->deterministic;
    r->float_bits = 16;
    r->batch = BATCH;
    const uint32_t side = r->net.image_size / r->net.patch_size;
    const uint32_t fit = MAX_ROWS_AT_ONCE / (side * side + 1);
    r->microbatch = fit < 1 ? 1 : fit < BATCH / 4 ? fit : BATCH / 4;
    r->muon = 0;
    r->wsd = 0;
    r->lr = s->lr;
    r->warmup_steps = 10;
    r->ema = 0.0F;
    r->weight_decay = 0.01F;
    r->label_smoothing = stage == VIT158_TRAIN_STAGE_TERNARY ? 0.0F : 0.1F;
    r->augment.flip = 1;
    r->augment.crop_area = stage == VIT158_TRAIN_STAGE_HEAD ? 0.0F : 0.35F;
    r->eval_minutes = r->minutes / 4.0F;
    return VIT158_OK;
}

static vit158_status make_folder(const char *path, vit158_error *error)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_IO, "cannot create %s: %s", path, strerror(errno));
}

static vit158_status write_recipe(const vit158_train_recipe *r, const char *path,
                                  vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    vit158_train_recipe_print(r, out.file);
    return vit158_file_commit(&out, error);
}

static vit158_status run_stage(bool *complete, vit158_train_recipe *r,
                               const vit158_train_finetune *how, uint32_t stage,
                               vit158_error *error)
{
    char folder[VIT158_TRAIN_RECIPE_TEXT], checkpoint[VIT158_TRAIN_RECIPE_TEXT];
    char mark[VIT158_TRAIN_RECIPE_TEXT];
    const char *const name = stages[stage].name;
    VIT158_RETURN_IF_ERROR(path_of(folder, how, name, "", error));
    VIT158_RETURN_IF_ERROR(path_of(checkpoint, how, name, "last.ckpt", error));
    /* Written last: with it the stage is complete. */
    VIT158_RETURN_IF_ERROR(path_of(mark, how, name, "finished.recipe", error));
    if (access(mark, F_OK) == 0)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_recipe(r, how, stage, error));
    VIT158_RETURN_IF_ERROR(make_folder(folder, error));
    VIT158_RETURN_IF_ERROR(make_folder(r->cache_dir, error));
    if (how->progress != NULL)
        fprintf(how->progress, "\n%s: %.1f minutes\n", name, (double)r->minutes);
    const vit158_train_run_options run = {.out_dir = folder,
                                          .resume =
                                              access(checkpoint, F_OK) == 0 ? checkpoint : NULL,
                                          .stop = how->stop,
                                          .progress = how->progress};
    VIT158_RETURN_IF_ERROR(vit158_train_run(r, &run, error));
    *complete = how->stop == NULL || *how->stop == 0;
    return *complete ? write_recipe(r, mark, error) : VIT158_OK;
}

vit158_status vit158_train_finetune_run(bool *complete, const vit158_train_finetune *how,
                                        vit158_error *error)
{
    *complete = true;
    if (!is_folder(how->folder))
        return vit158_fail(error, VIT158_E_IO, "%s is no folder", how->folder);
    vit158_train_recipe *r = malloc(sizeof *r);
    if (r == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a recipe");
    vit158_status status = make_folder(how->out_dir, error);
    for (uint32_t i = 0; i < VIT158_TRAIN_STAGES && status == VIT158_OK && *complete; i++)
        status = run_stage(complete, r, how, i, error);
    free(r);
    return status;
}
