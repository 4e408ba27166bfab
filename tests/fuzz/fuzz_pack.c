/* SPDX-License-Identifier: MIT
 *
 * Any bytes packed in each of the ways there are: what comes out opens as a model, what does not
 * leaves no file.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/memory_disk.h"
#include "model/pack.h"
#include "vit158.h"

#define IN MEMORY_DISK "in"
#define OUT MEMORY_DISK "out"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void open_packed(const vit158_pack_report *report)
{
    size_t n_bytes = 0;
    const uint8_t *bytes = memory_disk_get(OUT, &n_bytes);
    vit158_model *model;
    vit158_error error;
    if (bytes == NULL || vit158_model_open(&model, bytes, n_bytes, &error) != VIT158_OK)
        abort();
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    if (info.parameters != report->info.parameters || report->info.file_bytes != n_bytes)
        abort();
    vit158_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char metadata[] = "{\"heads\":\"1\",\"mean\":\"0.5\",\"std\":\"0.5\"}";
    static const vit158_pack_options ways[] = {
        {.matrices = VIT158_PACK_TRAINED, .rest = VIT158_DTYPE_F16},
        {.matrices = VIT158_PACK_TERNARIZE, .rest = VIT158_DTYPE_F32, .metadata_json = metadata},
        {.matrices = VIT158_PACK_INT8, .rest = VIT158_DTYPE_BF16},
        {.matrices = VIT158_PACK_FLOAT, .rest = VIT158_DTYPE_F16, .metadata_json = metadata}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        vit158_pack_report report;
        vit158_error error = {VIT158_OK, ""};
        memory_disk_put(IN, data, n_bytes);
        const vit158_status status = vit158_pack_file(IN, OUT, &ways[i], &report, &error);
        if (status == VIT158_OK)
            open_packed(&report);
        else if (error.status != status || strlen(error.message) < 5 ||
                 memory_disk_get(OUT, &n_bytes) != NULL)
            abort();
        memory_disk_clear();
    }
    return 0;
}
