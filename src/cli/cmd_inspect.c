/* SPDX-License-Identifier: MIT
 *
 * vit158 inspect: what a model file is made of.
 */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/json_writer.h"
#include "cli/model_advice.h"
#include "cli/options.h"
#include "model/inspect.h"

static const char *const kind_names[] = {[VIT158_FILE_TERNARY] = "ternary",
                                         [VIT158_FILE_LATENT] = "latent",
                                         [VIT158_FILE_DENSE] = "dense"};

/* Bits that the file spends on a weight of the matrices, their scales included. */
static double bits_per_weight(const vit158_inspection *facts)
{
    double weights = 0.0;
    for (uint32_t i = 0; i < facts->matrix_count; i++)
        weights += (double)facts->matrices[i].n_out * facts->matrices[i].n_in;
    return 8.0 * (double)(facts->matrix_bytes + facts->scale_bytes) / weights;
}

static double zero_share(const vit158_matrix_facts *matrix)
{
    return (double)matrix->zeros / ((double)matrix->n_rows * matrix->n_in);
}

static const char *norms_of(const vit158_inspection *facts)
{
    static const char *const counts[2][5] = {{"none", "1 inner", "2 inner", "3 inner", "4 inner"},
                                             {"2 outer", "2 outer, 1 inner", "2 outer, 2 inner",
                                              "2 outer, 3 inner", "2 outer, 4 inner"}};
    uint32_t inner = 0;
    for (uint32_t linear = 0; linear < VIT158_BLOCK_LINEARS; linear++)
        inner += facts->variant.inner_norms >> linear & 1U;
    return counts[facts->form.outer_norms][inner];
}

/* Long lists are not for reading. */
static bool is_long(const char *key)
{
    return strcmp(key, "labels") == 0 || strcmp(key, "wnids") == 0 || strcmp(key, "encodings") == 0;
}

/* ---- JSON ---- */

static void json_geometry(vit158_json *json, const vit158_inspection *facts)
{
    const vit158_model_info *info = &facts->info;
    vit158_json_number(json, "image_size", info->image_size);
    vit158_json_number(json, "patch_size", info->patch_size);
    vit158_json_number(json, "channels", info->channels);
    vit158_json_number(json, "dim", info->dim);
    vit158_json_number(json, "depth", info->depth);
    vit158_json_number(json, "heads", info->heads);
    vit158_json_number(json, "mlp_dim", info->mlp_dim);
    vit158_json_number(json, "classes", info->classes);
    vit158_json_number(json, "tokens", info->tokens);
    vit158_json_bool(json, "outer_norms", facts->form.outer_norms);
    vit158_json_bool(json, "inner_norms", facts->form.inner_norms);
    vit158_json_number(json, "parameters", (double)info->parameters);
    vit158_json_number(json, "ternary_parameters", (double)info->ternary_parameters);
    vit158_json_number(json, "int8_parameters", (double)info->int8_parameters);
}

static void json_sizes(vit158_json *json, const vit158_inspection *facts)
{
    vit158_json_open(json, "bytes", '{');
    vit158_json_number(json, "file", (double)facts->info.file_bytes);
    vit158_json_number(json, "formula", (double)facts->formula_bytes);
    vit158_json_number(json, "header", (double)facts->header_bytes);
    vit158_json_number(json, "matrices", (double)facts->matrix_bytes);
    vit158_json_number(json, "scales", (double)facts->scale_bytes);
    vit158_json_number(json, "rest", (double)facts->rest_bytes);
    vit158_json_close(json, '}');
    vit158_json_number(json, "bits_per_weight", bits_per_weight(facts));
}

