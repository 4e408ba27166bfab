/* SPDX-License-Identifier: MIT
 *
 * The tensors of a source, whatever container they lie in: one safetensors file, shards with an
 * index, or a PyTorch archive. Names and places are read when it is opened, values when asked for.
 */
#ifndef VIT158_IMPORT_SOURCE_H
#define VIT158_IMPORT_SOURCE_H

#include "import/import_files.h"
#include "model/header.h"

#define VIT158_SOURCE_MAX_FILES 256U

typedef struct vit158_source_tensor {
    const char *name;
    vit158_dtype dtype;
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK];
    uint64_t n_elements;
    uint32_t file;   /* index into the source's file names */
    uint64_t offset; /* of its first byte in that file; all its bytes lie within it */
    uint32_t place;  /* for the importer: which tensor of the model it is a part of */
    bool used;       /* for the importer: it went into the model */
} vit158_source_tensor;

typedef struct vit158_source {
    const vit158_import_files *files;
    vit158_source_tensor *tensors;
    uint32_t tensor_count;
    uint32_t tensor_capacity;
    char *file_names[VIT158_SOURCE_MAX_FILES];
    uint32_t file_count;
    vit158_header *headers[VIT158_SOURCE_MAX_FILES]; /* of safetensors files; own the names */
    char *names;                                     /* of an archive's tensors */
    bool pickle;
    char inside[16]; /* the key under which an archive's tensors stood, or "" */
} vit158_source;

/* Opens a weight file by what it begins with. A name that ends in ".index.json" is an index, whose
 * shards are opened. On failure `out` is empty. Errors: those of the readers; each sentence names
 * the file. */
vit158_status vit158_source_open(vit158_source *out, const vit158_import_files *files,
                                 const char *name, vit158_error *error);
void vit158_source_clear(vit158_source *source);

/* The metadata of a single safetensors file, NULL for others. */
const vit158_header *vit158_source_metadata(const vit158_source *source);

/* A tensor's values as F32, n_elements of them, all finite; F64 is rounded once.
 * Errors: VIT158_E_TENSOR (not a float tensor), VIT158_E_VALUE, VIT158_E_IO, VIT158_E_MEMORY. */
vit158_status vit158_source_values(float *out, const vit158_source *source,
                                   const vit158_source_tensor *tensor, vit158_error *error);

/* Used by the readers: a new tensor, NULL if memory is short; a file name, kept. */
vit158_source_tensor *vit158_source_add(vit158_source *source);
vit158_status vit158_source_add_file(vit158_source *source, const char *name, vit158_error *error);

/* The readers, each in its own file. */
vit158_status vit158_source_open_safetensors(vit158_source *source, const char *name,
                                             vit158_error *error);
vit158_status vit158_source_open_archive(vit158_source *source, const char *name,
                                         vit158_error *error);
vit158_status vit158_source_open_index(vit158_source *source, const char *name,
                                       vit158_error *error);

#endif
