/* SPDX-License-Identifier: MIT
 *
 * Which images a command works on: its arguments (files, folders, "-") or a list that is read
 * line by line as the work goes on, so that it may be of any length or never end.
 */
#ifndef VIT158_CLI_PATH_LIST_H
#define VIT158_CLI_PATH_LIST_H

#include <stdio.h>

#include "cli/image_team.h"
#include "cli/options.h"

typedef struct vit158_path_list {
    vit158_image_item *items; /* of the arguments, folders resolved */
    size_t count;
    size_t capacity;
    size_t next;
    FILE *list; /* or NULL */
} vit158_path_list;

/* Lists the images of folders; one that cannot be listed, or has none, is an item that failed. */
vit158_status vit158_path_list_open(vit158_path_list *source, const vit158_arguments *arguments,
                                    vit158_error *error);

/* `path` is a file with a path a line, or "-" for standard input. Empty lines do not count. */
vit158_status vit158_path_list_open_list(vit158_path_list *source, const char *path,
                                         vit158_error *error);

/* For vit158_image_work: `context` is the source. */
bool vit158_path_list_take(void *context, vit158_image_item *item);

void vit158_path_list_close(vit158_path_list *source);

#endif
