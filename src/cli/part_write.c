/* SPDX-License-Identifier: MIT
 *
 * Parts of an evaluation: structs to text, a line an answer, and at the end the hash of all before
 * it. See evaluation.h.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "cli/evaluation.h"
#include "cli/part_format.h"
#include "model/json_out.h"

typedef struct sink {
    vit158_file_writer file;
    vit158_sha256 hash;
} sink;

static void put(void *context, const char *text, size_t n_bytes)
{
    sink *const out = context;
    vit158_file_add(&out->file, text, n_bytes);
    vit158_sha256_add(&out->hash, text, n_bytes);
}

static void write_head(vit158_json *json, const vit158_evaluation *e)
{
    vit158_json_text(json, "format", VIT158_PART_FORMAT);
    vit158_json_number(json, "format_version", VIT158_PART_VERSION);
    vit158_json_number(json, "numerics_version", e->numerics_version);
    vit158_json_open(json, "model", '{');
    vit158_json_text(json, "name", e->model);
    vit158_json_text(json, "sha256", e->model_sha256);
    vit158_json_close(json, '}');
    vit158_json_text(json, "merge", e->merge);
    vit158_json_text(json, "engine", e->engine);
    vit158_json_number(json, "memory_bytes", e->memory_bytes);
    vit158_json_open(json, "labels", '[');
    for (uint32_t i = 0; i < e->labels.count; i++)
        vit158_json_text(json, NULL, e->labels.values[i]);
    vit158_json_close(json, ']');
    vit158_json_open(json, "shard", '{');
    vit158_json_number(json, "index", e->shard.index);
    vit158_json_number(json, "count", e->shard.count);
    vit158_json_close(json, '}');
    vit158_json_number(json, "images", (double)e->images);
    vit158_json_text(json, "list_sha256", e->list_sha256);
    vit158_json_open(json, "unknown_folders", '[');
    for (size_t i = 0; i < e->unknown_count; i++)
        vit158_json_text(json, NULL, e->unknown[i]);
    vit158_json_close(json, ']');
}

static void write_answer(vit158_json *json, const vit158_eval_answer *a)
{
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "file", a->path);
    vit158_json_number(json, "class", a->truth);
    if (a->problem != NULL) {
        vit158_json_text(json, "error", a->problem);
    } else {
        vit158_json_number(json, "predicted", a->predicted);
        vit158_json_number(json, "score", a->score);
        vit158_json_number(json, "rank", a->rank);
        vit158_json_number(json, "ms", a->ms);
    }
    vit158_json_close(json, '}');
}

vit158_status vit158_part_write(const vit158_evaluation *e, const char *path, vit158_error *error)
{
    sink out = {.hash = vit158_sha256_start()};
    char hash[65];
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out.file, path, error));
    vit158_json json = {.put = put, .context = &out};
    vit158_json_open(&json, NULL, '{');
    write_head(&json, e);
    vit158_json_open(&json, "answers", '[');
    for (size_t i = 0; i < e->count; i++) {
        put(&out, i > 0 ? ",\n" : "\n", i > 0 ? 2 : 1);
        json.comma = false;
        write_answer(&json, &e->answers[i]);
    }
    put(&out, "\n", 1);
    vit158_json_close(&json, ']');
    vit158_sha256_end_hex(&out.hash, hash);
    vit158_file_add(&out.file, VIT158_PART_TAIL, sizeof VIT158_PART_TAIL - 1);
    vit158_file_add(&out.file, hash, 64);
    vit158_file_add(&out.file, VIT158_PART_END, sizeof VIT158_PART_END - 1);
    return vit158_file_commit(&out.file, error);
}
