/* SPDX-License-Identifier: MIT
 *
 * Geometry from the tensors' shapes, checked against what the texts say; the number of heads, which
 * no shape tells; the recipe.
 */
#include <string.h>

#include "base/error.h"
#include "import/importer.h"
#include "model/decimal.h"
#include "model/layout.h"

typedef vit158_importer importer;

/* ---- Shapes ---- */

static vit158_status need(const importer *im, const vit158_source_tensor **out, uint32_t place,
                          uint32_t rank, const char *what)
{
    *out = vit158_import_at(im, place);
    if (*out == NULL)
        return vit158_fail(im->error, VIT158_E_TENSOR, "%s: its %s is missing", im->weight_file,
                           what);
    if ((*out)->rank != rank)
        return vit158_fail(im->error, VIT158_E_TENSOR, "tensor %s: %u dimensions, not %u",
                           (*out)->name, (*out)->rank, rank);
    return VIT158_OK;
}

static vit158_status take_side(const importer *im, uint32_t *out, uint64_t value, uint32_t max,
                               const char *what)
{
    if (value == 0 || value > max)
        return vit158_fail(im->error, value == 0 ? VIT158_E_TENSOR : VIT158_E_LIMIT,
                           "%s: %s is %llu; 1 to %u are possible", im->weight_file, what,
                           (unsigned long long)value, max);
    *out = (uint32_t)value;
    return VIT158_OK;
}

/* Of n <= VIT158_MAX_TOKENS, 0 if it is not whole. */
static uint32_t square_root(uint64_t n)
{
    uint32_t root = 0;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return root * root == n ? root : 0;
}

static vit158_status read_grid(importer *im, const vit158_source_tensor *pos)
{
    vit158_model_info *info = &im->info;
    const uint64_t rows = pos->shape[1];
    if (rows > VIT158_MAX_TOKENS)
        return vit158_fail(im->error, VIT158_E_LIMIT, "tensor %s: %llu positions, above %u",
                           pos->name, (unsigned long long)rows, VIT158_MAX_TOKENS);
    /* Where both could be meant, which small images allow, the texts' size decides. */
    const uint32_t prefix = im->variant.prefix_tokens;
    const uint32_t with = rows > prefix ? square_root(rows - prefix) : 0;
    const uint32_t without = square_root(rows);
    const bool said = im->settings.image_size == without * info->patch_size && without != 0;
    im->no_embed_class = prefix > 0 && (with == 0 || said);
    im->source_grid = im->no_embed_class ? without : with;
    if (im->source_grid == 0)
        return vit158_fail(im->error, VIT158_E_TENSOR,
                           "tensor %s: %llu positions are not a square grid, with or without %u "
                           "before it",
                           pos->name, (unsigned long long)rows, prefix);
    info->image_size = im->source_grid * info->patch_size;
    const uint32_t wanted = im->options->image_size;
    if (wanted == 0)
        return VIT158_OK;
    if (wanted % info->patch_size != 0)
        return vit158_fail(im->error, VIT158_E_ARGUMENT,
                           "--size %u is not a multiple of the patches' side, %u", wanted,
                           info->patch_size);
    info->image_size = wanted;
    return VIT158_OK;
}

