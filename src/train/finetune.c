/* SPDX-License-Identifier: MIT
 *
 * See finetune.h. What the stages' numbers come from: models/recipes/finetune.md.
 */
#define _POSIX_C_SOURCE 200809L
#include "train/finetune.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "model/layout.h"
#include "model/metadata.h"
#include "model/safetensors.h"
#include "train/data.h"
#include "train/head_run.h"

#define MAX_ROWS_AT_ONCE 1024U /* tokens of a microbatch */
#define BATCH 20U
#define LARGE_GRID 14U /* patches a side from which fewer are taken unless asked for */
#define USUAL_GRID 8U
#define FLOAT_SHARE 0.3F  /* of the minutes; the rest is the ternary stage's */
#define VALIDATIONS 10.0F /* a stage */
#define PATIENCE 3U       /* of them without a gain */
/* Images a second at 65 tokens (what two cores of 2021 do), which turn minutes into epochs: a
 * deterministic run takes its schedule from them, every run its augmentation. */
#define FLOAT_PACE 50.0F
#define TERNARY_PACE 70.0F
/* Augmentation keeps a network from learning its images by heart. With fewer epochs there is less
 * danger of that, and strong augmentation would only slow it down. */
#define FULL_AUGMENTATION_EPOCHS 16.0F

static const char *const names[VIT158_TRAIN_STAGES] = {"head", "float", "ternary"};

/* The side at which a base of that geometry is trained: its own, or that of 8 x 8 patches, at which
 * a step costs a third of one with 14 x 14. */
