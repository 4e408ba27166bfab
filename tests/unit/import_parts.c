/* SPDX-License-Identifier: MIT */
#include "unit/import_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/test.h"

#define HEADER_BYTES 16384U
#define BLOCKS 2

static const part_tensor timm[] = {{"cls_token", "1,1,D", NULL},
                                   {"pos_embed", "1,5,D", NULL},
                                   {"patch_embed.proj.weight", "D,3,4,4", NULL},
                                   {"patch_embed.proj.bias", "D", NULL},
                                   {"norm.weight", "D", NULL},
                                   {"norm.bias", "D", NULL},
                                   {"head.weight", "3,D", NULL},
                                   {"head.bias", "3", NULL}};
static const part_tensor timm_block[] = {
    {"norm1.weight", "D", NULL},       {"norm1.bias", "D", NULL},
    {"norm2.weight", "D", NULL},       {"norm2.bias", "D", NULL},
    {"attn.qkv.bias", "Q", NULL},      {"attn.qkv.weight", "Q,D", NULL},
    {"attn.proj.weight", "D,D", NULL}, {"attn.proj.bias", "D", NULL},
    {"mlp.fc1.weight", "8,D", NULL},   {"mlp.fc1.bias", "8", NULL},
    {"mlp.fc2.weight", "D,8", NULL},   {"mlp.fc2.bias", "D", NULL}};
static const part_tensor hf[] = {
    {"vit.embeddings.cls_token", "1,1,D", NULL},
    {"vit.embeddings.position_embeddings", "1,5,D", NULL},
    {"vit.embeddings.patch_embeddings.projection.weight", "D,3,4,4", NULL},
    {"vit.embeddings.patch_embeddings.projection.bias", "D", NULL},
    {"vit.layernorm.weight", "D", NULL},
    {"vit.layernorm.bias", "D", NULL},
    {"classifier.weight", "3,D", NULL},
    {"classifier.bias", "3", NULL}};
static const part_tensor hf_block[] = {{"layernorm_before.weight", "D", NULL},
                                       {"layernorm_before.bias", "D", NULL},
                                       {"layernorm_after.weight", "D", NULL},
                                       {"layernorm_after.bias", "D", NULL},
                                       {"attention.attention.query.weight", "D,D", NULL},
                                       {"attention.attention.query.bias", "D", NULL},
                                       {"attention.attention.key.weight", "D,D", NULL},
                                       {"attention.attention.key.bias", "D", NULL},
                                       {"attention.attention.value.weight", "D,D", NULL},
                                       {"attention.attention.value.bias", "D", NULL},
                                       {"attention.output.dense.weight", "D,D", NULL},
                                       {"attention.output.dense.bias", "D", NULL},
                                       {"intermediate.dense.weight", "8,D", NULL},
                                       {"intermediate.dense.bias", "8", NULL},
                                       {"output.dense.weight", "D,8", NULL},
                                       {"output.dense.bias", "D", NULL}};

typedef struct file_writer {
    const parts_case *from;
    char *header;
    size_t header_bytes;
    uint8_t *data;
    size_t data_bytes;
} file_writer;

static unsigned long side_of(const parts_case *from, const char *text)
{
    const unsigned long dim = from->dim != 0 ? from->dim : 16;
    return *text == 'D' ? dim : *text == 'Q' ? 3 * dim : strtoul(text, NULL, 10);
}

static float value_of(part_values values, size_t row, size_t i, bool matrix)
{
    const int trit = (int)((row + i) % 3) - 1;
    const float wave = (float)((int)((row + 7 * i) % 13) - 6) / 16.0F;
    if (!matrix)
        return 1.0F + wave;
    switch (values) {
    case PART_FLOATS:
        return row == 2 ? 0.0F : wave;
    case PART_TERNARY:
        return row == 1 ? 0.0F : 0.25F * (float)trit;
    case PART_TERNARY_ROWS:
        return row == 1 ? 0.0F : 0.125F * (float)(1 + row % 4) * (float)trit;
    default:
        return 0.0F;
    }
}

static void add_tensor(file_writer *to, const char *name, const part_tensor *tensor)
{
    const char *dtype = tensor->dtype != NULL ? tensor->dtype : "F32";
    const size_t element = strstr(dtype, "64") != NULL ? 8 : strcmp(dtype, "BOOL") == 0 ? 1 : 4;
    char shape[64] = "";
    size_t count = 1, sides = 0, row = 1;
    for (const char *at = tensor->shape; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        const unsigned long side = side_of(to->from, at);
        const size_t length = strlen(shape);
        snprintf(shape + length, sizeof shape - length, "%s%lu", length > 0 ? "," : "", side);
        count *= side;
        row *= sides++ > 0 ? side : 1;
    }
    to->header_bytes +=
        (size_t)snprintf(to->header + to->header_bytes, HEADER_BYTES - to->header_bytes,
                         "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                         to->header_bytes > 1 ? "," : "", name, dtype, shape, to->data_bytes,
                         to->data_bytes + count * element);
    assert_true(to->header_bytes + 2 < HEADER_BYTES);
    if (count > 0)
        to->data = realloc(to->data, to->data_bytes + count * element);
    for (size_t i = 0; i < count; i++) {
        const bool block = strncmp(name, "blocks.", 7) == 0 || strstr(name, "layer.") != NULL;
        const part_values values = block ? to->from->values : PART_FLOATS;
        const float value = value_of(values, i / row, i % row, sides > 1);
        uint8_t *place = to->data + to->data_bytes + i * element;
        memset(place, 0, element);
        if (strcmp(dtype, "F32") == 0)
            memcpy(place, &value, sizeof value);
    }
    to->data_bytes += count * element;
}

