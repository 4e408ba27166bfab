/* SPDX-License-Identifier: MIT
 *
 * What the steps of an import share: the opened source, what its texts say, the plan made of both.
 * import.c runs the steps, import_plan.c decides geometry and recipe, import_tensors.c makes the
 * tensors, import_report.c words the report; importer.c has what all of them call.
 */
#ifndef VIT158_IMPORT_IMPORTER_H
#define VIT158_IMPORT_IMPORTER_H

#include "import/import.h"
#include "import/places.h"
#include "import/settings.h"

typedef struct vit158_importer {
    const vit158_import_files *files;
    const vit158_import_options *options;
    vit158_draft *draft;
    vit158_source source;
    vit158_places places;
    vit158_settings settings;
    vit158_header extra; /* the additional metadata */
    const char *weight_file;
    bool folder;
    /* The plan. */
    vit158_model_info info;
    uint32_t source_grid; /* patches along a side, in the source */
    bool no_embed_class;  /* positions have no row for the class token */
    vit158_variant variant;
    uint32_t norm_place; /* of the source's final norm */
    bool scale_norms;    /* its inner norms are a float model's, not BitLinear's */
    bool ternary;        /* the matrices hold -m, 0 and m only, by output or as a whole */
    const char *heads_from;
    const char *recipe_from;
    uint32_t made;   /* tensors of the model */
    uint32_t folded; /* LayerScale vectors */
    uint32_t zeros;  /* biases that were missing */
    uint64_t matrix_weights;
    uint64_t matrix_rows;
    uint64_t end_weights; /* of the patch embedding and the head */
    uint64_t end_rows;
    uint64_t rest_weights;
    vit158_error *error;
} vit158_importer;

/* Pooling, tokens before the patches, head, activation, norms. */
vit158_status vit158_import_variant(vit158_importer *im);

/* Geometry, heads, recipe: checked against shapes, limits and the engine's abilities. */
vit158_status vit158_import_plan(vit158_importer *im);

/* All tensors into the draft. */
vit158_status vit158_import_tensors(vit158_importer *im);

/* Those of the whole model; used by vit158_import_tensors. */
vit158_status vit158_import_globals(vit158_importer *im);

/* The tensor of a place, NULL if there is none. */
static inline const vit158_source_tensor *vit158_import_at(const vit158_importer *im,
                                                           uint32_t place)
{
    return vit158_place_tensor(&im->places, &im->source, place);
}

/* The tensor of a place, which is now used; NULL if there is none. */
const vit158_source_tensor *vit158_import_take(vit158_importer *im, uint32_t place);

/* So many zeros (1 or more), the caller's to free; NULL fills im->error. */
float *vit158_import_floats(const vit158_importer *im, size_t count);

/* Values of a place whose shape must be [rows][columns], or [rows] with columns = 0. With
 * `optional` a missing tensor gives zeros. */
vit158_status vit158_import_place(vit158_importer *im, float *out, uint32_t place, uint32_t rows,
                                  uint32_t columns, bool optional);

/* A tensor of the new model, stored as asked for. */
void vit158_import_keep(vit158_importer *im, const char *name, uint32_t rank, const uint64_t *shape,
                        const float *values);

/* int8 with a scale a row, whose largest magnitude becomes 127: scales [rows] and values [rows]
 * [columns]. */
void vit158_import_scales(float *scales, const float *values, uint32_t rows, size_t columns);
void vit158_import_round(int8_t *out, const float *values, const float *scales, uint32_t rows,
                         size_t columns);

/* The settings into the draft's metadata, additional metadata last. */
vit158_status vit158_import_metadata(vit158_importer *im);

void vit158_import_word_report(vit158_import_report *report, const vit158_importer *im);

/* Value of a key: additional metadata, then the source's own; NULL if neither has it. */
const char *vit158_import_said(const vit158_importer *im, const char *key);

#endif