static vit158_status read_shapes(importer *im)
{
    const vit158_source_tensor *patch, *pos, *head, *fc1;
    vit158_model_info *info = &im->info;
    VIT158_RETURN_IF_ERROR(need(im, &patch, VIT158_PLACE_PATCH_WEIGHT, 4, "patch embedding"));
    VIT158_RETURN_IF_ERROR(need(im, &pos, VIT158_PLACE_POS, 3, "position embedding"));
    VIT158_RETURN_IF_ERROR(
        need(im, &fc1, vit158_place_in(0, VIT158_IN_FC1_WEIGHT), 2, "MLP of block 0"));
    VIT158_RETURN_IF_ERROR(take_side(im, &info->dim, patch->shape[0], VIT158_MAX_DIM, "the width"));
    VIT158_RETURN_IF_ERROR(take_side(im, &info->patch_size, patch->shape[2], VIT158_MAX_PATCH_SIZE,
                                     "the patches' side"));
    if (patch->shape[1] != 1 && patch->shape[1] != 3)
        return vit158_fail(im->error, VIT158_E_UNSUPPORTED, "tensor %s: %llu channels, not 1 or 3",
                           patch->name, (unsigned long long)patch->shape[1]);
    info->channels = (uint32_t)patch->shape[1];
    VIT158_RETURN_IF_ERROR(
        take_side(im, &info->mlp_dim, fc1->shape[0], VIT158_MAX_MLP_DIM, "the MLP's width"));
    if (!im->variant.headless) {
        VIT158_RETURN_IF_ERROR(need(im, &head, VIT158_PLACE_HEAD_WEIGHT, 2, "head"));
        VIT158_RETURN_IF_ERROR(take_side(im, &info->classes, head->shape[0], VIT158_MAX_CLASSES,
                                         "the number of classes"));
    }
    info->prefix_tokens = im->variant.prefix_tokens;
    info->embedding = vit158_variant_embedding(&im->variant, info->dim);
    info->depth = im->places.depth;
    VIT158_RETURN_IF_ERROR(read_grid(im, pos));
    uint32_t checked;
    VIT158_RETURN_IF_ERROR(
        take_side(im, &checked, info->image_size, VIT158_MAX_IMAGE_SIZE, "the images' side"));
    const uint32_t grid = info->image_size / info->patch_size;
    return take_side(im, &info->tokens, (uint64_t)grid * grid + info->prefix_tokens,
                     VIT158_MAX_TOKENS, "the number of tokens");
}

/* What the texts say must be what the shapes say. Without a head their classes mean nothing. */
static vit158_status check_settings(const importer *im)
{
    const vit158_settings *s = &im->settings;
    const struct {
        const char *what;
        uint32_t said;
        uint32_t found;
    } sides[] = {{"width", s->dim, im->info.dim},
                 {"blocks", s->depth, im->info.depth},
                 {"MLP width", s->mlp_dim, im->info.mlp_dim},
                 {"channels", s->channels, im->info.channels},
                 {"patch size", s->patch_size, im->info.patch_size},
                 {"image size", s->image_size, im->source_grid * im->info.patch_size},
                 {"classes", im->variant.headless ? 0 : s->classes, im->info.classes},
                 {"labels", im->variant.headless ? 0 : s->label_count, im->info.classes}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        if (sides[i].said != 0 && sides[i].said != sides[i].found)
            return vit158_fail(im->error, VIT158_E_METADATA,
                               "%s: %u, but the tensors' shapes say %u", sides[i].what,
                               sides[i].said, sides[i].found);
    }
    return VIT158_OK;
}

/* ---- Heads ---- */

/* timm's sizes: a word of the architecture's name. */
static uint32_t heads_of_architecture(const char *name, uint32_t dim)
{
    static const struct {
        const char *word;
        uint32_t dim;
        uint32_t heads;
    } sizes[] = {{"_tiny_", 192, 3},    {"_small_", 384, 6},      {"_wee_", 256, 4},
                 {"_little_", 320, 5},  {"_medium_", 512, 8},     {"_betwixt_", 640, 10},
                 {"_base_", 768, 12},   {"_large_", 1024, 16},    {"_huge_", 1280, 16},
                 {"_giant_", 1408, 16}, {"_gigantic_", 1664, 16}, {"_so400m_", 1152, 16},
                 {"vit_b_", 768, 12},   {"vit_l_", 1024, 16},     {"vit_h_", 1280, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strstr(name, sizes[i].word) != NULL && sizes[i].dim == dim)
            return sizes[i].heads;
    }
    return 0;
}

static uint32_t heads_of_width(uint32_t dim)
{
    static const uint32_t widths[][2] = {{192, 3},  {384, 6},   {512, 8},
                                         {768, 12}, {1024, 16}, {1280, 16}};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        if (widths[i][0] == dim)
            return widths[i][1];
    }
    return 0;
}

