/* SPDX-License-Identifier: MIT
 *
 * vit158 inspect: what a model file is made of.
 */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/facts_text.h"
#include "cli/files.h"
#include "cli/json_file.h"
#include "cli/options.h"
#include "model/latent_facts.h"

static void print_json(const char *path, const vit158_facts *facts, const vit158_header *header)
{
    vit158_json json = vit158_json_to(stdout);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", path);
    vit158_facts_json(&json, facts, header);
    vit158_json_close(&json, '}');
    putchar('\n');
}

/* ---- Text ---- */

static void print_sizes(const vit158_facts *facts)
{
#define PART(part) {#part, facts->bytes.part},
    const struct {
        const char *name;
        uint64_t n_bytes;
    } parts[] = {VIT158_FILE_PARTS(PART){"file", facts->info.file_bytes}};
#undef PART
    printf("bytes\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        printf("  %-10s%12llu  %5.1f %%\n", parts[i].name, (unsigned long long)parts[i].n_bytes,
               100.0 * (double)parts[i].n_bytes / (double)facts->info.file_bytes);
    printf("  %-10s%12llu  %s\n", "formula", (unsigned long long)facts->formula_bytes,
           facts->formula_bytes == facts->info.file_bytes ? "equal" : "DIFFERENT");
    printf("  %.4f bits a weight of the matrices, scales included; the rest as %s\n",
           vit158_bits_per_weight(facts), vit158_dtype_name(facts->form.rest));
}

static void print_matrices(const vit158_facts *facts)
{
    char name[VIT158_SLOT_NAME_BYTES];
    printf("matrices                        type   n_out   n_in      bytes   zeros  scale\n");
    for (uint32_t i = 0; i < facts->matrix_count; i++) {
        const vit158_matrix_facts *matrix = &facts->matrices[i];
        vit158_slot_name(name, matrix->slot);
        printf("  %-30s%-5s%7u%7u%11llu", name, matrix->type->shown, matrix->n_out, matrix->n_in,
               (unsigned long long)matrix->n_bytes);
        if (matrix->ternary)
            printf("  %.4f  %.6g", vit158_zero_share(matrix), (double)matrix->scale);
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

static void print_text(const char *path, const vit158_facts *facts, const vit158_header *header,
                       bool all_tensors)
{
    vit158_print_safely(stdout, path);
    printf(": %s%s\n", vit158_file_kind_name(facts->kind),
           facts->kind == VIT158_FILE_LATENT ? " (run `vit158 pack` to use it; zeros and scales as "
                                               "packing will give them)"
                                             : "");
    vit158_print_info(&facts->info, true);
    vit158_print_fact("norms", vit158_norms_of_block(facts));
    vit158_print_number("tensors", header->tensor_count);
    print_sizes(facts);
    print_matrices(facts);
    if (all_tensors)
        print_tensors(header);
    vit158_print_metadata(header);
}

/* ---- */

typedef struct request {
    const char *path;
    bool json;
    bool all_tensors;
} request;

static void print(const request *what, const vit158_facts *facts, const vit158_header *header)
{
    if (what->json)
        print_json(what->path, facts, header);
    else
        print_text(what->path, facts, header, what->all_tensors);
}

/* Of a checkpoint that is still to be packed; leaves *status and *error as they are for any other
 * file. */
static void inspect_latent(const request *what, vit158_status *status, vit158_error *error)
{
    vit158_safetensors *file;
    vit158_facts facts;
    bool latent;
    if (vit158_safetensors_open(&file, what->path, NULL) != VIT158_OK)
        return;
    if (vit158_is_latent(&latent, file, NULL) == VIT158_OK && latent) {
        *status = vit158_facts_of_latent(&facts, file, error);
        if (*status == VIT158_OK) {
            print(what, &facts, vit158_safetensors_header(file));
            vit158_facts_clear(&facts);
        }
    }
    vit158_safetensors_close(file);
}

/* What cannot be run is refused as `classify` refuses it, but for what only is to be packed. */
static vit158_status inspect(const request *what, vit158_error *error)
{
    vit158_model *model;
    vit158_facts facts;
    vit158_status status = vit158_open_model_file(&model, what->path, error);
    if (status != VIT158_OK) {
        inspect_latent(what, &status, error);
        return status;
    }
    status = vit158_facts_of_model(&facts, model, error);
    if (status == VIT158_OK) {
        print(what, &facts, &model->header);
        vit158_facts_clear(&facts);
    }
    vit158_model_close(model);
    return status;
}

int vit158_cmd_inspect(int argc, char **argv)
{
    request what = {0};
    const vit158_option options[] = {
        {.name = "--json",
         .help = "print the result as a JSON object",
         .kind = VIT158_OPTION_FLAG,
         .value = &what.json},
        {.name = "--tensors",
         .help = "also list every tensor (the JSON always does)",
         .kind = VIT158_OPTION_FLAG,
         .value = &what.all_tensors},
    };
    const vit158_usage usage = {
        .synopsis = "inspect FILE [options]",
        .about = "Describes a model file: architecture, bytes by part, bits per weight, share of "
                 "zeros in each matrix, and whether its size matches the format's formula. "
                 "The native command also inspects checkpoints that are still to be packed.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "Exit codes: 0 success, 1 the file is not a model, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_error error;
    what.path = arguments.values[0];
    if (inspect(&what, &error) != VIT158_OK)
        return vit158_complain(argv[0], what.path, &error);
    return VIT158_EXIT_OK;
}
