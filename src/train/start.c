/* SPDX-License-Identifier: MIT
 *
 * See start.h. The model is read tensor by tensor into the place that the network has for it; what
 * has no counterpart keeps the initial values.
 */
#include "train/start_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import/positions.h"
#include "model/layout.h"
#include "model/metadata.h"
#include "model/safetensors.h"
#include "train/network.h"
#include "train/teacher.h"
#include "train/tensors_read.h"

static vit158_status check_geometry(const vit158_train_source *s, vit158_error *error)
{
    const vit158_model_info *its = &s->model->info;
    const char *beyond = vit158_variant_beyond_plain(&s->model->variant, false);
    if (beyond != NULL)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "the network to start from %s, which is not trained here", beyond);
    const vit158_train_net_config *own = &s->t->net.config;
    const struct {
        const char *what;
        uint32_t its, own;
    } sizes[] = {{"patch_size", its->patch_size, own->patch_size},
                 {"channels", its->channels, own->channels},
                 {"dim", its->dim, own->dim},
                 {"heads", its->heads, own->heads},
                 {"mlp_dim", its->mlp_dim, own->mlp_dim}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (sizes[i].its != sizes[i].own)
            return vit158_fail(error, VIT158_E_METADATA,
                               "the network to start from has %s %u, the recipe's %u: set it so",
                               sizes[i].what, sizes[i].its, sizes[i].own);
    for (uint32_t i = 0; i < its->depth && i < own->depth; i++) {
        const vit158_train_layer *layers = s->t->net.blocks[i].layers;
        const vit158_block_shape *shape = &s->model->shapes[i];
        if (shape->attention != layers[VIT158_PROJ].n_in || shape->mlp != layers[VIT158_FC2].n_in)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "block %u of the network to start from has another size, as pruning "
                               "leaves it: only finetune trains such blocks",
                               i);
    }
    return VIT158_OK;
}

/* ---- Norms ---- */

typedef struct norm_place {
    size_t weight, bias; /* of the parameters; VIT158_TRAIN_NO_TENSOR = none */
    uint32_t slot;       /* of the model's weight; its bias has the next */
} norm_place;

static vit158_status take_norm(const vit158_train_source *s, const norm_place *to, uint32_t slot,
                               uint32_t n, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(
        vit158_train_source_get(s->t->parameters + to->weight, s, slot, n, error));
    return vit158_train_source_get(s->t->parameters + to->bias, s, slot + 1, n, error);
}

/* The outer and the inner norm before one matrix. A norm of weight 1 and bias 0 before another
 * changes nothing but by their eps, so a single one of the model's becomes the inner one. */
static vit158_status take_norms(const vit158_train_source *s, uint32_t block, uint32_t linear,
                                vit158_error *error)
{
    const vit158_train_net_block *b = &s->t->net.blocks[block];
    const vit158_train_layer *l = &b->layers[linear];
    const bool first = linear == VIT158_QKV, has_outer = first || linear == VIT158_FC1;
    const norm_place inner = {l->norm_weight, l->norm_bias,
                              vit158_linear_slot(block, linear, VIT158_LINEAR_NORM_WEIGHT)};
    const norm_place outer = {
        first ? b->norm1_weight : b->norm2_weight, first ? b->norm1_bias : b->norm2_bias,
        vit158_block_slot(block, first ? VIT158_PART_NORM1_WEIGHT : VIT158_PART_NORM2_WEIGHT)};
    const bool to_outer = has_outer && outer.weight != VIT158_TRAIN_NO_TENSOR;
    const bool to_inner = inner.weight != VIT158_TRAIN_NO_TENSOR;
    const bool from_outer = has_outer && s->model->outer_norms,
               from_inner = s->model->variant.inner_norms != 0;
    if (from_outer && to_outer && from_inner == to_inner)
        VIT158_RETURN_IF_ERROR(take_norm(s, &outer, outer.slot, l->n_in, error));
    if (!from_outer && !from_inner) {
        s->start->norms_new += to_inner;
        return VIT158_OK;
    }
    if (!to_outer && !to_inner) {
        s->start->norms_lost++;
        return VIT158_OK;
    }
    if (from_outer == to_outer && from_inner == to_inner)
        return from_inner ? take_norm(s, &inner, inner.slot, l->n_in, error) : VIT158_OK;
    if (to_outer && to_inner) {
        float *weight = s->t->parameters + outer.weight, *bias = s->t->parameters + outer.bias;
        for (uint32_t i = 0; i < l->n_in; i++) {
            weight[i] = 1.0F;
            bias[i] = 0.0F;
        }
    }
    if (from_outer && from_inner)
        s->start->norms_lost++;
    else
        s->start->norms_moved++;
    return take_norm(s, to_inner ? &inner : &outer, from_inner ? inner.slot : outer.slot, l->n_in,
                     error);
}

