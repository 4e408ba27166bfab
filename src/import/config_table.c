/* SPDX-License-Identifier: MIT */
#include "import/config_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define MAX_KEYS 128U
#define MAX_LABELS 65536U

vit158_status vit158_config_bad(const vit158_config *c, vit158_status status, const char *why)
{
    return vit158_fail(c->error, status, "%s: key %s: %s", c->file, c->key, why);
}

static vit158_status take_key(vit158_config *c, const vit158_json_value *value,
                              const vit158_config_key *keys, size_t key_count, bool *seen)
{
    for (size_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i].name, c->key) != 0)
            continue;
        if (seen[i])
            return vit158_config_bad(c, VIT158_E_JSON, "it occurs twice");
        seen[i] = true;
        return keys[i].take != NULL ? keys[i].take(c, value) : VIT158_OK;
    }
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK; /* says nothing */
    return vit158_config_bad(c, VIT158_E_UNSUPPORTED,
                             "it is not known here and might change the result; take it out of the "
                             "file if it does not");
}

vit158_status vit158_config_read(vit158_config *c, const vit158_json_value *object,
                                 const vit158_config_key *keys, size_t key_count)
{
    bool seen[MAX_KEYS] = {false};
    if (object->kind != VIT158_JSON_OBJECT)
        return vit158_fail(c->error, VIT158_E_JSON, "%s: an object is expected", c->file);
    vit158_json_in in = vit158_json_in_of(object);
    vit158_json_in_enter(&in, '{');
    vit158_json_string key;
    vit158_json_value value;
    while (vit158_json_in_member(&in, &key, &value)) {
        vit158_format(c->key, sizeof c->key, "%.*s",
                      (int)(key.raw_bytes < sizeof c->key ? key.raw_bytes : sizeof c->key),
                      (const char *)key.raw);
        VIT158_RETURN_IF_ERROR(take_key(c, &value, keys, key_count, seen));
    }
    return VIT158_OK;
}

/* ---- Values ---- */

vit158_status vit158_config_count(const vit158_config *c, uint32_t *out,
                                  const vit158_json_value *value)
{
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    if (!vit158_json_u32(out, value) || *out == 0)
        return vit158_config_bad(c, VIT158_E_METADATA, "a whole number above 0 is expected");
    return VIT158_OK;
}

vit158_status vit158_config_side(const vit158_config *c, uint32_t *out,
                                 const vit158_json_value *value)
{
    if (value->kind != VIT158_JSON_ARRAY)
        return vit158_config_count(c, out, value);
    uint32_t sides[2] = {0, 0};
    unsigned count = 0;
    vit158_json_in in = vit158_json_in_of(value);
    vit158_json_in_enter(&in, '[');
    vit158_json_value side;
    while (vit158_json_in_element(&in, &side)) {
        if (count == 2 || !vit158_json_u32(&sides[count], &side))
            return vit158_config_bad(c, VIT158_E_METADATA, "two whole numbers are expected");
        count++;
    }
    if (count != 2 || sides[0] != sides[1] || sides[0] == 0)
        return vit158_config_bad(c, VIT158_E_UNSUPPORTED, "only squares are computed here");
    *out = sides[0];
    return VIT158_OK;
}

/* "0.5,0.5,0.5" from an array of numbers. */
static vit158_status read_numbers(const vit158_config *c, char *out, size_t capacity,
                                  const vit158_json_value *value)
{
    size_t length = 0;
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    if (value->kind != VIT158_JSON_ARRAY)
        return vit158_config_bad(c, VIT158_E_METADATA, "an array of numbers is expected");
    vit158_json_in in = vit158_json_in_of(value);
    vit158_json_in_enter(&in, '[');
    vit158_json_value number;
    while (vit158_json_in_element(&in, &number)) {
        char text[32];
        if (!vit158_json_number_text(text, sizeof text, &number) ||
            length + strlen(text) + 2 > capacity)
            return vit158_config_bad(c, VIT158_E_METADATA, "an array of numbers is expected");
        length +=
            vit158_format(out + length, capacity - length, "%s%s", length > 0 ? "," : "", text);
    }
    return VIT158_OK;
}

vit158_status vit158_config_only(const vit158_config *c, const vit158_json_value *value,
                                 const char *text, const char *why)
{
    if (value->kind == VIT158_JSON_NULL ||
        (value->kind == VIT158_JSON_TEXT && vit158_json_is(&value->raw, text)))
        return VIT158_OK;
    return vit158_config_bad(c, VIT158_E_UNSUPPORTED, why);
}

