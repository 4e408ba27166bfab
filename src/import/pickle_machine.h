/* SPDX-License-Identifier: MIT
 *
 * The pickle machine: runs the opcodes over records of its own and leaves the root object, which
 * pickle_read.c then looks through. Objects refer to each other by index; containers may hold
 * themselves, so nobody may follow them without a bound.
 */
#ifndef VIT158_IMPORT_PICKLE_MACHINE_H
#define VIT158_IMPORT_PICKLE_MACHINE_H

#include "base/bytes.h"
#include "import/pickle_read.h"

#define VIT158_PICKLE_NONE UINT32_MAX /* no object */

typedef enum vit158_pickle_kind {
    VIT158_PICKLE_NULL,
    VIT158_PICKLE_BOOL,
    VIT158_PICKLE_INT,
    VIT158_PICKLE_FLOAT,
    VIT158_PICKLE_TEXT,
    VIT158_PICKLE_TUPLE,
    VIT158_PICKLE_LIST,
    VIT158_PICKLE_DICT,
    VIT158_PICKLE_MAKE_DICT,    /* collections.OrderedDict */
    VIT158_PICKLE_MAKE_TENSOR,  /* torch._utils._rebuild_tensor_v2 */
    VIT158_PICKLE_STORAGE_TYPE, /* torch.FloatStorage and the like; number is its vit158_dtype */
    VIT158_PICKLE_STORAGE,      /* items: type, key */
    VIT158_PICKLE_TENSOR        /* items: the arguments of its making */
} vit158_pickle_kind;

/* Containers are lists of cells, so that adding one costs no copy. A dictionary's cells alternate
 * between keys and values. */
typedef struct vit158_pickle_object {
    vit158_pickle_kind kind;
    uint32_t first; /* cell, VIT158_PICKLE_NONE if empty */
    uint32_t last;
    uint32_t count; /* cells */
    int64_t number;
    vit158_pickle_text text;
} vit158_pickle_object;

typedef struct vit158_pickle_cell {
    uint32_t object;
    uint32_t next;
} vit158_pickle_cell;

typedef struct vit158_pickle_machine {
    vit158_bytes in;
    vit158_pickle_object *objects;
    vit158_pickle_cell *cells;
    uint32_t *stack; /* objects; VIT158_PICKLE_NONE is a mark */
    uint32_t *memo;
    uint32_t object_count;
    uint32_t cell_count;
    uint32_t stack_count;
    uint32_t memo_count; /* memo entries that may be set */
    vit158_error *error;
} vit158_pickle_machine;

/* Runs to STOP; *root is the object left. Errors as vit158_pickle_read. */
vit158_status vit158_pickle_run(vit158_pickle_machine *m, uint32_t *root, const void *bytes,
                                size_t n_bytes, vit158_error *error);
void vit158_pickle_machine_clear(vit158_pickle_machine *m);

/* Object of a container's cell number `index`, VIT158_PICKLE_NONE past its end. */
uint32_t vit158_pickle_item(const vit158_pickle_machine *m, const vit158_pickle_object *container,
                            uint32_t index);

/* Which of the globals "module\nname\n" is, for pickle_globals.c's closed list. */
vit158_status vit158_pickle_global(vit158_pickle_object *out, vit158_pickle_text module,
                                   vit158_pickle_text name, vit158_error *error);

#endif
