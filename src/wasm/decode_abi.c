/* SPDX-License-Identifier: MIT */
#include "wasm/decode_abi.h"

#include <stdlib.h>

struct vit158_decode {
    vit158_image image;
    vit158_error error;
};

vit158_decode *vit158_decode_open(void)
{
    return calloc(1, sizeof(vit158_decode));
}

uint32_t vit158_decode_run(vit158_decode *context, const uint8_t *bytes, uint32_t n_bytes)
{
    vit158_decode_clear(context);
    return vit158_image_decode(&context->image, bytes, n_bytes, 0, &context->error);
}

const vit158_image *vit158_decode_image(const vit158_decode *context)
{
    return &context->image;
}

void vit158_decode_clear(vit158_decode *context)
{
    vit158_image_free(&context->image);
    context->image = (vit158_image){0};
}

const char *vit158_decode_message(const vit158_decode *context)
{
    return context->error.message;
}