static void json_matrices(vit158_json *json, const vit158_inspection *facts)
{
    char name[VIT158_SLOT_NAME_BYTES];
    vit158_json_open(json, "matrices", '[');
    for (uint32_t i = 0; i < facts->matrix_count; i++) {
        const vit158_matrix_facts *matrix = &facts->matrices[i];
        vit158_slot_name(name, matrix->slot);
        vit158_json_open(json, NULL, '{');
        vit158_json_text(json, "name", name);
        vit158_json_text(json, "type", matrix->type->shown);
        vit158_json_number(json, "n_out", matrix->n_out);
        vit158_json_number(json, "n_in", matrix->n_in);
        if (matrix->n_rows > matrix->n_out)
            vit158_json_number(json, "rows", matrix->n_rows);
        vit158_json_number(json, "bytes", (double)matrix->n_bytes);
        if (matrix->ternary) {
            vit158_json_number(json, "zeros", zero_share(matrix));
            vit158_json_number(json, "scale", matrix->scale);
        }
        vit158_json_close(json, '}');
    }
    vit158_json_close(json, ']');
}

static void json_tensors(vit158_json *json, const vit158_header *header)
{
    vit158_json_open(json, "tensors", '[');
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *tensor = &header->tensors[i];
        vit158_json_open(json, NULL, '{');
        vit158_json_text(json, "name", tensor->name);
        vit158_json_text(json, "type", vit158_dtype_name(tensor->dtype));
        vit158_json_open(json, "shape", '[');
        for (uint32_t k = 0; k < tensor->rank; k++)
            vit158_json_number(json, NULL, (double)tensor->shape[k]);
        vit158_json_close(json, ']');
        vit158_json_number(json, "bytes", (double)(tensor->end - tensor->begin));
        vit158_json_close(json, '}');
    }
    vit158_json_close(json, ']');
}

static void print_json(const char *path, const vit158_inspection *facts,
                       const vit158_header *header)
{
    vit158_json json = {.out = stdout};
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", path);
    vit158_json_text(&json, "kind", kind_names[facts->kind]);
    json_geometry(&json, facts);
    json_sizes(&json, facts);
    json_matrices(&json, facts);
    json_tensors(&json, header);
    vit158_json_open(&json, "metadata", '{');
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        if (!is_long(header->metadata_keys[i]))
            vit158_json_text(&json, header->metadata_keys[i], header->metadata_values[i]);
    }
    vit158_json_close(&json, '}');
    vit158_json_close(&json, '}');
    putchar('\n');
}

/* ---- Text ---- */

static void print_sizes(const vit158_inspection *facts)
{
    const struct {
        const char *name;
        uint64_t n_bytes;
    } parts[] = {{"header", facts->header_bytes},
                 {"matrices", facts->matrix_bytes},
                 {"scales", facts->scale_bytes},
                 {"rest", facts->rest_bytes},
                 {"file", facts->info.file_bytes}};
    printf("bytes\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        printf("  %-10s%12llu  %5.1f %%\n", parts[i].name, (unsigned long long)parts[i].n_bytes,
               100.0 * (double)parts[i].n_bytes / (double)facts->info.file_bytes);
    printf("  %-10s%12llu  %s\n", "formula", (unsigned long long)facts->formula_bytes,
           facts->formula_bytes == facts->info.file_bytes ? "equal" : "DIFFERENT");
    printf("  %.4f bits a weight of the matrices, scales included; the rest as %s\n",
           bits_per_weight(facts), vit158_dtype_name(facts->form.rest));
}

static void print_matrices(const vit158_inspection *facts)
{
    char name[VIT158_SLOT_NAME_BYTES];
    printf("matrices                        type   n_out   n_in      bytes   zeros  scale\n");
    for (uint32_t i = 0; i < facts->matrix_count; i++) {
        const vit158_matrix_facts *matrix = &facts->matrices[i];
        vit158_slot_name(name, matrix->slot);
        printf("  %-30s%-5s%7u%7u%11llu", name, matrix->type->shown, matrix->n_out, matrix->n_in,
               (unsigned long long)matrix->n_bytes);
        if (matrix->ternary)
            printf("  %.4f  %.6g", zero_share(matrix), (double)matrix->scale);
        if (matrix->n_rows > matrix->n_out)
            printf("  %.2f rows an output", (double)matrix->n_rows / matrix->n_out);
        putchar('\n');
    }
}

