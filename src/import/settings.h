/* SPDX-License-Identifier: MIT
 *
 * What a source's texts say about the model: config.json of Hugging Face or timm,
 * preprocessor_config.json. Every key is understood, known to have no effect on an answer, or
 * refused by name.
 */
#ifndef VIT158_IMPORT_SETTINGS_H
#define VIT158_IMPORT_SETTINGS_H

#include "import/import_files.h"

typedef enum vit158_pooling_said {
    VIT158_POOLING_UNSAID,
    VIT158_POOLING_SAID_CLS,
    VIT158_POOLING_SAID_AVG
} vit158_pooling_said;

typedef struct vit158_settings {
    /* 0 and "" where nothing is said. Numbers are kept as they are written. */
    uint32_t heads;
    uint32_t image_size;
    uint32_t patch_size;
    uint32_t channels;
    uint32_t dim;
    uint32_t depth;
    uint32_t mlp_dim;
    uint32_t classes;
    uint32_t resize; /* shorter side */
    bool squash;     /* both sides become `resize` (or the image's size) */
    vit158_pooling_said pooling;
    bool classifier;     /* it must have a head */
    bool distilled;      /* both heads count */
    char activation[16]; /* as metadata has it */
    char norm_eps[32];
    char mean[160];
    char std[160];
    char interpolation[16];
    char crop_pct[32];
    char architecture[80];
    char *labels; /* a JSON array of strings, allocated; NULL if there are none */
    uint32_t label_count;
} vit158_settings;

/* Reads config.json; `hugging_face` says whose it was. Errors: VIT158_E_IO, _JSON, _METADATA,
 * _UNSUPPORTED, _MEMORY, each naming file and key. */
vit158_status vit158_settings_config(vit158_settings *out, bool *hugging_face,
                                     const vit158_import_files *files, vit158_error *error);

/* Reads preprocessor_config.json, if there is one. Errors: the same. */
vit158_status vit158_settings_preprocessor(vit158_settings *out, const vit158_import_files *files,
                                           vit158_error *error);

/* Labels from a text, one a line, or a JSON array of strings. Errors: VIT158_E_METADATA. */
vit158_status vit158_settings_labels(vit158_settings *out, const char *text, size_t n_bytes,
                                     vit158_error *error);

void vit158_settings_clear(vit158_settings *settings);

#endif
