/* SPDX-License-Identifier: MIT
 *
 * What torch.save writes since PyTorch 1.6: a ZIP archive with NAME/data.pkl, a pickle of the
 * dictionary, and one entry NAME/data/KEY a storage.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import/pickle_read.h"
#include "import/source.h"
#include "import/zip_read.h"

/* torch.save names the folder after its file, and no file system has longer names. Every look-up
 * compares the folder, so a longer one would cost time. */
#define MAX_PATH_BYTES 1024U

typedef struct archive {
    vit158_source *source;
    const char *name;
    vit158_zip zip;
    const char *folder; /* "archive/", not terminated */
    size_t folder_bytes;
    uint8_t *text; /* the pickle's bytes */
    vit158_pickle pickle;
    vit158_error *error;
} archive;

/* Where a stored entry's bytes begin. */
static vit158_status locate(uint64_t *offset, const archive *a, const vit158_zip_entry *entry)
{
    if (entry->deflated)
        return vit158_fail(a->error, VIT158_E_UNSUPPORTED,
                           "%s: the entry %.*s is compressed, which torch.save does not do: load "
                           "it with PyTorch and save it again",
                           a->name, entry->name_bytes < 80 ? (int)entry->name_bytes : 80,
                           entry->name);
    return vit158_zip_data(offset, entry, a->source->files, a->name, a->error);
}

/* The first of the table's entries that is a data.pkl in a folder. */
static const vit158_zip_entry *find_pickle(archive *a)
{
    static const char file[] = "data.pkl";
    const size_t n_bytes = sizeof file - 1;
    const vit158_zip_entry *found = NULL;
    for (uint32_t i = 0; i < a->zip.count; i++) {
        const vit158_zip_entry *entry = &a->zip.entries[i];
        if (entry->name_bytes <= n_bytes || entry->name_bytes > MAX_PATH_BYTES ||
            memcmp(entry->name + entry->name_bytes - n_bytes, file, n_bytes) != 0 ||
            entry->name[entry->name_bytes - n_bytes - 1] != '/')
            continue;
        if (found == NULL || entry->name < found->name)
            found = entry;
    }
    if (found != NULL) {
        a->folder = found->name;
        a->folder_bytes = found->name_bytes - n_bytes;
    }
    return found;
}

static vit158_status read_pickle(archive *a)
{
    const vit158_zip_entry *entry = find_pickle(a);
    if (entry == NULL)
        return vit158_fail(a->error, VIT158_E_FORMAT,
                           "%s is a ZIP archive, but not one that torch.save wrote (it has no "
                           "data.pkl)",
                           a->name);
    if (entry->n_bytes > VIT158_PICKLE_MAX_BYTES)
        return vit158_fail(a->error, VIT158_E_LIMIT, "%s: a pickle of %u bytes, above %u", a->name,
                           entry->n_bytes, VIT158_PICKLE_MAX_BYTES);
    uint64_t offset = 0;
    VIT158_RETURN_IF_ERROR(locate(&offset, a, entry));
    a->text = malloc((size_t)entry->n_bytes + 1);
    if (a->text == NULL)
        return vit158_fail(a->error, VIT158_E_MEMORY, "not enough memory to read %s", a->name);
    VIT158_RETURN_IF_ERROR(
        vit158_import_read(a->source->files, a->name, offset, a->text, entry->n_bytes, a->error));
    vit158_error reason;
    const vit158_status status = vit158_pickle_read(&a->pickle, a->text, entry->n_bytes, &reason);
    return status == VIT158_OK ? VIT158_OK
                               : vit158_fail(a->error, status, "%s: %s", a->name, reason.message);
}

