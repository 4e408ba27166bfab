/* SPDX-License-Identifier: MIT
 *
 * What a search for merges found, as a table, as JSON and as a drawing.
 */
#ifndef VIT158_CLI_MERGE_REPORT_H
#define VIT158_CLI_MERGE_REPORT_H

#include "cli/merge_search.h"

/* A name of options.merge and the list that was chosen for it. */
typedef struct vit158_merge_preset {
    const char *name;                /* "fast" */
    double kl;                       /* the most that it may change */
    const vit158_merge_point *point; /* NULL: no list changes so little */
} vit158_merge_preset;

#define VIT158_MERGE_PRESETS 3U

typedef struct vit158_merge_report {
    const char *model; /* its name */
    const vit158_merge_search *search;
    vit158_merge_preset presets[VIT158_MERGE_PRESETS];
} vit158_merge_report;

/* The points on the curve and the presets, for people. */
void vit158_merge_report_print(const vit158_merge_report *report);

/* Whole files or none. */
vit158_status vit158_merge_report_json(const vit158_merge_report *report, const char *path,
                                       vit158_error *error);
vit158_status vit158_merge_report_svg(const vit158_merge_report *report, const char *path,
                                      vit158_error *error);

#endif