static uint32_t usual_size(uint32_t base_size, uint32_t patch_size)
{
    return base_size / patch_size < LARGE_GRID ? base_size : USUAL_GRID * patch_size;
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
    if (vit158_layout_is_uneven(layout)) {
        r->net.head_dim = info->head_dim;
        for (uint32_t i = 0; i < info->depth; i++)
            r->net.shapes[i] = (vit158_train_block_shape){
                layout->shapes[i].attention / info->head_dim, layout->shapes[i].mlp};
    }
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

vit158_status vit158_train_finetune_data(char train[VIT158_TRAIN_RECIPE_TEXT],
                                         char val[VIT158_TRAIN_RECIPE_TEXT], const char *folder,
                                         vit158_error *error)
{
    static const char *const val_names[] = {"val", "validation"};
    if (!vit158_is_folder(folder))
        return vit158_fail(error, VIT158_E_IO, "%s is no folder", folder);
    if (strlen(folder) + sizeof "/validation" > VIT158_TRAIN_RECIPE_TEXT)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the folder is too long");
    val[0] = 0;
    vit158_format(train, VIT158_TRAIN_RECIPE_TEXT, "%s/train", folder);
    if (!vit158_is_folder(train)) {
        vit158_format(train, VIT158_TRAIN_RECIPE_TEXT, "%s", folder);
        return VIT158_OK;
    }
    for (size_t i = 0; i < sizeof val_names / sizeof *val_names && val[0] == 0; i++) {
        vit158_format(val, VIT158_TRAIN_RECIPE_TEXT, "%s/%s", folder, val_names[i]);
        if (!vit158_is_folder(val))
            val[0] = 0;
    }
    return VIT158_OK;
}

static vit158_status path_of(char out[VIT158_TRAIN_RECIPE_TEXT], const vit158_train_finetune *how,
                             const char *part, const char *name, vit158_error *error)
{
    if (vit158_format(out, VIT158_TRAIN_RECIPE_TEXT, "%s/%s%s%s", how->out_dir, part,
                      name[0] != 0 ? "/" : "", name) +
            1 >=
        VIT158_TRAIN_RECIPE_TEXT)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the output is too long");
    return VIT158_OK;
}

vit158_status vit158_train_finetune_path(char path[VIT158_TRAIN_RECIPE_TEXT],
                                         const vit158_train_finetune *how, uint32_t stage,
                                         const char *name, vit158_error *error)
{
    return path_of(path, how, names[stage], name, error);
}

/* How often a stage sees each of the images. */
static vit158_status epochs_of(float *epochs, const vit158_train_recipe *r, bool ternary,
                               vit158_error *error)
{
    vit158_train_dataset train = {0}, held = {0};
    VIT158_RETURN_IF_ERROR(vit158_train_data_open(&train, &held, r, error));
    const uint32_t side = r->net.image_size / r->net.patch_size;
    const float pace = (ternary ? TERNARY_PACE : FLOAT_PACE) * (USUAL_GRID * USUAL_GRID + 1) /
                       (float)(side * side + 1);
    *epochs = 60.0F * r->minutes * pace / (float)train.count;
    vit158_train_dataset_free(&train);
    vit158_train_dataset_free(&held);
    return VIT158_OK;
}

static void set_augmentation(vit158_train_recipe *r, float epochs)
{
    const float part = epochs < FULL_AUGMENTATION_EPOCHS ? epochs / FULL_AUGMENTATION_EPOCHS : 1.0F;
    r->augment.flip = 1;
    r->augment.crop_area = 1.0F - 0.65F * part;
    r->augment.operations = 1;
    r->augment.magnitude = 0.7F * part;
    r->augment.erase = 0.2F * part;
    r->augment.mix = 0.3F * part;
}

/* A schedule that no clock changes. */
static void set_epochs(vit158_train_recipe *r, float epochs)
{
    r->epochs = epochs > 1.0F ? epochs : 1.0F;
    r->minutes = 0.0F;
    r->eval_minutes = 1e6F; /* at the ends only */
}

/* What the network learns from, and how fast; augmentation waits for the number of images. */
static vit158_status set_learning(vit158_train_recipe *r, const vit158_train_finetune *how,
                                  uint32_t stage, vit158_error *error)
{
    const bool ternary = stage == VIT158_TRAIN_STAGE_TERNARY, scratch = how->base == NULL;
    const float left = ternary ? 1.0F - FLOAT_SHARE : how->float_only ? 1.0F : FLOAT_SHARE;
    r->minutes = left * (float)how->minutes;
    r->muon = scratch && !ternary;
    r->lr = ternary ? 5e-4F : scratch ? 2e-3F : 2e-4F;
    r->weight_decay = ternary ? 0.0F : 0.05F;
    r->warmup_steps = 50;
    r->ema = 0.0F;
    r->label_smoothing = 0.1F;
    r->net.head_only = stage == VIT158_TRAIN_STAGE_HEAD;
    if (!ternary)
        return VIT158_OK;
    r->net.ternary = r->net.row_scales = 1;
    r->gradient_bits = 8;
    r->teacher_weight = 0.8F;
    r->hint_tokens = 1.0F;
    r->hint_attention = 0.3F;
    r->keep_tokens = 0.6F;
    r->keep_tokens_until = 0.7F;
    return path_of(r->teacher, how, names[VIT158_TRAIN_STAGE_FLOAT], "best.safetensors", error);
}

static vit158_status set_start(vit158_train_recipe *r, const vit158_train_finetune *how,
                               uint32_t stage, vit158_error *error)
{
    const char *from = stage == VIT158_TRAIN_STAGE_HEAD ? how->base : NULL;
    if (stage == VIT158_TRAIN_STAGE_TERNARY)
        from = how->rounded;
    if (from != NULL)
        vit158_format(r->init, sizeof r->init, "%s", from);
    else if (stage == VIT158_TRAIN_STAGE_TERNARY || how->base != NULL)
        return path_of(r->init, how, names[stage - 1], "best.safetensors", error);
    return VIT158_OK;
}

vit158_status vit158_train_finetune_recipe(vit158_train_recipe *r, const vit158_train_finetune *how,
                                           uint32_t stage, vit158_error *error)
{
    char val[VIT158_TRAIN_RECIPE_TEXT];
    vit158_train_recipe_defaults(r);
    vit158_format(r->name, sizeof r->name, "finetune-%s", names[stage]);
    if (how->base != NULL) {
        VIT158_RETURN_IF_ERROR(read_base(r, how->base, error));
    } else { /* a recipe's network, for larger images, at first float */
        r->net.image_size = 64;
        r->net.patch_size = 8;
        r->net.ternary = r->net.inner_norms = false;
    }
    r->net.image_size =
        how->image_size > 0 ? how->image_size : usual_size(r->net.image_size, r->net.patch_size);
    VIT158_RETURN_IF_ERROR(vit158_train_finetune_data(r->train_data, val, how->folder, error));
    r->val_every = 10;
    VIT158_RETURN_IF_ERROR(path_of(r->cache_dir, how, "images", "", error));
    VIT158_RETURN_IF_ERROR(set_learning(r, how, stage, error));
    VIT158_RETURN_IF_ERROR(set_start(r, how, stage, error));
    r->threads = how->threads;
    r->deterministic = how->deterministic;
    r->processor_clock = how->processor_clock;
    r->float_bits = 16;
    r->batch = BATCH;
    const uint32_t side = r->net.image_size / r->net.patch_size;
    const uint32_t fit = MAX_ROWS_AT_ONCE / (side * side + 1);
    r->microbatch = fit >= 5 ? 5 : fit >= 4 ? 4 : fit >= 2 ? 2 : 1; /* divides the batch */
    r->eval_minutes = r->minutes / VALIDATIONS;
    if (!how->deterministic) {
        r->finish_minutes = r->minutes / VALIDATIONS;
        r->patience = PATIENCE;
    }
    return VIT158_OK;
}

static vit158_status write_recipe(const vit158_train_recipe *r, const char *path,
                                  vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    vit158_train_recipe_print(r, out.file);
    return vit158_file_commit(&out, error);
}

static vit158_status run_recipe(bool *complete, vit158_train_recipe *r,
                                const vit158_train_finetune *how, uint32_t stage,
                                vit158_error *error)
{
    char folder[VIT158_TRAIN_RECIPE_TEXT], checkpoint[VIT158_TRAIN_RECIPE_TEXT];
    VIT158_RETURN_IF_ERROR(path_of(folder, how, names[stage], "", error));
    VIT158_RETURN_IF_ERROR(path_of(checkpoint, how, names[stage], "last.ckpt", error));
    VIT158_RETURN_IF_ERROR(vit158_make_folder(how->out_dir, error));
    VIT158_RETURN_IF_ERROR(vit158_make_folder(folder, error));
    VIT158_RETURN_IF_ERROR(vit158_make_folder(r->cache_dir, error));
    float epochs = 0.0F;
    VIT158_RETURN_IF_ERROR(epochs_of(&epochs, r, stage == VIT158_TRAIN_STAGE_TERNARY, error));
    set_augmentation(r, epochs);
    if (how->deterministic)
        set_epochs(r, epochs);
    const vit158_train_run_options run = {.out_dir = folder,
                                          .resume =
                                              access(checkpoint, F_OK) == 0 ? checkpoint : NULL,
                                          .stop = how->stop,
                                          .progress = how->progress};
    if (stage == VIT158_TRAIN_STAGE_HEAD)
        return vit158_train_head_run(complete, r, &run, error);
    if (how->progress != NULL)
        fprintf(how->progress, "\n%s: %.1f %s at %u x %u pixels\n", names[stage],
                (double)(how->deterministic ? r->epochs : r->minutes),
                how->deterministic ? "epochs" : "minutes", r->net.image_size, r->net.image_size);
    VIT158_RETURN_IF_ERROR(vit158_train_run(r, &run, error));
    *complete = how->stop == NULL || *how->stop == 0;
    return VIT158_OK;
}

/* Whether the finished stage at `mark` is of the same images at the same size as `wanted`. */
static vit158_status check_finished(const vit158_train_recipe *wanted, const char *mark,
                                    const vit158_train_finetune *how, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    vit158_train_recipe *r = malloc(sizeof *r);
    if (r == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a recipe");
    vit158_train_recipe_defaults(r);
    vit158_status status = vit158_file_read(&bytes, &n_bytes, mark, 1U << 20, error);
    if (status == VIT158_OK) {
        char *text = calloc(n_bytes + 1, 1);
        if (text != NULL)
            memcpy(text, bytes, n_bytes);
        status = text != NULL ? vit158_train_recipe_parse(r, text, mark, error)
                              : vit158_fail(error, VIT158_E_MEMORY, "no memory for a recipe");
        free(text);
        free(bytes);
    }
    if (status == VIT158_OK && (strcmp(r->train_data, wanted->train_data) != 0 ||
                                r->net.image_size != wanted->net.image_size))
        status = vit158_fail(error, VIT158_E_ARGUMENT,
                             "%s holds a run on %s at %u pixels: name another folder with --work",
                             how->out_dir, r->train_data, r->net.image_size);
    free(r);
    return status;
}

vit158_status vit158_train_finetune_stage(bool *complete, const vit158_train_finetune *how,
                                          uint32_t stage, vit158_error *error)
{
    char mark[VIT158_TRAIN_RECIPE_TEXT];
    *complete = true;
    /* Written last: with it the stage is complete. */
    VIT158_RETURN_IF_ERROR(path_of(mark, how, names[stage], "finished.recipe", error));
    const bool finished = access(mark, F_OK) == 0;
    vit158_train_recipe *r = malloc(sizeof *r);
    if (r == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for a recipe");
    vit158_status status = vit158_train_finetune_recipe(r, how, stage, error);
    if (status == VIT158_OK && finished)
        status = check_finished(r, mark, how, error);
    else if (status == VIT158_OK)
        status = run_recipe(complete, r, how, stage, error);
    if (status == VIT158_OK && *complete && !finished)
        status = write_recipe(r, mark, error);
    free(r);
    return status;
}
