/* SPDX-License-Identifier: MIT
 *
 * From a parsed header to the model's plan: which tensor fills which slot, the geometry read off
 * the tensors' shapes and checked against the metadata, and how each matrix is encoded. After this
 * every tensor of the file has its place, every place its tensor, and all sizes are bounded.
 */
#ifndef VIT158_MODEL_LAYOUT_H
#define VIT158_MODEL_LAYOUT_H

#include <stdbool.h>

#include "model/encoding.h"
#include "model/header.h"
#include "model/model.h"
#include "model/names.h"
#include "model/variant.h"

/* Upper limits; FORMAT.md has the table. With them every element count fits in 32 bits except that
 * of a whole matrix, and int32 sums of products cannot overflow (kernels.h). */
#define VIT158_MAX_IMAGE_SIZE 2048U
#define VIT158_MAX_PATCH_SIZE 128U
#define VIT158_MAX_TOKENS 4097U
#define VIT158_MAX_DIM 4096U
#define VIT158_MAX_HEADS 256U
#define VIT158_MAX_MLP_DIM 16384U
#define VIT158_MAX_CLASSES 65536U

/* What decides the sizes of a block's matrices. */
typedef struct vit158_block_shape {
    uint32_t dim;
    uint32_t attention; /* heads of the block times head_dim */
    uint32_t mlp;       /* hidden width */
} vit158_block_shape;

typedef struct vit158_layout {
    vit158_model_info info; /* file_bytes and weight_bytes are left 0 */
    vit158_block_shape shapes[VIT158_MAX_DEPTH];
    vit158_variant variant;
    bool outer_norms;
    const vit158_stored_type *types[VIT158_MAX_DEPTH][VIT158_BLOCK_LINEARS]; /* of the matrices */
    uint32_t rows[VIT158_MAX_DEPTH]
                 [VIT158_BLOCK_LINEARS]; /* as `encodings` says, 0 if it does not */
    const vit158_stored_type *rest_types[VIT158_SLOT_GLOBALS]; /* of patch, head and positions */
    uint16_t tensors[VIT158_SLOT_COUNT]; /* 1 + index into header->tensors, 0 = absent */
} vit158_layout;

/* Element types that may be in a slot. */
enum {
    VIT158_AS_F32 = 1U << VIT158_DTYPE_F32,
    VIT158_AS_SCALE = VIT158_AS_F32 | 1U << VIT158_DTYPE_F16,
    VIT158_AS_FLOAT = VIT158_AS_SCALE | 1U << VIT158_DTYPE_BF16,
    VIT158_AS_COUNT = 1U << VIT158_DTYPE_U8
};

/* What a slot must hold. */
typedef struct vit158_expectation {
    bool needed;
    bool allowed;        /* if not needed */
    const char *unasked; /* why not, if neither; static */
    unsigned dtypes;
    uint32_t rank;
    uint64_t shape[VIT158_MAX_RANK];
    bool or_one;                    /* [1] is allowed too */
    bool is_parameter;              /* counts as one */
    bool is_newer;                  /* needs format version 2 */
    const vit158_stored_type *type; /* of a block's matrix */
    uint64_t weights;               /* of a block's matrix */
} vit158_expectation;

/* A float vector [n] that must be there; and the scales of n rows of a matrix of this type. */
vit158_expectation vit158_expect_vector(uint32_t n);
vit158_expectation vit158_expect_scales(const vit158_stored_type *type, uint32_t n);

/* Width and height of a block's matrix, by its VIT158_QKV .. VIT158_FC2. */
uint32_t vit158_linear_n_in(const vit158_block_shape *shape, uint32_t linear);
uint32_t vit158_linear_n_out(const vit158_block_shape *shape, uint32_t linear);

/* Whether some block has fewer heads than the model's width, or another hidden width than others:
 * such a file needs format version 2. */
bool vit158_layout_is_uneven(const vit158_layout *layout);

/* The tensor in a slot, or NULL. */
const vit158_tensor_entry *vit158_layout_tensor(const vit158_layout *layout,
                                                const vit158_header *header, uint32_t slot);

/* Rows of a block's matrix: those of `encodings`, or one an output. */
uint32_t vit158_layout_rows(const vit158_layout *layout, uint32_t block, uint32_t linear);

/* Width and height of the matrix whose weight (or positions) a slot holds; false for other slots.
 */
bool vit158_layout_matrix(const vit158_layout *layout, uint32_t slot, uint32_t *n_in,
                          uint32_t *n_out);

/* The slot of the scales of such a matrix. */
uint32_t vit158_scale_slot(uint32_t slot);

/* How the matrix in a slot is stored, NULL if the slot is for something else. */
const vit158_stored_type *vit158_layout_type(const vit158_layout *layout, uint32_t slot);

/* Fills slots, geometry and norms only, without looking at encodings and at the shapes inside
 * blocks; for tools that also read checkpoints which cannot be run.
 * Errors: VIT158_E_TENSOR, _METADATA, _LIMIT, _UNSUPPORTED. */
vit158_status vit158_layout_geometry(vit158_layout *out, const vit158_header *header,
                                     vit158_error *error);

/* Whether float matrices without an encodings entry are the latent weights of a ternary model: it
 * has inner norms, or its architecture is "vit-1.58b", and metadata weights is not "float", as
 * training with float weights writes it. */
bool vit158_layout_is_latent(const vit158_layout *layout, const vit158_header *header);

/* The whole plan. Errors: as above. */
vit158_status vit158_layout_read(vit158_layout *out, const vit158_header *header,
                                 vit158_error *error);

/* The step of vit158_layout_read that is in a file of its own: how matrices are stored. */
vit158_status vit158_encodings_read(vit158_layout *layout, const vit158_header *header,
                                    vit158_error *error);

#endif