static vit158_status check_byte_order(const archive *a)
{
    static const char order[] = "byteorder";
    char text[8] = "little";
    const vit158_zip_entry *entry =
        vit158_zip_find(&a->zip, a->folder, a->folder_bytes, order, sizeof order - 1);
    uint64_t offset = 0;
    if (entry == NULL)
        return VIT158_OK; /* PyTorch before 2.1, on the machines that we run on */
    VIT158_RETURN_IF_ERROR(locate(&offset, a, entry));
    if (entry->n_bytes == 6)
        VIT158_RETURN_IF_ERROR(
            vit158_import_read(a->source->files, a->name, offset, text, 6, a->error));
    if (entry->n_bytes != 6 || memcmp(text, "little", 6) != 0)
        return vit158_fail(a->error, VIT158_E_UNSUPPORTED,
                           "%s: its numbers are not little-endian; save it on another machine",
                           a->name);
    return VIT158_OK;
}

/* Finds the tensor's bytes inside its storage. */
static vit158_status place(vit158_source_tensor *out, const archive *a,
                           const vit158_pickle_tensor *tensor)
{
    char path[64] = "data/";
    const size_t n_bytes = tensor->storage.n_bytes;
    const vit158_zip_entry *entry = NULL;
    if (n_bytes < sizeof path - 5) {
        memcpy(path + 5, tensor->storage.bytes, n_bytes);
        entry = vit158_zip_find(&a->zip, a->folder, a->folder_bytes, path, 5 + n_bytes);
    }
    if (entry == NULL)
        return vit158_fail(a->error, VIT158_E_FORMAT, "%s: the data of tensor %s are not in it",
                           a->name, out->name);
    VIT158_RETURN_IF_ERROR(locate(&out->offset, a, entry));
    const uint64_t element = vit158_dtype_bytes(tensor->dtype);
    const uint64_t held = entry->n_bytes / element;
    if (tensor->first > held || tensor->n_elements > held - tensor->first)
        return vit158_fail(a->error, VIT158_E_TRUNCATED, "%s: tensor %s is longer than its data",
                           a->name, out->name);
    out->offset += tensor->first * element;
    return VIT158_OK;
}

static vit158_status add_tensors(archive *a)
{
    size_t n_bytes = 0;
    for (uint32_t i = 0; i < a->pickle.count; i++)
        n_bytes += a->pickle.tensors[i].name.n_bytes + 1;
    char *names = malloc(n_bytes + 1);
    a->source->names = names;
    if (names == NULL)
        return vit158_fail(a->error, VIT158_E_MEMORY, "not enough memory for the tensors' names");
    for (uint32_t i = 0; i < a->pickle.count; i++) {
        const vit158_pickle_tensor *from = &a->pickle.tensors[i];
        vit158_source_tensor *tensor = vit158_source_add(a->source);
        if (tensor == NULL)
            return vit158_fail(a->error, VIT158_E_MEMORY,
                               "not enough memory for the tensors' names");
        memcpy(names, from->name.bytes, from->name.n_bytes);
        names[from->name.n_bytes] = 0;
        tensor->name = names;
        names += from->name.n_bytes + 1;
        tensor->dtype = from->dtype;
        tensor->rank = from->rank;
        memcpy(tensor->shape, from->shape, sizeof tensor->shape);
        tensor->n_elements = from->n_elements;
        VIT158_RETURN_IF_ERROR(place(tensor, a, from));
    }
    return VIT158_OK;
}

static vit158_status open_archive(archive *a)
{
    VIT158_RETURN_IF_ERROR(vit158_zip_open(&a->zip, a->source->files, a->name, a->error));
    VIT158_RETURN_IF_ERROR(vit158_source_add_file(a->source, a->name, a->error));
    VIT158_RETURN_IF_ERROR(read_pickle(a));
    VIT158_RETURN_IF_ERROR(check_byte_order(a));
    a->source->pickle = true;
    memcpy(a->source->inside, a->pickle.inside, sizeof a->source->inside);
    return add_tensors(a);
}

vit158_status vit158_source_open_archive(vit158_source *source, const char *name,
                                         vit158_error *error)
{
    archive a = {.source = source, .name = name, .error = error};
    const vit158_status status = open_archive(&a);
    vit158_pickle_clear(&a.pickle);
    vit158_zip_clear(&a.zip);
    free(a.text);
    return status;
}
