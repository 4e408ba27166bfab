/* SPDX-License-Identifier: MIT
 *
 * What is in a folder of class folders before one learns from it: classes and counts, files that
 * are no images, and images that stand in both of two folders.
 */
#ifndef VIT158_CLI_FOLDER_REPORT_H
#define VIT158_CLI_FOLDER_REPORT_H

#include <stdio.h>

#include "vit158.h"

/* Decodes every image of `train` and of `val` (NULL or "": none) and prints to `out` how many there
 * are of how many classes, the smallest and largest class, and images that both folders have, byte
 * for byte. `out` may be NULL. *classes = class folders of train.
 * Errors: VIT158_E_VALUE, after each damaged file has been named on stderr; VIT158_E_ARGUMENT for a
 * class of val that train has not; those of listing. */
vit158_status vit158_folder_report(uint32_t *classes, const char *train, const char *val, FILE *out,
                                   vit158_error *error);

#endif
