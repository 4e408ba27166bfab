/* SPDX-License-Identifier: MIT
 *
 * Parts of an evaluation: text to structs. The hash at the end comes first; after it a mistake can
 * only be a forger's, but every member is checked all the same. See evaluation.h.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "cli/evaluation.h"
#include "cli/json_read.h"
#include "cli/part_format.h"

#define MAX_PART_BYTES ((size_t)1 << 30)
/* Whole numbers up to here are exact in JSON's doubles. */
#define LARGEST_EXACT ((uint64_t)1 << 53)

/* The next member, which must be `name`; its value is next. */
static bool enter_member(vit158_json_in *in, const char *name)
{
    vit158_json_string key;
    return (vit158_json_in_next(in, '}') && vit158_json_in_key(in, &key) &&
            vit158_json_key_is(&key, name)) ||
           vit158_json_in_problem(in, "another member is expected");
}

static bool leave_object(vit158_json_in *in)
{
    return !vit158_json_in_next(in, '}') || vit158_json_in_problem(in, "a member too many");
}

static bool read_text(vit158_json_in *in, const char *name, char **out)
{
    return enter_member(in, name) && vit158_json_read_text(in, out);
}

static bool read_u32(vit158_json_in *in, const char *name, uint32_t *out)
{
    return enter_member(in, name) && vit158_json_read_u32(in, out);
}

static bool read_size(vit158_json_in *in, const char *name, size_t *out)
{
    uint64_t value = 0;
    if (!enter_member(in, name) || !vit158_json_in_u64(in, &value))
        return false;
    *out = (size_t)value;
    return (value <= LARGEST_EXACT && value <= SIZE_MAX / sizeof(vit158_eval_answer)) ||
           vit158_json_in_problem(in, "a number is too large");
}

static void read_texts(vit158_json_in *in, const char *name, char ***values, size_t *count)
{
    if (!enter_member(in, name) || !vit158_json_in_enter(in, '['))
        return;
    while (vit158_json_in_next(in, ']')) {
        if (*count == UINT32_MAX || !vit158_json_grow(in, (void **)values, *count, sizeof **values))
            return;
        (*values)[*count] = NULL;
        if (!vit158_json_read_text(in, &(*values)[*count]))
            return;
        ++*count;
    }
}

static void read_labels(vit158_json_in *in, vit158_class_labels *labels)
{
    size_t count = 0;
    read_texts(in, "labels", &labels->values, &count);
    labels->count = (uint32_t)count;
}

static void read_head(vit158_json_in *in, vit158_evaluation *e)
{
    read_u32(in, "numerics_version", &e->numerics_version);
    enter_member(in, "model");
    vit158_json_in_enter(in, '{');
    read_text(in, "name", &e->model);
    enter_member(in, "sha256");
    vit158_json_read_hash(in, e->model_sha256);
    leave_object(in);
    read_text(in, "merge", &e->merge);
    read_text(in, "engine", &e->engine);
    enter_member(in, "memory_bytes");
    vit158_json_read_double(in, &e->memory_bytes);
    read_labels(in, &e->labels);
    enter_member(in, "shard");
    vit158_json_in_enter(in, '{');
    read_u32(in, "index", &e->shard.index);
    read_u32(in, "count", &e->shard.count);
    leave_object(in);
    read_size(in, "images", &e->images);
    enter_member(in, "list_sha256");
    vit158_json_read_hash(in, e->list_sha256);
    read_texts(in, "unknown_folders", &e->unknown, &e->unknown_count);
}

/* What an answer's numbers must be together. */
static bool check_answer(vit158_json_in *in, const vit158_eval_answer *a, uint32_t classes)
{
    return (a->truth < classes && a->predicted < classes && a->rank <= 5 && a->ms >= 0.0 &&
            a->score >= 0.0F && a->score <= 1.0F &&
            (a->problem != NULL || (a->rank == 1) == (a->truth == a->predicted))) ||
           vit158_json_in_problem(in, "an answer that no model gives");
}

