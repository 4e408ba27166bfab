/* SPDX-License-Identifier: MIT
 *
 * The new model's metadata, and the paragraph that says what was done and what was assumed.
 */
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/importer.h"

typedef vit158_importer importer;

/* ---- Metadata ---- */

/* Keys of a source's metadata that say how it was stored, not what it is. */
static bool is_of_storage(const char *key)
{
    static const char *const keys[] = {"format",     "format_version", "encodings",
                                       "image_size", "prefix_tokens",  "head_tokens",
                                       "head",       "inner_norms"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
    }
    return false;
}

static void set_if_said(vit158_draft *draft, const char *key, const char *value)
{
    if (value[0] != 0)
        vit158_draft_set(draft, key, value);
}

static const char *value_of(const importer *im, const char *key, const char *missing)
{
    for (size_t i = 0; i < im->draft->metadata_count; i++) {
        if (strcmp(im->draft->metadata[i].key, key) == 0)
            return im->draft->metadata[i].value;
    }
    return missing;
}

static void set_settings(const importer *im)
{
    const vit158_settings *s = &im->settings;
    vit158_draft *draft = im->draft;
    set_if_said(draft, "mean", s->mean);
    set_if_said(draft, "std", s->std);
    set_if_said(draft, "interpolation", s->interpolation);
    set_if_said(draft, "crop_pct", s->crop_pct);
    set_if_said(draft, "norm_eps", s->norm_eps);
    set_if_said(draft, "source", s->architecture);
    /* A resize for the source's size does not fit another one: its share is kept. */
    if (s->resize != 0 && im->options->image_size == 0)
        vit158_draft_set_count(draft, "resize", s->resize);
    else if (s->resize != 0)
        vit158_draft_set_count(draft, "resize",
                               (uint64_t)s->resize * im->info.image_size /
                                   (im->source_grid * im->info.patch_size));
    if (s->squash)
        vit158_draft_set(draft, "resize_mode", "squash");
    if (s->labels != NULL && !im->variant.headless)
        vit158_draft_set(draft, "labels", s->labels);
    vit158_draft_default(draft, "architecture", "vit");
    vit158_draft_variant(draft, &im->variant);
    if (im->scale_norms) { /* not of a ternary model, and like the others */
        vit158_draft_set(draft, "weights", "float");
        vit158_draft_set(draft, "inner_norm_eps", value_of(im, "norm_eps", "1e-6"));
    }
}

vit158_status vit158_import_metadata(importer *im)
{
    const vit158_header *own = vit158_source_metadata(&im->source);
    for (uint32_t i = 0; own != NULL && i < own->metadata_count; i++) {
        if (!is_of_storage(own->metadata_keys[i]))
            vit158_draft_set(im->draft, own->metadata_keys[i], own->metadata_values[i]);
    }
    set_settings(im);
    for (uint32_t i = 0; i < im->extra.metadata_count; i++) {
        if (is_of_storage(im->extra.metadata_keys[i]))
            return vit158_fail(im->error, VIT158_E_METADATA,
                               "--metadata: %s is set by the import itself",
                               im->extra.metadata_keys[i]);
        vit158_draft_set(im->draft, im->extra.metadata_keys[i], im->extra.metadata_values[i]);
    }
    vit158_draft_complete(im->draft, &im->info);
    return VIT158_OK;
}

/* ---- Report ---- */

typedef struct writer {
    char *text;
    size_t capacity;
    size_t length;
} writer;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
add(writer *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    to->length +=
        vit158_format_list(to->text + to->length, to->capacity - to->length, format, arguments);
    va_end(arguments);
}

static void add_tensors(writer *to, const importer *im)
{
    const bool parts = im->places.tensors[vit158_place_in(0, VIT158_IN_QUERY_WEIGHT)] != 0;
    add(to, "%u tensors with names of %s", im->source.tensor_count,
        vit158_family_name(im->places.family));
    if (im->places.prefix_bytes > 0)
        add(to, " (%.*s taken off)", (int)im->places.prefix_bytes, im->source.tensors[0].name);
    if (im->source.inside[0] != 0)
        add(to, " under \"%s\"", im->source.inside);
    if (im->source.file_count > 1)
        add(to, " in %u files", im->source.file_count);
    add(to, ": %u made", im->made);
    if (parts)
        add(to, ", query/key/value joined");
    if (im->folded > 0)
        add(to, ", %u LayerScales folded into the matrices before them", im->folded);
    if (im->zeros > 0)
        add(to, ", %u missing biases made of zeros", im->zeros);
    if (im->no_embed_class)
        add(to, im->info.prefix_tokens == 1
                    ? ", a position of zeros for the class token"
                    : ", positions of zeros for the tokens before the patches");
    if (im->ternary)
        add(to,
            ", the blocks' matrices are ternary already and keep their scales (their inputs are "
            "now rounded to 8 bits)");
    if (im->places.ignored > 0)
        add(to, ", %u without a use:", im->places.ignored);
    for (uint32_t i = 0; i < im->source.tensor_count; i++) {
        if (im->source.tensors[i].place == VIT158_PLACE_IGNORED)
            add(to, " %s", im->source.tensors[i].name);
    }
}

