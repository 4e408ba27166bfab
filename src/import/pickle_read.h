/* SPDX-License-Identifier: MIT
 *
 * Reads the pickle of a state dictionary as torch.save writes it: a closed list of opcodes and
 * three kinds of globals (collections.OrderedDict, torch._utils._rebuild_tensor_v2, torch's
 * storages). Nothing is ever called or executed: a global is a number here, "calling" one fills a
 * record, and anything else is refused by name. Memory and time are linear in the pickle's length.
 */
#ifndef VIT158_IMPORT_PICKLE_READ_H
#define VIT158_IMPORT_PICKLE_READ_H

#include "model/header.h"

#define VIT158_PICKLE_MAX_BYTES (2U << 20)

/* A string of the pickle, not terminated, in the caller's bytes; valid UTF-8 without NUL. */
typedef struct vit158_pickle_text {
    const char *bytes;
    size_t n_bytes;
} vit158_pickle_text;

/* A tensor of the dictionary: a contiguous part of a storage. */
typedef struct vit158_pickle_tensor {
    vit158_pickle_text name;
    vit158_pickle_text storage; /* its entry in the archive's folder "data" */
    vit158_dtype dtype;
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK];
    uint64_t n_elements;
    uint64_t first; /* element of the storage */
} vit158_pickle_tensor;

typedef struct vit158_pickle {
    vit158_pickle_tensor *tensors;
    uint32_t count;
    /* "", or the key under which the dictionary stood in another one: "model", "state_dict" */
    char inside[16];
} vit158_pickle;

/* `bytes` must outlive `out`, which the caller ends with vit158_pickle_clear.
 * Errors: VIT158_E_FORMAT, _UNSUPPORTED, _LIMIT, _MEMORY; sentences do not name the file. */
vit158_status vit158_pickle_read(vit158_pickle *out, const void *bytes, size_t n_bytes,
                                 vit158_error *error);
void vit158_pickle_clear(vit158_pickle *pickle);

#endif