/* ---- The two ends ---- */

static vit158_status take_positions(const vit158_train_source *s, vit158_error *error)
{
    const uint32_t d = s->t->net.config.dim, tokens = s->model->info.tokens;
    float *own = s->t->parameters + s->t->net.pos;
    s->start->grid_from = s->model->info.image_size / s->model->info.patch_size;
    s->start->grid = s->t->net.config.image_size / s->t->net.config.patch_size;
    if (s->start->grid_from == s->start->grid)
        return vit158_train_source_rows(own, s, VIT158_SLOT_POS, tokens, d, error);
    float *all = malloc((size_t)tokens * d * sizeof *all);
    if (all == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory for %u positions", tokens);
    vit158_status status = vit158_train_source_rows(all, s, VIT158_SLOT_POS, tokens, d, error);
    if (status == VIT158_OK) {
        memcpy(own, all, d * sizeof *own);
        status = vit158_resize_positions(own + d, s->start->grid, all + d, s->start->grid_from, d,
                                         error);
    }
    free(all);
    return status;
}

/* Pixels come as (v - mean) / std of the recipe, the model wants its own: with v = x std + mean
 * that is one more factor and summand a channel, which the patch weights and bias take up. */
static vit158_status fold_pixels(const vit158_train_source *s, vit158_error *error)
{
    const vit158_train_net *net = &s->t->net;
    const vit158_train_recipe *r = &s->t->recipe;
    const uint32_t channels = net->config.channels, area = net->patch_inputs / channels;
    float mean[3], std[3];
    if (vit158_header_metadata(s->header, "mean") == NULL ||
        vit158_header_metadata(s->header, "std") == NULL)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_numbers(mean, channels, s->header, "mean", -100.0, 100.0, error));
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_numbers(std, channels, s->header, "std", 1e-6, 100.0, error));
    if (memcmp(mean, r->mean, channels * sizeof *mean) == 0 &&
        memcmp(std, r->std, channels * sizeof *std) == 0)
        return VIT158_OK;
    s->start->pixels_folded = true;
    float *w = s->t->parameters + net->patch_weight, *bias = s->t->parameters + net->patch_bias;
    for (uint32_t row = 0; row < net->stem_width; row++)
        for (uint32_t c = 0; c < channels; c++) {
            double sum = 0.0;
            for (uint32_t i = 0; i < area; i++, w++) {
                sum += (double)*w;
                *w *= r->std[c] / std[c];
            }
            bias[row] += (float)(sum * (double)((r->mean[c] - mean[c]) / std[c]));
        }
    return VIT158_OK;
}

static vit158_status take_ends(const vit158_train_source *s, vit158_error *error)
{
    const vit158_train_net *net = &s->t->net;
    float *p = s->t->parameters;
    const uint32_t d = net->config.dim, classes = net->config.classes;
    VIT158_RETURN_IF_ERROR(vit158_train_source_get(p + net->cls, s, VIT158_SLOT_CLS, d, error));
    VIT158_RETURN_IF_ERROR(vit158_train_source_rows(
        p + net->patch_weight, s, VIT158_SLOT_PATCH_WEIGHT, d, net->patch_inputs, error));
    VIT158_RETURN_IF_ERROR(
        vit158_train_source_get(p + net->patch_bias, s, VIT158_SLOT_PATCH_BIAS, d, error));
    VIT158_RETURN_IF_ERROR(fold_pixels(s, error));
    VIT158_RETURN_IF_ERROR(take_positions(s, error));
    const norm_place last = {net->norm_weight, net->norm_bias, VIT158_SLOT_NORM_WEIGHT};
    VIT158_RETURN_IF_ERROR(take_norm(s, &last, last.slot, d, error));
    s->start->head_new = s->model->info.classes != classes ||
                         vit158_train_labels_check(&s->t->train, s->header, NULL) != VIT158_OK;
    if (s->start->head_new)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_train_source_rows(p + net->head_weight, s,
                                                    VIT158_SLOT_HEAD_WEIGHT, classes, d, error));
    return vit158_train_source_get(p + net->head_bias, s, VIT158_SLOT_HEAD_BIAS, classes, error);
}

/* ---- The whole ---- */

