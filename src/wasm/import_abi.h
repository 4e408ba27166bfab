/* SPDX-License-Identifier: MIT
 *
 * The flat interface of vit158-import.wasm, for import and pack of the npm command, and for the
 * page's import. The module asks its caller for the source's files (two imports, below), and leaves
 * the new model as pieces to write one after the other. One import at a time.
 */
#ifndef VIT158_WASM_IMPORT_ABI_H
#define VIT158_WASM_IMPORT_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Runs an import. `file`, `labels` and `metadata` may be NULL, and are texts with a NUL; `weights`
 * is a vit158_import_weights. Returns a vit158_status; what an import before left is gone. */
uint32_t vit158_wasm_import(const char *file, uint32_t weights, uint32_t heads, uint32_t image_size,
                            const char *labels, uint32_t labels_bytes, const char *metadata);

/* The same by packing a safetensors file: `matrices` is a vit158_pack_matrices, `rest` a
 * vit158_dtype, `metadata` may be NULL. The report is then three numbers: zeros of ternary weights,
 * matrices that were ternary already, 1 if the others were not trained to be. */
uint32_t vit158_wasm_pack(char *file, uint32_t matrices, uint32_t rest, const char *metadata);

/* The sentence of the last failure. */
const char *vit158_wasm_import_message(void);

/* The report's paragraph, and about the file's size with weights 0 (f16), 1 (i8) and 2 (f32). */
const char *vit158_wasm_import_report(void);
double vit158_wasm_import_bytes(uint32_t weights);

/* The new file: piece 0 is prefix and header, then the tensors in their order. */
uint32_t vit158_wasm_import_piece_count(void);
const void *vit158_wasm_import_piece(uint32_t index);
uint32_t vit158_wasm_import_piece_bytes(uint32_t index);

/* Reads the F32, F16 or BF16 tensor of that name from a safetensors file. Returns a vit158_status;
 * what was read or made before is gone. */
uint32_t vit158_wasm_import_tensor(char *file, const char *name);
const float *vit158_wasm_import_values(void);
uint32_t vit158_wasm_import_rank(void);
double vit158_wasm_import_side(uint32_t index); /* of its shape, index < rank */

#endif
