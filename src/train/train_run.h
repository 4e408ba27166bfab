/* SPDX-License-Identifier: MIT
 *
 * A whole run in a folder: log.jsonl, last.ckpt (resumed from), best.safetensors (the better of
 * last and averaged weights at the best validation so far), last.safetensors.
 */
#ifndef VIT158_TRAIN_TRAIN_RUN_H
#define VIT158_TRAIN_TRAIN_RUN_H

#include "train/train_recipe.h"

typedef struct vit158_train_run_options {
    const char *out_dir;
    const char *resume; /* checkpoint file, NULL = start anew */
    double max_minutes; /* stop (with a checkpoint) after so long, 0 = never */
    uint64_t max_steps; /* stop after so many steps in all, 0 = never */
    volatile int *stop; /* set to non-zero from outside: checkpoint and stop; may be NULL */
    FILE *progress;     /* NULL = quiet */
} vit158_train_run_options;

#define VIT158_TRAIN_PATH_BYTES 1024 /* of a file of a run, the NUL included */

vit158_status vit158_train_run(const vit158_train_recipe *recipe,
                               const vit158_train_run_options *options, vit158_error *error);

/* The path of a file of the run's folder. Errors: VIT158_E_ARGUMENT, the folder's name is too long.
 */
vit158_status vit158_train_run_path(char out[VIT158_TRAIN_PATH_BYTES],
                                    const vit158_train_run_options *options, const char *name,
                                    vit158_error *error);

#endif