static vit158_status find_heads(importer *im)
{
    const char *said = vit158_import_said(im, "heads");
    vit158_model_info *info = &im->info;
    const char *architecture =
        im->settings.architecture[0] != 0 ? im->settings.architecture : im->weight_file;
    if (im->options->heads != 0) {
        info->heads = im->options->heads;
        im->heads_from = "as told";
    } else if (said != NULL) {
        if (!vit158_decimal_u32(&info->heads, said, strlen(said)))
            return vit158_fail(im->error, VIT158_E_METADATA,
                               "the metadata's heads are %s, not a whole number", said);
        im->heads_from = "as the metadata say";
    } else if (im->settings.heads != 0) {
        info->heads = im->settings.heads;
        im->heads_from = "as config.json says";
    } else if ((info->heads = heads_of_architecture(architecture, info->dim)) != 0) {
        im->heads_from = "by the architecture's name";
    } else if ((info->heads = heads_of_width(info->dim)) != 0) {
        im->heads_from = "as ViTs of this width have; say others with --heads";
    } else {
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "the number of heads cannot be seen in a file, and the width %u does "
                           "not tell it: say it with --heads N (num_heads of the model's code)",
                           info->dim);
    }
    if (info->heads == 0 || info->heads > VIT158_MAX_HEADS || info->dim % info->heads != 0)
        return vit158_fail(im->error, VIT158_E_METADATA, "%u heads do not divide a width of %u",
                           info->heads, info->dim);
    return VIT158_OK;
}

/* ---- Recipe ---- */

/* Sets a text of the settings, which a file without texts leaves empty, unless the metadata say it.
 */
static void assume(const importer *im, char *out, const char *key, const char *text)
{
    if (vit158_import_said(im, key) == NULL)
        memcpy(out, text, strlen(text) + 1);
}

/* Bare files say nothing about images: what their library takes by default, and say so. */
static void assume_recipe(importer *im)
{
    vit158_settings *s = &im->settings;
    const bool torchvision = im->places.family == VIT158_FAMILY_TORCHVISION;
    const bool half = !torchvision && strncmp(im->weight_file, "vit_", 4) == 0;
    assume(im, s->mean, "mean", half ? "0.5,0.5,0.5" : "0.485,0.456,0.406");
    assume(im, s->std, "std", half ? "0.5,0.5,0.5" : "0.229,0.224,0.225");
    assume(im, s->interpolation, "interpolation", torchvision ? "bilinear" : "bicubic");
    if (vit158_import_said(im, "resize") == NULL)
        assume(im, s->crop_pct, "crop_pct", torchvision ? "0.875" : "0.9");
    im->recipe_from =
        half ? "assumed, as timm's vit_ models have: mean and std 0.5; say others with "
               "--metadata"
             : "assumed, ImageNet's mean and std; say others with --metadata";
}

static vit158_status find_recipe(importer *im)
{
    const vit158_settings *s = &im->settings;
    if ((s->mean[0] != 0 || vit158_import_said(im, "mean") != NULL) &&
        (s->std[0] != 0 || vit158_import_said(im, "std") != NULL)) {
        if (!im->folder)
            im->recipe_from = "as the metadata say";
        return VIT158_OK;
    }
    if (im->folder)
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "%s says no mean and std of the images: say them with --metadata, "
                           "{\"mean\":\"0.5,0.5,0.5\",\"std\":\"0.5,0.5,0.5\"}",
                           im->recipe_from);
    if (im->info.channels != 3)
        return vit158_fail(im->error, VIT158_E_METADATA,
                           "mean and std of the images are not known: say them with --metadata, "
                           "{\"mean\":\"0.5\",\"std\":\"0.5\"}");
    assume_recipe(im);
    return VIT158_OK;
}

vit158_status vit158_import_plan(importer *im)
{
    VIT158_RETURN_IF_ERROR(vit158_import_variant(im));
    VIT158_RETURN_IF_ERROR(read_shapes(im));
    VIT158_RETURN_IF_ERROR(check_settings(im));
    VIT158_RETURN_IF_ERROR(find_heads(im));
    return find_recipe(im);
}
