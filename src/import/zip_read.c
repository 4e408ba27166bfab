/* SPDX-License-Identifier: MIT
 *
 * Layout after PKWARE's APPNOTE: the end record (22 bytes and a comment) is searched from the
 * file's end, it names the central directory, whose records name the local headers.
 */
#include "import/zip_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define END_BYTES 22U
#define END_SIGNATURE 0x06054B50U
#define RECORD_BYTES 46U
#define RECORD_SIGNATURE 0x02014B50U
#define LOCAL_BYTES 30U
#define LOCAL_SIGNATURE 0x04034B50U
#define MAX_COMMENT_BYTES 65535U
#define FLAG_ENCRYPTED 1U
#define METHOD_STORED 0U
#define METHOD_DEFLATED 8U
#define UNKNOWN_32 0xFFFFFFFFU /* the value stands in a ZIP64 field */

typedef struct end_record {
    uint32_t count;
    uint32_t table_bytes;
    uint32_t table_offset;
} end_record;

static uint32_t word_at(const uint8_t *bytes)
{
    vit158_bytes in = vit158_bytes_over(bytes, 4);
    return vit158_bytes_u32(&in, false);
}

static vit158_status parse_end(end_record *out, const uint8_t *bytes, const char *name,
                               vit158_error *error)
{
    vit158_bytes in = vit158_bytes_over(bytes, END_BYTES);
    vit158_bytes_u32(&in, false);
    const uint16_t disk = vit158_bytes_u16(&in, false);
    const uint16_t table_disk = vit158_bytes_u16(&in, false);
    const uint16_t on_disk = vit158_bytes_u16(&in, false);
    out->count = vit158_bytes_u16(&in, false);
    out->table_bytes = vit158_bytes_u32(&in, false);
    out->table_offset = vit158_bytes_u32(&in, false);
    if (disk != 0 || table_disk != 0 || on_disk != out->count)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "%s is one part of a ZIP archive in parts",
                           name);
    if (out->table_offset == UNKNOWN_32 || out->table_bytes == UNKNOWN_32 || out->count == 0xFFFFU)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "%s is a ZIP archive of 4 GB or more (ZIP64): save the weights with "
                           "safetensors.torch.save_file",
                           name);
    if (out->count > VIT158_ZIP_MAX_ENTRIES || out->table_bytes > VIT158_ZIP_MAX_TABLE_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "%s: a ZIP archive of %u entries, above %u", name,
                           out->count, VIT158_ZIP_MAX_ENTRIES);
    return VIT158_OK;
}

static vit158_status find_end(end_record *out, const vit158_import_files *files, const char *name,
                              uint64_t size, vit158_error *error)
{
    const size_t n_bytes =
        size < END_BYTES + MAX_COMMENT_BYTES ? (size_t)size : (size_t)END_BYTES + MAX_COMMENT_BYTES;
    uint8_t *tail = malloc(n_bytes + 1);
    if (tail == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read %s", name);
    vit158_status status = vit158_import_read(files, name, size - n_bytes, tail, n_bytes, error);
    if (status == VIT158_OK) {
        size_t at = n_bytes >= END_BYTES ? n_bytes - END_BYTES + 1 : 0;
        while (at > 0 && word_at(tail + at - 1) != END_SIGNATURE)
            at--;
        status =
            at > 0
                ? parse_end(out, tail + at - 1, name, error)
                : vit158_fail(error, VIT158_E_TRUNCATED,
                              "%s is a ZIP archive without its end: the download is cut off", name);
    }
    free(tail);
    return status;
}

static vit158_status parse_record(vit158_zip_entry *out, vit158_bytes *in, const char *name,
                                  vit158_error *error)
{
    const uint8_t *record = vit158_bytes_take(in, RECORD_BYTES);
    if (record == NULL || word_at(record) != RECORD_SIGNATURE)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: a damaged ZIP table of contents", name);
    vit158_bytes fields = vit158_bytes_over(record, RECORD_BYTES);
    vit158_bytes_take(&fields, 8);
    const uint16_t flags = vit158_bytes_u16(&fields, false);
    const uint16_t method = vit158_bytes_u16(&fields, false);
    vit158_bytes_take(&fields, 4);
    out->crc32 = vit158_bytes_u32(&fields, false);
    out->packed_bytes = vit158_bytes_u32(&fields, false);
    out->n_bytes = vit158_bytes_u32(&fields, false);
    out->deflated = method == METHOD_DEFLATED;
    out->name_bytes = vit158_bytes_u16(&fields, false);
    const uint16_t extra = vit158_bytes_u16(&fields, false);
    const uint16_t comment = vit158_bytes_u16(&fields, false);
    vit158_bytes_take(&fields, 8);
    out->header = vit158_bytes_u32(&fields, false);
    out->name = (const char *)vit158_bytes_take(in, out->name_bytes);
    vit158_bytes_take(in, (size_t)extra + comment);
    if (in->failed)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: a damaged ZIP table of contents", name);
    const int shown = out->name_bytes < 80 ? (int)out->name_bytes : 80;
    if ((flags & FLAG_ENCRYPTED) != 0)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "%s: the entry %.*s is encrypted", name,
                           shown, out->name);
    if (method != METHOD_STORED && method != METHOD_DEFLATED)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "%s: the entry %.*s is compressed by method %u; stored and deflated "
                           "entries are read: zip the files again",
                           name, shown, out->name, method);
    if (method == METHOD_STORED && out->packed_bytes != out->n_bytes)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: a damaged ZIP table of contents", name);
    return VIT158_OK;
}

