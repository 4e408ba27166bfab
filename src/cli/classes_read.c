/* SPDX-License-Identifier: MIT
 *
 * Files of one's own classes: text to structs, every member checked. See own_classes.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/files.h"
#include "cli/json_read.h"
#include "cli/own_classes.h"

#define MAX_FILE_BYTES ((size_t)256 << 20)
#define FORMAT_NAME "vit158-classes"
#define FORMAT_VERSION 2
#define MOST_CLASSES 1000
#define MOST_VECTORS 20000
#define MOST_NAME_BYTES 400
#define MOST_DIM 65536

static bool read_vector(vit158_json_in *in, float *out, uint32_t dim)
{
    uint32_t n = 0;
    bool is_direction = false;
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']')) {
        if (n == dim)
            return vit158_json_in_problem(in, "a vector has not dim numbers");
        if (!vit158_json_read_float(in, &out[n]))
            return false;
        is_direction = is_direction || out[n] != 0.0F;
        n++;
    }
    if (n < dim)
        return vit158_json_in_problem(in, "a vector has not dim numbers");
    return is_direction || vit158_json_in_problem(in, "a vector is no direction");
}

static void read_vectors(vit158_json_in *in, vit158_own_class *class, uint32_t dim, size_t *total)
{
    size_t room = 0;
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']')) {
        if (class->count == room) {
            room = room > 0 ? 2 * room : 4;
            float *const wider = realloc(class->vectors, room * dim * sizeof *wider);
            if (wider == NULL) {
                vit158_json_in_problem(in, "not enough memory");
                return;
            }
            class->vectors = wider;
        }
        if (++*total > MOST_VECTORS)
            vit158_json_in_problem(in, "there are more than 20000 vectors");
        if (!read_vector(in, class->vectors + class->count * dim, dim))
            return;
        class->count++;
    }
}

static void skip_texts(vit158_json_in *in)
{
    vit158_json_string text;
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']') && vit158_json_in_text(in, &text))
        continue;
}

static void read_class(vit158_json_in *in, vit158_own_class *class, uint32_t dim, size_t *total)
{
    bool has_vectors = false;
    vit158_json_string key;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "name")) {
            vit158_json_read_text(in, &class->name);
        } else if (vit158_json_key_is(&key, "vectors") && !has_vectors) {
            has_vectors = true;
            read_vectors(in, class, dim, total);
        } else if (vit158_json_key_is(&key, "thumbnails")) {
            skip_texts(in);
        } else {
            vit158_json_in_problem(in, "an unknown member of a class, or one that is there twice");
        }
    }
    if (!has_vectors)
        vit158_json_in_problem(in, "a class has no vectors");
    if (class->name == NULL || *class->name == '\0' || strlen(class->name) > MOST_NAME_BYTES)
        vit158_json_in_problem(in, "a class has no name of at most 400 bytes");
}

static void read_classes(vit158_json_in *in, vit158_own_classes *own)
{
    size_t vectors = 0;
    if (own->dim == 0 || own->classes != NULL) {
        vit158_json_in_problem(in, "classes must come once, after dim");
        return;
    }
    own->classes = calloc(MOST_CLASSES, sizeof *own->classes);
    if (own->classes == NULL)
        vit158_json_in_problem(in, "not enough memory");
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']')) {
        if (own->count == MOST_CLASSES)
            vit158_json_in_problem(in, "classes are not 1 to 1000");
        else
            read_class(in, &own->classes[own->count++], own->dim, &vectors);
        if (in->problem != NULL)
            return;
    }
    if (own->count == 0)
        vit158_json_in_problem(in, "classes are not 1 to 1000");
    else if (vectors == 0)
        vit158_json_in_problem(in, "no class has a vector");
}

static void read_model(vit158_json_in *in, vit158_own_classes *own)
{
    vit158_json_string key;
    vit158_json_in_enter(in, '{');
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "name"))
            vit158_json_read_text(in, &own->model_name);
        else if (vit158_json_key_is(&key, "sha256"))
            vit158_json_read_hash(in, own->model_sha256);
        else
            vit158_json_in_problem(in, "an unknown member of model");
    }
}

static void read_method(vit158_json_in *in, vit158_own_classes *own)
{
    vit158_json_string method;
    if (!vit158_json_in_text(in, &method))
        return;
    own->neighbours = vit158_json_key_is(&method, "neighbours");
    if (!own->neighbours && !vit158_json_key_is(&method, "centroid"))
        vit158_json_in_problem(in, "method is not one of centroid, neighbours");
}

static vit158_status read_members(vit158_own_classes *own, vit158_json_in *in, vit158_error *error)
{
    bool has_method = false;
    vit158_json_string key;
    VIT158_RETURN_IF_ERROR(
        vit158_json_read_format(in, FORMAT_NAME, FORMAT_VERSION, "classes file", error));
    while (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key)) {
        if (vit158_json_key_is(&key, "model")) {
            read_model(in, own);
        } else if (vit158_json_key_is(&key, "dim")) {
            if (vit158_json_read_u32(in, &own->dim) && (own->dim < 1 || own->dim > MOST_DIM))
                vit158_json_in_problem(in, "dim is not from 1 to 65536");
        } else if (vit158_json_key_is(&key, "method")) {
            has_method = true;
            read_method(in, own);
        } else if (vit158_json_key_is(&key, "unlike")) {
            own->has_unlike = vit158_json_read_double(in, &own->unlike);
            if (own->has_unlike && !(own->unlike >= -1.0 && own->unlike <= 1.0))
                vit158_json_in_problem(in, "unlike is not from -1 to 1");
        } else if (vit158_json_key_is(&key, "classes")) {
            read_classes(in, own);
        } else {
            vit158_json_in_problem(in, "an unknown member");
        }
    }
    vit158_json_in_end(in);
    if (!has_method || own->model_name == NULL || own->model_sha256[0] == '\0' || own->count == 0)
        vit158_json_in_problem(in, "model, dim, method or classes are missing");
    if (in->problem != NULL)
        return vit158_fail(error, VIT158_E_JSON, "%s at byte %zu of the classes file", in->problem,
                           in->position);
    return VIT158_OK;
}

vit158_status vit158_own_classes_parse(vit158_own_classes *own, const void *text, size_t n_bytes,
                                       vit158_error *error)
{
    *own = (vit158_own_classes){0};
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_status status = read_members(own, &in, error);
    if (status == VIT158_OK)
        status = vit158_own_classes_prepare(own, error);
    if (status != VIT158_OK)
        vit158_own_classes_free(own);
    return status;
}

vit158_status vit158_own_classes_read(vit158_own_classes *own, const char *path,
                                      vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    *own = (vit158_own_classes){0};
    VIT158_RETURN_IF_ERROR(vit158_input_read(&bytes, &n_bytes, path, MAX_FILE_BYTES, error));
    const vit158_status status = vit158_own_classes_parse(own, bytes, n_bytes, error);
    free(bytes);
    return status;
}
