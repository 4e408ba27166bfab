/* SPDX-License-Identifier: MIT
 *
 * Golden files: text to structs, every member checked. See golden_file.h.
 */
#include "cli/golden_file.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "cli/files.h"
#include "cli/json_read.h"

#define MAX_GOLDEN_BYTES ((size_t)256 << 20)
#define FORMAT_NAME "vit158-golden"
#define FORMAT_VERSION 1

void vit158_golden_image_free(vit158_golden_image *image)
{
    free(image->file);
    free(image->top1_label);
    free(image->steps);
    free(image->logits);
    *image = (vit158_golden_image){0};
}

void vit158_golden_free(vit158_golden *golden)
{
    for (size_t i = 0; i < golden->image_count; i++)
        vit158_golden_image_free(&golden->images[i]);
    free(golden->images);
    free(golden->model_file);
    free(golden->merge);
    *golden = (vit158_golden){0};
}

static bool read_file_name(vit158_json_in *in, char **out)
{
    return vit158_json_read_text(in, out) &&
           (**out != '\0' || vit158_json_in_problem(in, "a file name is empty"));
}

static bool read_top1(vit158_json_in *in, vit158_golden_image *image)
{
    bool has_index = false;
    vit158_json_string key;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "index"))
            has_index = vit158_json_read_u32(in, &image->top1_index);
        else if (vit158_json_key_is(&key, "label"))
            vit158_json_read_text(in, &image->top1_label);
        else
            vit158_json_in_problem(in, "an unknown member of top1");
    }
    if (!has_index || image->top1_label == NULL)
        vit158_json_in_problem(in, "top1 is not {index, label}");
    return in->problem == NULL;
}

static void read_steps(vit158_json_in *in, vit158_golden_image *image)
{
    vit158_json_string key;
    image->step_count = 0;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        vit158_golden_step step = {0};
        if (key.raw_bytes >= sizeof step.name) {
            vit158_json_in_problem(in, "the name of a step is too long");
            return;
        }
        vit158_json_string_decode(step.name, &key);
        if (!vit158_json_read_hash(in, step.sha256) ||
            !vit158_json_grow(in, (void **)&image->steps, image->step_count, sizeof step))
            return;
        image->steps[image->step_count++] = step;
    }
}

static void read_logits(vit158_json_in *in, vit158_golden_image *image)
{
    image->logit_count = 0;
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']')) {
        float value = 0;
        if (!vit158_json_read_float(in, &value) ||
            !vit158_json_grow(in, (void **)&image->logits, image->logit_count, sizeof value))
            return;
        image->logits[image->logit_count++] = value;
    }
}

/* What the members must be together. */
static bool check_image(vit158_json_in *in, const vit158_golden_image *p)
{
    char hash[65];
    if (p->file == NULL || p->sha256[0] == '\0' || p->logits_sha256[0] == '\0' ||
        p->top1_label == NULL || p->step_count == 0 || p->logit_count == 0)
        return vit158_json_in_problem(in, "a member of an image is missing or empty");
    if (p->top1_index >= p->logit_count)
        return vit158_json_in_problem(in, "top1 is no class");
    vit158_sha256_hex(hash, p->logits, p->logit_count * sizeof *p->logits);
    return strcmp(hash, p->logits_sha256) == 0 ||
           vit158_json_in_problem(in, "logits and logits_sha256 disagree");
}

static bool read_image(vit158_json_in *in, vit158_golden_image *p)
{
    vit158_json_string key;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "file"))
            read_file_name(in, &p->file);
        else if (vit158_json_key_is(&key, "sha256"))
            vit158_json_read_hash(in, p->sha256);
        else if (vit158_json_key_is(&key, "top1"))
            read_top1(in, p);
        else if (vit158_json_key_is(&key, "logits_sha256"))
            vit158_json_read_hash(in, p->logits_sha256);
        else if (vit158_json_key_is(&key, "steps"))
            read_steps(in, p);
        else if (vit158_json_key_is(&key, "logits"))
            read_logits(in, p);
        else
            vit158_json_in_problem(in, "an unknown member of an image");
    }
    return in->problem == NULL && check_image(in, p);
}

static void read_images(vit158_json_in *in, vit158_golden *golden)
{
    if (golden->images != NULL) {
        vit158_json_in_problem(in, "pictures are there twice");
        return;
    }
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']') &&
           vit158_json_grow(in, (void **)&golden->images, golden->image_count,
                            sizeof *golden->images)) {
        vit158_golden_image *const image = &golden->images[golden->image_count++];
        *image = (vit158_golden_image){0};
        read_image(in, image);
    }
    if (golden->image_count == 0)
        vit158_json_in_problem(in, "there are no pictures");
}

static void read_model(vit158_json_in *in, vit158_golden *golden)
{
    vit158_json_string key;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "file"))
            read_file_name(in, &golden->model_file);
        else if (vit158_json_key_is(&key, "sha256"))
            vit158_json_read_hash(in, golden->model_sha256);
        else
            vit158_json_in_problem(in, "an unknown member of model");
    }
}

static vit158_status parse(vit158_golden *golden, vit158_json_in *in, vit158_error *error)
{
    bool has_numerics = false;
    vit158_json_string key;
    VIT158_RETURN_IF_ERROR(
        vit158_json_read_format(in, FORMAT_NAME, FORMAT_VERSION, "golden file", error));
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "numerics_version"))
            has_numerics = vit158_json_read_u32(in, &golden->numerics_version);
        else if (vit158_json_key_is(&key, "model"))
            read_model(in, golden);
        else if (vit158_json_key_is(&key, "merge"))
            vit158_json_read_text(in, &golden->merge);
        else if (vit158_json_key_is(&key, "pictures"))
            read_images(in, golden);
        else
            vit158_json_in_problem(in, "an unknown member");
    }
    vit158_json_in_end(in);
    if (!has_numerics || golden->model_file == NULL || golden->model_sha256[0] == '\0' ||
        golden->images == NULL)
        vit158_json_in_problem(in, "numerics_version, model or pictures are missing");
    if (in->problem != NULL)
        return vit158_fail(error, VIT158_E_JSON, "%s at byte %zu of the golden file", in->problem,
                           in->position);
    return VIT158_OK;
}

vit158_status vit158_golden_parse(vit158_golden *golden, const void *text, size_t n_bytes,
                                  vit158_error *error)
{
    const char *const bytes = text;
    *golden = (vit158_golden){0};
    if (n_bytes == 0 || bytes[0] != '{')
        return vit158_fail(error, VIT158_E_FORMAT, "not a golden file");
    size_t end = n_bytes;
    while (memchr(" \t\r\n", bytes[end - 1], 4) != NULL)
        end--;
    if (bytes[end - 1] != '}')
        return vit158_fail(error, VIT158_E_TRUNCATED, "the golden file ends before it should");
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    const vit158_status status = parse(golden, &in, error);
    if (status != VIT158_OK)
        vit158_golden_free(golden);
    return status;
}

vit158_status vit158_golden_read(vit158_golden *golden, const char *path, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    *golden = (vit158_golden){0};
    VIT158_RETURN_IF_ERROR(vit158_input_read(&bytes, &n_bytes, path, MAX_GOLDEN_BYTES, error));
    const vit158_status status = vit158_golden_parse(golden, bytes, n_bytes, error);
    free(bytes);
    return status;
}