vit158_status vit158_config_must_be(const vit158_config *c, const vit158_json_value *value,
                                    bool truth, const char *why)
{
    if (value->kind == VIT158_JSON_NULL ||
        value->kind == (truth ? VIT158_JSON_TRUE : VIT158_JSON_FALSE))
        return VIT158_OK;
    return vit158_config_bad(c, VIT158_E_UNSUPPORTED, why);
}

/* ---- Keys of both libraries ---- */

vit158_status vit158_config_dim(vit158_config *c, const vit158_json_value *value)
{
    return vit158_config_count(c, &c->out->dim, value);
}

vit158_status vit158_config_mean(vit158_config *c, const vit158_json_value *value)
{
    return read_numbers(c, c->out->mean, sizeof c->out->mean, value);
}

vit158_status vit158_config_std(vit158_config *c, const vit158_json_value *value)
{
    return read_numbers(c, c->out->std, sizeof c->out->std, value);
}

vit158_status vit158_config_problem(vit158_config *c, const vit158_json_value *value)
{
    return vit158_config_only(c, value, "single_label_classification",
                              "only single_label_classification is computed here: an image gets "
                              "one label of several");
}

vit158_status vit158_config_activation(vit158_config *c, const vit158_json_value *value)
{
    static const char *const names[][2] = {
        {"gelu", "gelu"},           {"gelu_new", "gelu_tanh"},
        {"gelu_fast", "gelu_tanh"}, {"gelu_pytorch_tanh", "gelu_tanh"},
        {"gelu_tanh", "gelu_tanh"}, {"quick_gelu", "quick_gelu"}};
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    for (size_t i = 0; value->kind == VIT158_JSON_TEXT && i < sizeof names / sizeof names[0]; i++) {
        if (vit158_json_is(&value->raw, names[i][0])) {
            vit158_format(c->out->activation, sizeof c->out->activation, "%s", names[i][1]);
            return VIT158_OK;
        }
    }
    return vit158_config_bad(c, VIT158_E_UNSUPPORTED,
                             "gelu, its tanh approximation and quick_gelu are computed here, and "
                             "no other activation");
}

/* ---- Labels ---- */

