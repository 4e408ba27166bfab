/* SPDX-License-Identifier: MIT
 *
 * What `vit158 quantize` has to say of its result: a line, a JSON file, an image.
 */
#ifndef VIT158_CLI_QUANTIZE_REPORT_H
#define VIT158_CLI_QUANTIZE_REPORT_H

#include "cli/json_file.h"
#include "compress/compress_run.h"

/* On stdout. */
void vit158_quantize_summary(const vit158_compress_result *result, const char *path);

/* How near the result is, as member `key`; `counted` names the number of images. */
void vit158_nearness_json(vit158_json *json, const char *key, const vit158_nearness *nearness,
                          const char *counted);

/* Writes the JSON report and the SVG, either of which may be NULL. The image needs the
 * sensitivities of a budget. Errors: VIT158_E_IO, with the file's name. */
vit158_status vit158_quantize_report(const vit158_compress_result *result,
                                     const vit158_compress_job *job, const char *weights,
                                     const char *json_path, const char *svg_path,
                                     vit158_error *error);

#endif
