/* SPDX-License-Identifier: MIT
 *
 * The table of contents of a ZIP archive. Entries are stored as they are (torch.save writes them
 * so) or deflated; encrypted entries, other kinds of compression and archives in parts are refused.
 * Nothing is unpacked here, so an archive never costs more memory than its table.
 */
#ifndef VIT158_IMPORT_ZIP_READ_H
#define VIT158_IMPORT_ZIP_READ_H

#include "import/import_files.h"

#define VIT158_ZIP_MAX_ENTRIES 16384U
#define VIT158_ZIP_MAX_TABLE_BYTES (4U << 20)

typedef struct vit158_zip_entry {
    const char *name; /* not terminated, in the archive's table */
    uint32_t name_bytes;
    uint32_t header; /* offset of its local header */
    uint32_t n_bytes;
    uint32_t packed_bytes; /* in the archive: n_bytes unless deflated */
    uint32_t crc32;        /* of its n_bytes bytes */
    bool deflated;
} vit158_zip_entry;

typedef struct vit158_zip {
    vit158_zip_entry *entries; /* in the order of their names, byte by byte */
    uint32_t count;
    uint8_t *table; /* owns the names */
} vit158_zip;

/* Reads the table; the caller ends it with vit158_zip_clear. Errors: VIT158_E_FORMAT,
 * _UNSUPPORTED, _LIMIT, _TRUNCATED, _IO, _MEMORY. */
vit158_status vit158_zip_open(vit158_zip *out, const vit158_import_files *files, const char *name,
                              vit158_error *error);
void vit158_zip_clear(vit158_zip *zip);

/* The entry whose name is `folder`, folder_bytes characters, followed by `name`; NULL if none is.
 * Of several with that name the first of the table. */
const vit158_zip_entry *vit158_zip_find(const vit158_zip *zip, const char *folder,
                                        size_t folder_bytes, const char *name, size_t name_bytes);

/* Where an entry's packed_bytes bytes begin in the file; all of them lie within it. Errors:
 * VIT158_E_FORMAT, _TRUNCATED, _IO. */
vit158_status vit158_zip_data(uint64_t *offset, const vit158_zip_entry *entry,
                              const vit158_import_files *files, const char *name,
                              vit158_error *error);

#endif
