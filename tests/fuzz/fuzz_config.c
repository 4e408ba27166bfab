/* SPDX-License-Identifier: MIT
 *
 * Any bytes as config.json, and after a byte of FF as preprocessor_config.json: settings whose
 * labels are as many JSON strings as they say, or an error with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "import/settings.h"
#include "model/json_in.h"
#include "unit/memory_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void check_error(vit158_status status, const vit158_error *error)
{
    if (error->status != status || error->message[0] == 0)
        abort();
}

static void check_labels(const vit158_settings *settings)
{
    uint32_t count = 0;
    if (settings->labels == NULL)
        return;
    vit158_json_in in = vit158_json_in_over(settings->labels, strlen(settings->labels));
    vit158_json_in_enter(&in, '[');
    while (vit158_json_in_next(&in, ']')) {
        vit158_json_string label;
        if (!vit158_json_in_text(&in, &label))
            abort();
        count++;
    }
    vit158_json_in_end(&in);
    if (in.problem != NULL || count != settings->label_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_settings settings = {0};
    vit158_error error = {VIT158_OK, ""};
    bool hugging_face = false;
    const uint8_t *end = n_bytes > 0 ? memchr(data, 0xFF, n_bytes) : NULL;
    const size_t length = end != NULL ? (size_t)(end - data) : n_bytes;
    memory_files all = {.files = {{"config.json", data, length}}, .count = 1};
    if (end != NULL)
        all.files[all.count++] =
            (memory_file){"preprocessor_config.json", end + 1, n_bytes - length - 1};
    const vit158_import_files files = memory_source(&all);
    vit158_status status = vit158_settings_config(&settings, &hugging_face, &files, &error);
    if (status == VIT158_OK)
        status = vit158_settings_preprocessor(&settings, &files, &error);
    if (status != VIT158_OK)
        check_error(status, &error);
    check_labels(&settings);
    vit158_settings_clear(&settings);
    return 0;
}
