/* SPDX-License-Identifier: MIT
 *
 * What the log of a training run (models/recipes/README.md) says of its evaluations.
 */
#ifndef VIT158_CLI_STAGE_LOG_H
#define VIT158_CLI_STAGE_LOG_H

typedef struct vit158_stage_log {
    double best_accuracy, best_loss; /* where accuracy was best; < 0 = no evaluation */
    double last_loss;                /* of the last one */
} vit158_stage_log;

/* A log that cannot be read, and NULL, have no evaluations. */
vit158_stage_log vit158_stage_log_read(const char *path);

#endif
