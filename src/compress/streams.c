/* SPDX-License-Identifier: MIT */
#include "compress/streams.h"

#include "base/error.h"

vit158_status vit158_embedder_create(vit158_embedder *e, const vit158_model *model,
                                     const vit158_ends *ends, uint32_t images, vit158_error *error)
{
    *e = (vit158_embedder){0};
    vit158_status status = vit158_streams_create(&e->known, model, images, error);
    if (status == VIT158_OK)
        status = vit158_session_create(&e->sessions[0], model, NULL, error);
    if (status == VIT158_OK && ends != NULL)
        status = vit158_streams_create(&e->rounded, model, images, error);
    if (status == VIT158_OK && ends != NULL)
        status = vit158_session_create(&e->sessions[1], &ends->model, NULL, error);
    if (status != VIT158_OK)
        vit158_embedder_free(e);
    return status;
}

vit158_status vit158_first_stream(vit158_session *session, float *stream, size_t stride,
                                  const vit158_image *image, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_session_set_image(session, image->data, image->width,
                                                    image->height, image->row_bytes,
                                                    (vit158_pixels)image->pixels, error));
    VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
    return vit158_session_copy_hidden(session, stream, stride, error);
}

vit158_status vit158_embedder_add(vit158_embedder *e, const vit158_image *image,
                                  vit158_error *error)
{
    if (e->count == e->known.images)
        return vit158_fail(error, VIT158_E_STATE, "there is room for %u images", e->count);
    vit158_streams *const both[2] = {&e->known, &e->rounded};
    for (int i = 0; i < 2 && e->sessions[i] != NULL; i++)
        VIT158_RETURN_IF_ERROR(vit158_first_stream(e->sessions[i],
                                                   both[i]->values + e->count * both[i]->stride,
                                                   both[i]->stride, image, error));
    e->count++;
    return VIT158_OK;
}

void vit158_embedder_finish(vit158_embedder *e)
{
    e->known.images = e->rounded.images = e->count;
    for (int i = 0; i < 2; i++) {
        vit158_session_close(e->sessions[i]);
        e->sessions[i] = NULL;
    }
}

void vit158_embedder_free(vit158_embedder *e)
{
    vit158_embedder_finish(e);
    vit158_streams_free(&e->known);
    vit158_streams_free(&e->rounded);
    *e = (vit158_embedder){0};
}