static void print_tensors(const vit158_header *header)
{
    printf("tensors\n");
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        const vit158_tensor_entry *tensor = &header->tensors[i];
        printf("  ");
        vit158_print_safely(stdout, tensor->name);
        printf("  %s [", vit158_dtype_name(tensor->dtype));
        for (uint32_t k = 0; k < tensor->rank; k++)
            printf("%s%llu", k > 0 ? ", " : "", (unsigned long long)tensor->shape[k]);
        printf("]\n");
    }
}

static void print_text(const char *path, const vit158_inspection *facts,
                       const vit158_header *header, bool all_tensors)
{
    const vit158_model_info *info = &facts->info;
    vit158_print_safely(stdout, path);
    printf(": %s%s\n", kind_names[facts->kind],
           facts->kind == VIT158_FILE_LATENT ? " (run `vit158 pack` to use it; zeros and scales as "
                                               "packing will give them)"
                                             : "");
    printf("  image %u, patch %u, channels %u, tokens %u, classes %u\n", info->image_size,
           info->patch_size, info->channels, info->tokens, info->classes);
    printf("  dim %u, depth %u, heads %u, mlp_dim %u, norms a block: %s\n", info->dim, info->depth,
           info->heads, info->mlp_dim, norms_of(facts));
    printf("  %llu parameters, %llu of them ternary, in %u tensors\n",
           (unsigned long long)info->parameters, (unsigned long long)info->ternary_parameters,
           header->tensor_count);
    print_sizes(facts);
    print_matrices(facts);
    if (all_tensors)
        print_tensors(header);
    printf("metadata\n");
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        if (is_long(header->metadata_keys[i]))
            continue;
        printf("  ");
        vit158_print_safely(stdout, header->metadata_keys[i]);
        printf(" = ");
        vit158_print_safely(stdout, header->metadata_values[i]);
        putchar('\n');
    }
}

/* ---- */

static vit158_status run(const char *path, bool json, bool all_tensors, vit158_error *error)
{
    vit158_safetensors *file;
    vit158_inspection facts;
    VIT158_RETURN_IF_ERROR(vit158_safetensors_open(&file, path, error));
    vit158_status status = vit158_inspect(&facts, file, error);
    if (status == VIT158_OK && facts.kind != VIT158_FILE_LATENT) {
        /* What cannot be run is not described as if it could. */
        vit158_model *model = NULL;
        status = vit158_open_model_file(&model, path, error);
        vit158_model_close(model);
        if (status != VIT158_OK)
            vit158_inspection_clear(&facts);
    }
    if (status == VIT158_OK) {
        const vit158_header *header = vit158_safetensors_header(file);
        if (json)
            print_json(path, &facts, header);
        else
            print_text(path, &facts, header, all_tensors);
        vit158_inspection_clear(&facts);
    }
    vit158_safetensors_close(file);
    return status;
}

int vit158_cmd_inspect(int argc, char **argv)
{
    bool json = false;
    bool tensors = false;
    const vit158_option options[] = {
        {.name = "--json",
         .help = "the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &json},
        {.name = "--tensors",
         .help = "list every tensor too (the JSON always does)",
         .kind = VIT158_OPTION_FLAG,
         .value = &tensors},
    };
    const vit158_usage usage = {
        .synopsis = "inspect FILE [options]",
        .about =
            "Shows what a model file is made of: architecture, bytes by part, bits per weight, "
            "share of zeros in each matrix, and whether its size is what the format's formula "
            "says. Checkpoints that are still to be packed can be inspected too.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 all went well, 1 the file is no model, 2 wrong command line."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_error error;
    if (run(arguments.values[0], json, tensors, &error) != VIT158_OK) {
        vit158_advise(arguments.values[0], &error);
        return vit158_complain(argv[0], arguments.values[0], &error);
    }
    return VIT158_EXIT_OK;
}
