/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a source of vit158_import_run, which makes a model or gives an error with a
 * sentence. The input is texts divided by bytes of FF (which no JSON holds): one part is a weight
 * file, a PyTorch archive for one; more are config.json, preprocessor_config.json, an index and
 * shards, or weights.
 */
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "unit/memory_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void import(memory_files *all, const char *file)
{
    vit158_draft draft;
    vit158_import_report report;
    vit158_error error = {VIT158_OK, ""};
    const vit158_import_files files = memory_source(all);
    const vit158_import_options options = {.file = file, .weights = VIT158_IMPORT_I8};
    const vit158_status status = vit158_import_run(&draft, &report, &files, &options, &error);
    if (status != VIT158_OK && (error.status != status || error.message[0] == 0))
        abort();
    if (status == VIT158_OK && memchr(report.text, 0, sizeof report.text) == NULL)
        abort();
    vit158_draft_clear(&draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char *const folder[] = {"config.json", "preprocessor_config.json",
                                         "model.safetensors.index.json", "a", "b"};
    static const char *const whole[] = {"config.json", "preprocessor_config.json",
                                        "model.safetensors"};
    memory_files all = {.count = 0};
    const size_t first = n_bytes > 0 ? data[0] % 3 : 0; /* an archive, shards, or one file */
    const char *const *names = first == 1 ? folder : whole;
    const size_t most = first == 0 ? 1 : first == 1 ? 5 : 3;
    size_t at = n_bytes > 0 ? 1 : 0;
    while (all.count < most) {
        const uint8_t *end = all.count + 1 < most ? memchr(data + at, 0xFF, n_bytes - at) : NULL;
        const size_t length = end != NULL ? (size_t)(end - (data + at)) : n_bytes - at;
        all.files[all.count] =
            (memory_file){first == 0 ? "file" : names[all.count], data + at, length};
        all.count++;
        if (end == NULL)
            break;
        at += length + 1;
    }
    import(&all, first == 0 ? "file" : NULL);
    return 0;
}
