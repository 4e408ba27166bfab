/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/model_advice.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/folder.h"
#include "model/what_is.h"

#define HEAD_BYTES 512U

/* Adds whose names the tensors bear, where the names were the problem. */
static void advise_names(FILE *file, const uint8_t *head, vit158_error *error)
{
    vit158_bytes in = vit158_bytes_over(head, VIT158_PREFIX_BYTES);
    const uint64_t n_bytes = vit158_bytes_u64(&in, false);
    char *json = n_bytes <= VIT158_MAX_HEADER_BYTES ? malloc((size_t)n_bytes + 1) : NULL;
    vit158_header header;
    if (json == NULL)
        return;
    if (fseek(file, (long)VIT158_PREFIX_BYTES, SEEK_SET) == 0 &&
        fread(json, 1, (size_t)n_bytes, file) == n_bytes &&
        vit158_header_parse_foreign(&header, json, (size_t)n_bytes, NULL) == VIT158_OK) {
        const vit158_error before = *error;
        const char *format = vit158_header_metadata(&header, "format");
        const bool ours = format != NULL && strcmp(format, "vit158") == 0;
        if (!ours)
            vit158_fail(error, before.status, "%s; %s", before.message,
                        vit158_names_advice(&header));
        vit158_header_clear(&header);
    }
    free(json);
}

vit158_status vit158_advise(const char *path, vit158_error *error)
{
    uint8_t head[HEAD_BYTES];
    struct stat info;
    if (error->status == VIT158_OK || error->status == VIT158_E_MEMORY)
        return error->status;
    if (vit158_is_folder(path))
        return vit158_fail(error, error->status,
                           "it is a folder: run vit158 import FOLDER -o OUT.safetensors if Hugging "
                           "Face or timm wrote it");
    FILE *file = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return error->status;
    const size_t n_bytes = fread(head, 1, sizeof head, file);
    if (vit158_what_is(head, n_bytes) != VIT158_CONTENT_MODEL) {
        char sentence[VIT158_SENTENCE_BYTES];
        vit158_what_is_sentence(sentence, head, n_bytes);
        vit158_fail(error, error->status, "%s", sentence);
    } else if ((error->status == VIT158_E_TENSOR || error->status == VIT158_E_METADATA ||
                error->status == VIT158_E_UNSUPPORTED) &&
               strstr(error->message, "run `vit158") == NULL) { /* which says what to do */
        advise_names(file, head, error);
    }
    fclose(file);
    return error->status;
}