static vit158_status take_all(const vit158_train_source *s, vit158_error *error)
{
    vit158_train_start *start = s->start;
    const uint32_t own = s->t->net.block_count, its = s->model->info.depth;
    VIT158_RETURN_IF_ERROR(check_geometry(s, error));
    VIT158_RETURN_IF_ERROR(take_ends(s, error));
    start->blocks_taken = own < its ? own : its;
    start->blocks_left = its - start->blocks_taken;
    start->blocks_new = own - start->blocks_taken;
    for (uint32_t b = 0; b < start->blocks_taken; b++)
        for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++) {
            VIT158_RETURN_IF_ERROR(vit158_train_source_matrix(s, b, linear, error));
            VIT158_RETURN_IF_ERROR(take_norms(s, b, linear, error));
        }
    vit158_train_net_quiet(&s->t->net, s->t->parameters, start->blocks_taken);
    start->same = start->grid == start->grid_from && !start->head_new && !start->rounded &&
                  start->blocks_left + start->blocks_new == 0 &&
                  start->norms_new + start->norms_lost == 0;
    return VIT158_OK;
}

static vit158_status take_model(vit158_train_start *start, vit158_trainer *t,
                                const vit158_safetensors *file, vit158_error *error)
{
    const vit158_header *header = vit158_safetensors_header(file);
    vit158_layout *model = malloc(sizeof *model);
    if (model == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "no memory to read a model");
    const vit158_train_source s = {file, header, model, t, start};
    vit158_status status = vit158_layout_geometry(model, header, error);
    if (status == VIT158_OK && vit158_header_metadata(header, "encodings") != NULL)
        status = vit158_encodings_read(model, header, error);
    if (status == VIT158_OK)
        status = take_all(&s, error);
    free(model);
    return status;
}

/* A checkpoint, which says nothing of its geometry, or a convolutional network. */
static vit158_status take_equal(vit158_train_start *start, vit158_trainer *t,
                                const vit158_safetensors *file, vit158_error *error)
{
    const uint32_t wanted = t->net.config.depth;
    uint32_t depth = wanted;
    VIT158_RETURN_IF_ERROR(
        vit158_metadata_count(&depth, vit158_safetensors_header(file), "depth", 65536, error));
    if (depth != wanted)
        return vit158_fail(error, VIT158_E_METADATA,
                           "the network to start from is %u deep, the recipe's %u", depth, wanted);
    *start = (vit158_train_start){.same = true, .blocks_taken = t->net.block_count};
    return vit158_train_tensors_read(t->parameters, &t->net, file, "", error);
}

vit158_status vit158_train_start_from(vit158_train_start *start, vit158_trainer *t,
                                      const char *path, vit158_error *error)
{
    vit158_train_start unseen;
    vit158_safetensors *file;
    start = start != NULL ? start : &unseen;
    *start = (vit158_train_start){0};
    VIT158_RETURN_IF_ERROR(vit158_tensors_open(&file, path, error));
    const bool equal =
        !t->net.network->is_model ||
        vit158_header_metadata(vit158_safetensors_header(file), "checkpoint_version") != NULL;
    const vit158_status status =
        equal ? take_equal(start, t, file, error) : take_model(start, t, file, error);
    vit158_safetensors_close(file);
    if (status != VIT158_OK)
        return vit158_name_error(error, status, path);
    memcpy(t->average, t->parameters, t->net.parameters * sizeof(float));
    vit158_trainer_pack(t, t->parameters);
    return VIT158_OK;
}

void vit158_train_start_print(const vit158_train_start *start, const char *path, FILE *out)
{
    fprintf(out, "starts from %s: %u blocks taken", path, start->blocks_taken);
    if (start->blocks_left > 0)
        fprintf(out, ", its last %u left out", start->blocks_left);
    if (start->blocks_new > 0)
        fprintf(out, ", %u new", start->blocks_new);
    if (start->grid != start->grid_from)
        fprintf(out, "; positions resized from %u x %u to %u x %u", start->grid_from,
                start->grid_from, start->grid, start->grid);
    if (start->head_new)
        fprintf(out, "; a new head for other classes");
    if (start->pixels_folded)
        fprintf(out, "; its mean and std folded into the patch weights");
    if (start->norms_moved + start->norms_new + start->norms_lost > 0)
        fprintf(out, "; norms: %u moved, %u new, %u left out", start->norms_moved, start->norms_new,
                start->norms_lost);
    if (start->rounded)
        fprintf(out, "; weights not trained to be ternary");
    fprintf(out, start->same ? "\nthe logits are the model's\n"
                             : "\nthe logits differ from the model's until trained\n");
}
