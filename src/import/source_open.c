/* SPDX-License-Identifier: MIT
 *
 * Which reader opens a weight file.
 */
#include <string.h>

#include "base/error.h"
#include "import/source.h"
#include "model/what_is.h"

#define HEAD_BYTES 512U

static bool ends_with(const char *name, const char *ending)
{
    const size_t length = strlen(name);
    const size_t n_bytes = strlen(ending);
    return length >= n_bytes && strcmp(name + length - n_bytes, ending) == 0;
}

/* Which reader takes the file. */
static vit158_status open_by_content(vit158_source *source, const char *name, vit158_error *error)
{
    uint8_t head[HEAD_BYTES];
    const uint64_t size = source->files->size(source->files->context, name);
    if (size == VIT158_NO_FILE)
        return vit158_fail(error, VIT158_E_IO, "%s cannot be opened", name);
    const size_t n_bytes = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
    VIT158_RETURN_IF_ERROR(vit158_import_read(source->files, name, 0, head, n_bytes, error));
    const vit158_content_kind kind = vit158_what_is(head, n_bytes);
    if (vit158_is_archive(kind))
        return vit158_source_open_archive(source, name, error);
    if (kind == VIT158_CONTENT_JSON && ends_with(name, ".index.json"))
        return vit158_source_open_index(source, name, error);
    if (kind == VIT158_CONTENT_MODEL)
        return vit158_source_open_safetensors(source, name, error);
    char sentence[VIT158_SENTENCE_BYTES];
    vit158_what_is_sentence(sentence, head, n_bytes);
    return vit158_fail(error, VIT158_E_FORMAT, "%s %s", name, sentence);
}

vit158_status vit158_source_open(vit158_source *out, const vit158_import_files *files,
                                 const char *name, vit158_error *error)
{
    *out = (vit158_source){.files = files};
    const vit158_status status = open_by_content(out, name, error);
    if (status != VIT158_OK)
        vit158_source_clear(out);
    return status;
}
