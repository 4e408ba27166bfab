/* SPDX-License-Identifier: MIT
 *
 * The residual streams of the calibration images behind the embedding, in the float model and in
 * the one with rounded ends, through the public interface: the pixels and the embedding are the
 * engine's own.
 */
#ifndef VIT158_COMPRESS_STREAMS_H
#define VIT158_COMPRESS_STREAMS_H

#include "compress/ends.h"
#include "compress/quantizer.h"

typedef struct vit158_embedder {
    vit158_streams known, rounded; /* of the float model and of ends->model */
    uint32_t count;                /* images so far */
    vit158_session *sessions[2];   /* float, rounded */
} vit158_embedder;

/* An image's stream [N][d], `stride` = N d floats, behind the embedding.
 * Errors: those of vit158_session_set_image. */
vit158_status vit158_first_stream(vit158_session *session, float *stream, size_t stride,
                                  const vit158_image *image, vit158_error *error);

/* Room for `images`; without `ends`, which may be NULL, of the float model only.
 * Errors: VIT158_E_MEMORY. */
vit158_status vit158_embedder_create(vit158_embedder *e, const vit158_model *model,
                                     const vit158_ends *ends, uint32_t images, vit158_error *error);
/* Takes one more image. Errors: those of vit158_session_set_image. */
vit158_status vit158_embedder_add(vit158_embedder *e, const vit158_image *image,
                                  vit158_error *error);
/* No more images come: all but the streams is given back. */
void vit158_embedder_finish(vit158_embedder *e);
void vit158_embedder_free(vit158_embedder *e);

#endif
