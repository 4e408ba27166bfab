/* SPDX-License-Identifier: MIT
 *
 * What the steps of an import share: the opened source, what its texts say, the plan made of both.
 * import.c runs the steps, import_plan.c decides geometry and recipe, import_tensors.c makes the
 * tensors, import_report.c words the report.
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
    bool inner_norms;
    bool ternary; /* the matrices hold -m, 0 and m only, by output or as a whole */
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

/* Geometry, heads, recipe: checked against shapes, limits and the engine's abilities. */
vit158_status vit158_import_plan(vit158_importer *im);

/* All tensors into the draft. */
vit158_status vit158_import_tensors(vit158_importer *im);

/* The settings into the draft's metadata, additional metadata last. */
vit158_status vit158_import_metadata(vit158_importer *im);

void vit158_import_word_report(vit158_import_report *report, const vit158_importer *im);

/* Value of a key: additional metadata, then the source's own; NULL if neither has it. */
const char *vit158_import_said(const vit158_importer *im, const char *key);

/* Whether the values of a matrix are -m, 0 and m with one m for each row; scales [n_out] get the
 * m (1 for rows of zeros), *one whether it is the same everywhere. */
bool vit158_import_is_ternary(float *scales, bool *one, const float *values, uint32_t n_out,
                              uint32_t n_in);

#endif
