/* SPDX-License-Identifier: MIT
 *
 * Teachers: networks read from files of float weights (latent ones of ternary networks, too), whose
 * images and classes are the student's. Several teach the mean of their logits.
 */
#ifndef VIT158_TRAIN_TEACHER_H
#define VIT158_TRAIN_TEACHER_H

#include "model/header.h"
#include "train/dataset.h"
#include "train/pass.h"
#include "train/train_recipe.h"

typedef struct vit158_train_teacher {
    vit158_train_net net;
    float *parameters;
    vit158_train_packed packed;
    vit158_train_workspace workspace[VIT158_TRAIN_MAX_WORKERS];
    void *block;
    struct vit158_train_teacher *next;
} vit158_train_teacher;

/* Whom they teach, and with what. */
typedef struct vit158_train_student {
    const vit158_train_recipe *recipe;
    const vit158_train_net *net;
    const vit158_train_dataset *images;
    const vit158_train_compute *compute;
    bool half; /* products of float networks on bfloat16 */
} vit158_train_student;

typedef struct vit158_train_teachers {
    vit158_train_student student;
    vit158_train_teacher *first; /* owned, as are those behind it */
    uint32_t count;
} vit158_train_teachers;

/* Opens the files named in `paths`, separated by commas; each may have a geometry of its own. What
 * the student points to must outlive them. On failure *teachers is NULL.
 * Errors: VIT158_E_ARGUMENT (other images or classes), _METADATA, _LIMIT, _MEMORY, and those of
 * vit158_safetensors_open. */
vit158_status vit158_train_teachers_open(vit158_train_teachers **teachers,
                                         const vit158_train_student *student, const char *paths,
                                         vit158_error *error);
void vit158_train_teachers_close(vit158_train_teachers *teachers);

/* Whether the file's classes are the data's, by name; a file without labels may be anyone's.
 * Errors: VIT158_E_ARGUMENT, _METADATA, _MEMORY. */
vit158_status vit158_train_labels_check(const vit158_train_dataset *data,
                                        const vit158_header *header, vit158_error *error);

/* logits [count][classes]: the mean of all teachers' of `images` [count][image], floats, in the
 * worker's workspaces; count <= the recipe's microbatch. `same`: of the patches that this workspace
 * of the student has, for hints; else NULL. */
void vit158_train_teachers_run(vit158_train_teachers *teachers, uint32_t worker,
                               const float *images, uint32_t count,
                               const vit158_train_workspace *same, float *logits);

#endif