/* What is computed beyond the plain model. */
static void add_variant(writer *to, const importer *im)
{
    const vit158_variant *v = &im->variant;
    if (v->pooling == VIT158_POOLING_AVG)
        add(to, "; the mean of the patches%s", v->fc_norm ? ", normalised (fc_norm)" : "");
    if (v->prefix_tokens == 0)
        add(to, "; no class token");
    else if (v->prefix_tokens > 1)
        add(to, "; %u tokens before the patches", v->prefix_tokens);
    if (v->head_tokens == 2)
        add(to, "; two heads made one, which gives the mean of their logits");
    if (v->norm_pre)
        add(to, "; a norm before the first block");
    if (v->activation != VIT158_ACTIVATION_GELU)
        add(to, "; activation %s", vit158_activation_name(v->activation));
    if (im->scale_norms)
        add(to, "; norms before proj and fc2");
}

static void add_recipe(writer *to, const importer *im)
{
    const vit158_model_info *info = &im->info;
    const uint32_t grid = info->image_size / info->patch_size;
    add(to, "; images %u x %u, %s", info->image_size, info->image_size,
        value_of(im, "interpolation", "bicubic"));
    const char *resize = value_of(im, "resize", NULL);
    const char *crop = value_of(im, "crop_pct", NULL);
    if (resize != NULL)
        add(to, im->settings.squash ? ", squashed to %s" : ", shorter side %s", resize);
    else if (crop != NULL)
        add(to, ", crop %s", crop);
    add(to, ", mean %s, std %s (%s)", value_of(im, "mean", ""), value_of(im, "std", ""),
        im->recipe_from);
    if (grid != im->source_grid)
        add(to, "; positions resized from %u x %u to %u x %u", im->source_grid, im->source_grid,
            grid, grid);
}

static uint64_t size_with(const importer *im, uint64_t matrix_bytes, uint64_t rest_bytes)
{
    uint64_t header = 0;
    for (size_t i = 0; i < im->draft->metadata_count; i++)
        header += strlen(im->draft->metadata[i].key) + strlen(im->draft->metadata[i].value) + 6;
    for (size_t i = 0; i < im->draft->tensor_count; i++)
        header += strlen(im->draft->tensors[i].name) + 70;
    return header + matrix_bytes + rest_bytes;
}

void vit158_import_word_report(vit158_import_report *report, const importer *im)
{
    writer to = {report->text, sizeof report->text, 0};
    report->text[0] = 0;
    add_tensors(&to, im);
    add_variant(&to, im);
    add_recipe(&to, im);
    if (im->variant.headless)
        add(&to, "; no head: it gives embeddings");
    else if (value_of(im, "labels", NULL) != NULL)
        add(&to, "; labels for %u classes", im->info.classes);
    else
        add(&to, "; %u classes without labels (say them with --labels FILE)", im->info.classes);
    add(&to, "; heads %u (%s)", im->info.heads, im->heads_from);
    add(&to, "; eps %s", value_of(im, "norm_eps", "1e-6"));
    if (im->places.family == VIT158_FAMILY_TIMM && im->folder == false &&
        vit158_import_said(im, "norm_eps") == NULL)
        add(&to, " (timm's)");
    const uint64_t weights = im->matrix_weights + im->end_weights;
    const uint64_t rows = im->matrix_rows + im->end_rows;
    report->f32_bytes = size_with(im, 4 * weights, 4 * im->rest_weights);
    report->f16_bytes = size_with(im, 2 * weights, 2 * im->rest_weights);
    report->i8_bytes = size_with(im, weights + 4 * rows, 2 * im->rest_weights);
}