static vit158_status read_table(vit158_zip *out, const end_record *end,
                                const vit158_import_files *files, const char *name,
                                vit158_error *error)
{
    out->table = malloc((size_t)end->table_bytes + 1);
    out->entries = malloc(((size_t)end->count + 1) * sizeof *out->entries);
    if (out->table == NULL || out->entries == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read %s", name);
    VIT158_RETURN_IF_ERROR(
        vit158_import_read(files, name, end->table_offset, out->table, end->table_bytes, error));
    vit158_bytes in = vit158_bytes_over(out->table, end->table_bytes);
    for (; out->count < end->count; out->count++)
        VIT158_RETURN_IF_ERROR(parse_record(&out->entries[out->count], &in, name, error));
    return VIT158_OK;
}

/* Whose name comes first, byte by byte; of entries with one name the first of the table. */
static int by_name(const void *left, const void *right)
{
    const vit158_zip_entry *a = left;
    const vit158_zip_entry *b = right;
    const uint32_t shorter = a->name_bytes < b->name_bytes ? a->name_bytes : b->name_bytes;
    const int order = memcmp(a->name, b->name, shorter);
    if (order != 0)
        return order;
    if (a->name_bytes != b->name_bytes)
        return a->name_bytes < b->name_bytes ? -1 : 1;
    return (a->name > b->name) - (a->name < b->name);
}

vit158_status vit158_zip_open(vit158_zip *out, const vit158_import_files *files, const char *name,
                              vit158_error *error)
{
    end_record end = {0};
    *out = (vit158_zip){0};
    const uint64_t size = files->size(files->context, name);
    if (size == VIT158_NO_FILE)
        return vit158_fail(error, VIT158_E_IO, "%s cannot be opened", name);
    VIT158_RETURN_IF_ERROR(find_end(&end, files, name, size, error));
    const vit158_status status = read_table(out, &end, files, name, error);
    if (status != VIT158_OK)
        vit158_zip_clear(out);
    else
        qsort(out->entries, out->count, sizeof *out->entries, by_name);
    return status;
}

void vit158_zip_clear(vit158_zip *zip)
{
    free(zip->entries);
    free(zip->table);
    *zip = (vit158_zip){0};
}

/* Below 0 if the entry's name comes before `folder` and `name` put together, 0 if it is that. */
static int compare(const vit158_zip_entry *entry, const char *folder, size_t folder_bytes,
                   const char *name, size_t name_bytes)
{
    const size_t length = entry->name_bytes;
    int order = memcmp(entry->name, folder, length < folder_bytes ? length : folder_bytes);
    if (order != 0 || length < folder_bytes)
        return order != 0 ? order : -1;
    const size_t rest = length - folder_bytes;
    order = memcmp(entry->name + folder_bytes, name, rest < name_bytes ? rest : name_bytes);
    return order != 0 ? order : (rest > name_bytes) - (rest < name_bytes);
}

const vit158_zip_entry *vit158_zip_find(const vit158_zip *zip, const char *folder,
                                        size_t folder_bytes, const char *name, size_t name_bytes)
{
    uint32_t low = 0;
    for (uint32_t high = zip->count; low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare(&zip->entries[middle], folder, folder_bytes, name, name_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const bool found = low < zip->count &&
                       compare(&zip->entries[low], folder, folder_bytes, name, name_bytes) == 0;
    return found ? &zip->entries[low] : NULL;
}

vit158_status vit158_zip_data(uint64_t *offset, const vit158_zip_entry *entry,
                              const vit158_import_files *files, const char *name,
                              vit158_error *error)
{
    uint8_t local[LOCAL_BYTES];
    VIT158_RETURN_IF_ERROR(
        vit158_import_read(files, name, entry->header, local, sizeof local, error));
    if (word_at(local) != LOCAL_SIGNATURE)
        return vit158_fail(error, VIT158_E_FORMAT, "%s: a damaged ZIP entry", name);
    vit158_bytes in = vit158_bytes_over(local + 26, 4);
    const uint16_t name_bytes = vit158_bytes_u16(&in, false);
    const uint16_t extra = vit158_bytes_u16(&in, false);
    *offset = (uint64_t)entry->header + LOCAL_BYTES + name_bytes + extra;
    const uint64_t size = files->size(files->context, name);
    if (*offset > size || entry->packed_bytes > size - *offset)
        return vit158_fail(error, VIT158_E_TRUNCATED, "%s ends too early: the download is cut off",
                           name);
    return VIT158_OK;
}