static bool read_answer(vit158_json_in *in, vit158_eval_answer *a, uint32_t classes)
{
    vit158_json_string key;
    *a = (vit158_eval_answer){0};
    vit158_json_in_enter(in, '{');
    read_text(in, "file", &a->path);
    read_u32(in, "class", &a->truth);
    if (!vit158_json_in_next(in, '}') || !vit158_json_in_key(in, &key))
        return vit158_json_in_problem(in, "an answer ends early");
    if (vit158_json_key_is(&key, "error")) {
        vit158_json_read_text(in, &a->problem);
    } else if (vit158_json_key_is(&key, "predicted")) {
        vit158_json_read_u32(in, &a->predicted);
        enter_member(in, "score");
        vit158_json_read_float(in, &a->score);
        read_u32(in, "rank", &a->rank);
        enter_member(in, "ms");
        vit158_json_read_double(in, &a->ms);
    } else {
        vit158_json_in_problem(in, "another member is expected");
    }
    return leave_object(in) && check_answer(in, a, classes);
}

static void read_answers(vit158_json_in *in, vit158_evaluation *e)
{
    enter_member(in, "answers");
    vit158_json_in_enter(in, '[');
    while (vit158_json_in_next(in, ']') &&
           vit158_json_grow(in, (void **)&e->answers, e->count, sizeof *e->answers)) {
        /* Counted before it is read: what there is of it is freed with the rest. */
        read_answer(in, &e->answers[e->count++], e->labels.count);
    }
    const vit158_shard s = e->shard;
    if (s.index < 1 || s.index > s.count || s.count > VIT158_MAX_SHARDS ||
        e->count != vit158_shard_size(s, e->images))
        vit158_json_in_problem(in, "not as many answers as the shard has images");
}

/* The bytes before the hash at the end, 0 if it is not theirs. */
static size_t hashed_bytes(const char *text, size_t n_bytes)
{
    static const char tail[] = VIT158_PART_TAIL, end[] = VIT158_PART_END;
    const size_t tail_bytes = sizeof tail - 1, end_bytes = sizeof end - 1;
    const size_t all = tail_bytes + 64 + end_bytes;
    char hash[65];
    if (n_bytes <= all || memcmp(text + n_bytes - all, tail, tail_bytes) != 0 ||
        memcmp(text + n_bytes - end_bytes, end, end_bytes) != 0)
        return 0;
    vit158_sha256_hex(hash, text, n_bytes - all);
    return memcmp(hash, text + n_bytes - all + tail_bytes, 64) == 0 ? n_bytes - all : 0;
}

vit158_status vit158_part_parse(vit158_evaluation *out, const void *text, size_t n_bytes,
                                vit158_error *error)
{
    vit158_json_in in = vit158_json_in_over(text, n_bytes);
    vit158_json_string ignored;
    *out = (vit158_evaluation){0};
    VIT158_RETURN_IF_ERROR(
        vit158_json_read_format(&in, VIT158_PART_FORMAT, VIT158_PART_VERSION, "part file", error));
    if (hashed_bytes(text, n_bytes) == 0)
        return vit158_fail(error, VIT158_E_FORMAT,
                           "the part is damaged or incomplete: its SHA-256 is not that of its "
                           "content");
    read_head(&in, out);
    read_answers(&in, out);
    enter_member(&in, "sha256");
    vit158_json_in_text(&in, &ignored);
    leave_object(&in);
    vit158_json_in_end(&in);
    if (in.problem == NULL)
        return VIT158_OK;
    vit158_evaluation_free(out);
    if (strcmp(in.problem, "not enough memory") == 0)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for the part");
    return vit158_fail(error, VIT158_E_FORMAT,
                       "the part is not as vit158 writes it, though its SHA-256 is right");
}

vit158_status vit158_part_read(vit158_evaluation *out, const char *path, vit158_error *error)
{
    uint8_t *bytes;
    size_t n_bytes;
    *out = (vit158_evaluation){0};
    VIT158_RETURN_IF_ERROR(vit158_file_read(&bytes, &n_bytes, path, MAX_PART_BYTES, error));
    const vit158_status status = vit158_part_parse(out, bytes, n_bytes, error);
    free(bytes);
    return status;
}