/* One of the plain model, or what the case has instead of it. */
static void add_plain(file_writer *to, const char *name, const part_tensor *tensor)
{
    for (size_t i = 0; i < 4 && to->from->without[i] != NULL; i++)
        if (strstr(name, to->from->without[i]) != NULL)
            return;
    for (size_t i = 0; i < 8 && to->from->with[i].name != NULL; i++)
        if (strcmp(to->from->with[i].name, name) == 0)
            return; /* it comes at the end */
    add_tensor(to, name, tensor);
}

static memory_file write_weights(const parts_case *from)
{
    file_writer to = {.from = from, .header = malloc(HEADER_BYTES)};
    assert_non_null(to.header);
    to.header_bytes = (size_t)snprintf(to.header, HEADER_BYTES, "{");
    if (from->metadata != NULL)
        to.header_bytes += (size_t)snprintf(to.header + 1, HEADER_BYTES - 1,
                                            "\"__metadata__\":{%s}", from->metadata);
    for (size_t i = 0; i < 8; i++)
        add_plain(&to, from->hugging_face ? hf[i].name : timm[i].name,
                  from->hugging_face ? &hf[i] : &timm[i]);
    for (int block = 0; block < BLOCKS; block++)
        for (size_t i = 0; i < (from->hugging_face ? 16U : 12U); i++) {
            char name[96];
            const part_tensor *tensor = from->hugging_face ? &hf_block[i] : &timm_block[i];
            snprintf(name, sizeof name, "%s%d.%s",
                     from->hugging_face ? "vit.encoder.layer." : "blocks.", block, tensor->name);
            add_plain(&to, name, tensor);
        }
    for (size_t i = 0; i < 8 && from->with[i].name != NULL; i++)
        add_tensor(&to, from->with[i].name, &from->with[i]);
    to.header[to.header_bytes++] = '}';
    uint8_t *bytes = malloc(8 + to.header_bytes + to.data_bytes);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)to.header_bytes >> (8 * i));
    memcpy(bytes + 8, to.header, to.header_bytes);
    if (to.data_bytes > 0)
        memcpy(bytes + 8 + to.header_bytes, to.data, to.data_bytes);
    free(to.header);
    free(to.data);
    return (memory_file){from->file != NULL ? from->file : "model.safetensors", bytes,
                         8 + to.header_bytes + to.data_bytes};
}

void parts_make(memory_files *out, const parts_case *from)
{
    out->count = 0;
    out->files[out->count++] = write_weights(from);
    if (from->config != NULL)
        out->files[out->count++] = (memory_file){"config.json", from->config, strlen(from->config)};
    if (from->preprocessor != NULL)
        out->files[out->count++] = (memory_file){"preprocessor_config.json", from->preprocessor,
                                                 strlen(from->preprocessor)};
}

void parts_release(memory_files *files)
{
    free((void *)(uintptr_t)files->files[0].bytes);
}

vit158_import_options parts_options(const parts_case *from)
{
    const bool alone = from->config == NULL;
    const uint32_t heads = from->heads == 0 && alone ? 2 : from->heads;
    return (vit158_import_options){.file = !alone               ? NULL
                                           : from->file != NULL ? from->file
                                                                : "model.safetensors",
                                   .weights = from->weights,
                                   .heads = heads != NO_HEADS ? heads : 0,
                                   .image_size = from->image_size,
                                   .metadata_json = from->extra,
                                   .labels = from->labels,
                                   .labels_bytes = from->labels != NULL ? strlen(from->labels) : 0};
}

vit158_status parts_import(const vit158_import_files *files, const parts_case *from,
                           char said[2048])
{
    vit158_draft draft;
    vit158_import_report report = {.text = ""};
    vit158_error error = {VIT158_OK, ""};
    const vit158_import_options options = parts_options(from);
    vit158_status status = vit158_import_run(&draft, &report, files, &options, &error);
    if (status == VIT158_OK && draft.failure.status != VIT158_OK) { /* for whom writes it */
        error = draft.failure;
        status = error.status;
    }
    assert_true(status == VIT158_OK || error.status == status);
    snprintf(said, 2048, "%s", status == VIT158_OK ? report.text : error.message);
    vit158_draft_clear(&draft);
    return status;
}

void parts_check(const parts_case *cases, size_t count)
{
    uint32_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char said[2048];
        memory_files all;
        parts_make(&all, &cases[i]);
        const vit158_import_files files = memory_source(&all);
        const vit158_status status = parts_import(&files, &cases[i], said);
        if (status != cases[i].status || strstr(said, cases[i].sentence) == NULL) {
            print_error("%s: status %d \"%s\", not %d with \"%s\"\n",
                        cases[i].what != NULL ? cases[i].what : cases[i].sentence, (int)status,
                        said, (int)cases[i].status, cases[i].sentence);
            wrong++;
        }
        parts_release(&all);
    }
    assert_int_equal(wrong, 0);
}
