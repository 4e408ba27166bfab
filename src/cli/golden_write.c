/* SPDX-License-Identifier: MIT
 *
 * Golden files: structs to text, a line an image. See golden_file.h.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/golden_file.h"
#include "cli/json_file.h"

static void write_image(FILE *out, const vit158_golden_image *p)
{
    vit158_json json = vit158_json_to(out);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", p->file);
    vit158_json_text(&json, "sha256", p->sha256);
    vit158_json_open(&json, "top1", '{');
    vit158_json_number(&json, "index", p->top1_index);
    vit158_json_text(&json, "label", p->top1_label);
    vit158_json_close(&json, '}');
    vit158_json_text(&json, "logits_sha256", p->logits_sha256);
    vit158_json_open(&json, "steps", '{');
    for (size_t i = 0; i < p->step_count; i++)
        vit158_json_text(&json, p->steps[i].name, p->steps[i].sha256);
    vit158_json_close(&json, '}');
    vit158_json_open(&json, "logits", '[');
    for (size_t i = 0; i < p->logit_count; i++) {
        const float logit = p->logits[i];
        if (logit == 0.0F && signbit(logit))
            vit158_json_raw(&json, NULL, "-0"); /* the hash knows it from 0 */
        else
            vit158_json_number(&json, NULL, logit);
    }
    vit158_json_close(&json, ']');
    vit158_json_close(&json, '}');
}

static void write_golden(FILE *out, const vit158_golden *golden)
{
    vit158_json json = vit158_json_to(out);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "format", "vit158-golden");
    vit158_json_number(&json, "format_version", 1);
    vit158_json_number(&json, "numerics_version", golden->numerics_version);
    vit158_json_open(&json, "model", '{');
    vit158_json_text(&json, "file", golden->model_file);
    vit158_json_text(&json, "sha256", golden->model_sha256);
    vit158_json_close(&json, '}');
    if (golden->merge != NULL)
        vit158_json_text(&json, "merge", golden->merge);
    fputs(",\"pictures\":[\n", out);
    for (size_t i = 0; i < golden->image_count; i++) {
        write_image(out, &golden->images[i]);
        fputs(i + 1 < golden->image_count ? ",\n" : "\n", out);
    }
    fputs("]}\n", out);
}

vit158_status vit158_golden_write(size_t *n_bytes, const vit158_golden *golden, const char *path,
                                  vit158_error *error)
{
    vit158_file_writer out;
    *n_bytes = 0;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    write_golden(out.file, golden);
    const long end = ftell(out.file);
    VIT158_RETURN_IF_ERROR(vit158_file_commit(&out, error));
    *n_bytes = (size_t)end;
    return VIT158_OK;
}
