/* SPDX-License-Identifier: MIT
 *
 * Reading a JSON object by a table of its keys. A key of the table is taken by its function, or has
 * no effect (NULL); any other key is refused by name. Used by the readers of settings.h.
 */
#ifndef VIT158_IMPORT_CONFIG_TABLE_H
#define VIT158_IMPORT_CONFIG_TABLE_H

#include "import/json_value.h"
#include "import/settings.h"

typedef struct vit158_config {
    vit158_settings *out;
    const char *file;
    char key[64]; /* of the value being taken, cut if longer */
    /* Of preprocessor_config.json, to be decided on at the end. */
    bool center_crop;
    uint32_t crop;
    uint32_t shortest_edge;
    char crop_fraction[32];
    vit158_error *error;
} vit158_config;

typedef struct vit158_config_key {
    const char *name;
    vit158_status (*take)(vit158_config *c, const vit158_json_value *value);
} vit158_config_key;

/* Walks the object. Errors: VIT158_E_JSON, VIT158_E_UNSUPPORTED, those of the functions. */
vit158_status vit158_config_read(vit158_config *c, const vit158_json_value *object,
                                 const vit158_config_key *keys, size_t key_count);

/* "FILE: key KEY: why" */
vit158_status vit158_config_bad(const vit158_config *c, vit158_status status, const char *why);

/* A whole number above 0; null leaves *out. */
vit158_status vit158_config_count(const vit158_config *c, uint32_t *out,
                                  const vit158_json_value *value);
/* One number, or two equal ones in an array. */
vit158_status vit158_config_side(const vit158_config *c, uint32_t *out,
                                 const vit158_json_value *value);
/* Refuses anything but the given text or null. */
vit158_status vit158_config_only(const vit158_config *c, const vit158_json_value *value,
                                 const char *text, const char *why);
/* Refuses anything but that truth value. */
vit158_status vit158_config_must_be(const vit158_config *c, const vit158_json_value *value,
                                    bool truth, const char *why);

/* config.json of Hugging Face (config_hf.c); config_timm.c reads timm's, and tells the two apart.
 */
vit158_status vit158_config_hf(vit158_config *c, const vit158_json_value *object);
/* What both libraries have: width, mean and std, an activation by its name, and the kind of
 * problem, which must be the one that is solved here. */
vit158_status vit158_config_dim(vit158_config *c, const vit158_json_value *value);
vit158_status vit158_config_mean(vit158_config *c, const vit158_json_value *value);
vit158_status vit158_config_std(vit158_config *c, const vit158_json_value *value);
vit158_status vit158_config_activation(vit158_config *c, const vit158_json_value *value);
vit158_status vit158_config_problem(vit158_config *c, const vit158_json_value *value);
/* id2label: an object whose keys are the numbers 0 .. n-1 in any order. */
vit158_status vit158_config_id2label(vit158_config *c, const vit158_json_value *value);
/* An array of strings. */
vit158_status vit158_config_label_array(vit158_config *c, const vit158_json_value *value);

#endif
