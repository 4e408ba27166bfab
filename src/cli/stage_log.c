/* SPDX-License-Identifier: MIT */
#include "cli/stage_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of a log's line, < 0 if it has none of that name. */
static double number_of(const char *line, const char *key)
{
    const char *const at = strstr(line, key);
    return at != NULL ? strtod(at + strlen(key), NULL) : -1.0;
}

vit158_stage_log vit158_stage_log_read(const char *path)
{
    char line[1024];
    vit158_stage_log log = {-1.0, -1.0, -1.0};
    FILE *const file = path != NULL ? fopen(path, "r") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const double accuracy = number_of(line, "\"val_accuracy\":");
        const double loss = number_of(line, "\"val_loss\":");
        if (strstr(line, "\"eval\"") == NULL)
            continue;
        log.last_loss = loss;
        if (accuracy > log.best_accuracy) {
            log.best_accuracy = accuracy;
            log.best_loss = loss;
        }
    }
    if (file != NULL)
        fclose(file);
    return log;
}