/* At least one label. */
static vit158_status keep_labels(vit158_settings *out, const vit158_json_string *labels,
                                 uint32_t count, vit158_error *error)
{
    size_t n_bytes = 3;
    for (uint32_t i = 0; i < count; i++)
        n_bytes += labels[i].raw_bytes + 3;
    char *text = malloc(n_bytes);
    if (text == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the labels");
    size_t length = 0;
    for (uint32_t i = 0; i < count; i++) {
        text[length++] = i > 0 ? ',' : '[';
        text[length++] = '"';
        memcpy(text + length, labels[i].raw, labels[i].raw_bytes);
        length += labels[i].raw_bytes;
        text[length++] = '"';
    }
    text[length++] = ']';
    text[length] = 0;
    free(out->labels);
    out->labels = text;
    out->label_count = count;
    return VIT158_OK;
}

/* Members of an object or elements of an array, MAX_LABELS + 1 if more; memory is for as many
 * labels as there are, not as there may be. */
static uint32_t count_values(vit158_json_in in, char open)
{
    uint32_t count = 0;
    vit158_json_string key;
    vit158_json_value value;
    vit158_json_in_enter(&in, open);
    while (count <= MAX_LABELS && (open == '{' ? vit158_json_in_member(&in, &key, &value)
                                               : vit158_json_in_element(&in, &value)))
        count++;
    return count;
}

/* Fills the labels of an object of `count` members by their numbers; false if these are not
 * 0 .. count-1, each once. */
static bool order_labels(vit158_json_string *labels, uint32_t count, const vit158_json_value *value)
{
    vit158_json_in in = vit158_json_in_of(value);
    vit158_json_string key;
    vit158_json_value label;
    vit158_json_in_enter(&in, '{');
    while (vit158_json_in_member(&in, &key, &label)) {
        const vit158_json_value number = {VIT158_JSON_NUMBER, key};
        uint32_t index;
        if (label.kind != VIT158_JSON_TEXT || !vit158_json_u32(&index, &number) || index >= count ||
            labels[index].raw != NULL)
            return false;
        labels[index] = label.raw;
    }
    return true;
}

vit158_status vit158_config_id2label(vit158_config *c, const vit158_json_value *value)
{
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    if (value->kind != VIT158_JSON_OBJECT)
        return vit158_config_bad(c, VIT158_E_METADATA, "an object of labels is expected");
    const uint32_t count = count_values(vit158_json_in_of(value), '{');
    vit158_json_string *labels = calloc((size_t)count + 1, sizeof *labels);
    if (labels == NULL)
        return vit158_fail(c->error, VIT158_E_MEMORY, "not enough memory for the labels");
    vit158_status status;
    if (count > MAX_LABELS || !order_labels(labels, count, value))
        status = vit158_config_bad(c, VIT158_E_METADATA,
                                   "labels numbered 0, 1, 2, ... without gaps are expected");
    else
        status = count > 0 ? keep_labels(c->out, labels, count, c->error) : VIT158_OK;
    free(labels);
    return status;
}

/* Strings of an array, UINT32_MAX if it is none. */
static uint32_t collect_labels(vit158_json_string *labels, uint32_t most, const char *text,
                               size_t n_bytes)
{
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    uint32_t count = 0;
    vit158_json_in_enter(&in, '[');
    while (vit158_json_in_next(&in, ']')) {
        if (count == most || !vit158_json_in_text(&in, &labels[count]))
            return UINT32_MAX;
        count++;
    }
    vit158_json_in_end(&in);
    return in.problem == NULL ? count : UINT32_MAX;
}

static vit158_status keep_array(vit158_settings *out, const char *text, size_t n_bytes,
                                bool *is_array, vit158_error *error)
{
    const uint32_t all = count_values(vit158_json_in_over(text, n_bytes), '[');
    const uint32_t most = all <= MAX_LABELS ? all : MAX_LABELS;
    vit158_json_string *labels = calloc((size_t)most + 1, sizeof *labels);
    if (labels == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the labels");
    const uint32_t count = collect_labels(labels, most, text, n_bytes);
    *is_array = count != UINT32_MAX;
    const vit158_status status =
        *is_array && count > 0 ? keep_labels(out, labels, count, error) : VIT158_OK;
    free(labels);
    return status;
}

vit158_status vit158_config_label_array(vit158_config *c, const vit158_json_value *value)
{
    bool is_array = true;
    if (value->kind == VIT158_JSON_NULL)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(keep_array(c->out, (const char *)value->raw.raw, value->raw.raw_bytes,
                                      &is_array, c->error));
    return is_array ? VIT158_OK
                    : vit158_config_bad(c, VIT158_E_METADATA, "an array of labels is expected");
}

/* ---- A text with a label a line ---- */

/* Copies the lines as JSON strings; `out` holds 6 bytes for every byte and 4 more. */
static size_t lines_to_json(char *out, const char *text, size_t n_bytes)
{
    static const char hex[] = "0123456789abcdef";
    size_t length = 0;
    bool open = false;
    out[length++] = '[';
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '\r' && (i + 1 == n_bytes || text[i + 1] == '\n'))
            continue;
        if (c == '\n') {
            if (open)
                out[length++] = '"';
            open = false;
            continue;
        }
        if (!open) {
            if (length > 1)
                out[length++] = ',';
            out[length++] = '"';
            open = true;
        }
        if (c == '"' || c == '\\') {
            out[length++] = '\\';
            out[length++] = (char)c;
        } else if (c < 0x20) {
            memcpy(out + length, "\\u00", 4);
            out[length + 4] = hex[c >> 4];
            out[length + 5] = hex[c & 15];
            length += 6;
        } else {
            out[length++] = (char)c;
        }
    }
    if (open)
        out[length++] = '"';
    out[length++] = ']';
    return length;
}

vit158_status vit158_settings_labels(vit158_settings *out, const char *text, size_t n_bytes,
                                     vit158_error *error)
{
    bool is_array = false;
    if (n_bytes > 0 && text[0] == '[')
        VIT158_RETURN_IF_ERROR(keep_array(out, text, n_bytes, &is_array, error));
    if (is_array)
        return VIT158_OK;
    char *json = malloc(6 * n_bytes + 4);
    if (json == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the labels");
    const size_t length = lines_to_json(json, text, n_bytes);
    const vit158_status status = keep_array(out, json, length, &is_array, error);
    free(json);
    if (status == VIT158_OK && !is_array)
        return vit158_fail(error, VIT158_E_METADATA,
                           "the labels are not UTF-8 text with one label a line, nor a JSON array "
                           "of strings");
    return status;
}

void vit158_settings_clear(vit158_settings *settings)
{
    free(settings->labels);
    *settings = (vit158_settings){0};
}
