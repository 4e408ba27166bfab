/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a checkpoint that a run is to be resumed from: an error with a sentence, or a state
 * that a step can be taken from. The seed was written by a run of this recipe, stopped at step 2:
 *   image_size 4, channels 1, dim 16, heads 1, depth 1, mlp_dim 16, batch 2, microbatch 2, threads
 * 1
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/memory_disk.h"
#include "train/checkpoint.h"
#include "train/step.h"

#define FILE_NAME MEMORY_DISK "checkpoint"
#define IMAGES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* The smallest network there is, on four images. */
static vit158_trainer *start(void)
{
    vit158_train_recipe r;
    vit158_train_dataset train, none = {0};
    vit158_trainer *trainer = NULL;
    vit158_error error;
    vit158_train_recipe_defaults(&r);
    r.net.image_size = 4;
    r.net.channels = 1;
    r.net.dim = 16;
    r.net.depth = 1;
    r.net.heads = 1;
    r.net.mlp_dim = 16;
    r.batch = r.microbatch = 2;
    r.threads = 1;
    r.epochs = 10;
    if (vit158_train_dataset_allocate(&train, IMAGES, 1, 4, 2, 4, &error) != VIT158_OK)
        abort();
    memset(train.pixels, 100, IMAGES * vit158_train_dataset_image(&train));
    memcpy(train.names, "a\0b", 4);
    train.labels[1] = 1;
    if (vit158_trainer_create(&trainer, &r, &train, &none, &error) != VIT158_OK)
        abort();
    return trainer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static vit158_trainer *trainer;
    vit158_error error = {VIT158_OK, ""};
    if (trainer == NULL)
        trainer = start();
    memory_disk_put(FILE_NAME, data, n_bytes);
    const vit158_status status = vit158_train_checkpoint_load(trainer, FILE_NAME, &error);
    memory_disk_clear();
    if (status != VIT158_OK) {
        if (error.status != status || strlen(error.message) < 10)
            abort();
        return 0;
    }
    vit158_train_step_result result;
    const vit158_status stepped = vit158_train_step(trainer, &result, &error);
    if (stepped != VIT158_OK && stepped != VIT158_E_NUMERIC)
        abort();
    return 0;
}
