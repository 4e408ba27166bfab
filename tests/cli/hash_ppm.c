/* SPDX-License-Identifier: MIT
 *
 * A test tool: raw RGB pixels through the native engine. Prints the SHA-256 of the logits, one line
 * for each binary PPM. usage: hash_ppm MODEL scalar|simd128 FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "cli/files.h"
#include "unit/ppm.h"
#include "vit158.h"

static vit158_status hash_file(vit158_session *session, const char *path, uint32_t classes,
                               vit158_error *error)
{
    test_ppm image;
    if (!test_ppm_read(&image, path)) {
        snprintf(error->message, sizeof error->message, "not a binary PPM: %s", path);
        return VIT158_E_IMAGE;
    }
    vit158_status status =
        vit158_session_set_image(session, image.data, image.width, image.height,
                                 (size_t)image.width * 3, VIT158_PIXELS_RGB, error);
    free(image.data);
    if (status == VIT158_OK)
        status = vit158_session_run(session, NULL, NULL, error);
    if (status == VIT158_OK) {
        char hash[65];
        vit158_sha256_hex(hash, vit158_session_logits(session), classes * sizeof(float));
        printf("%s\n", hash);
    }
    return status;
}

int main(int argc, char **argv)
{
    vit158_model *model = NULL;
    vit158_session *session = NULL;
    vit158_model_info info;
    vit158_error error = {VIT158_E_ARGUMENT, "usage: hash_ppm MODEL scalar|simd128 FILE..."};
    vit158_status status = VIT158_E_ARGUMENT;
    if (argc > 3)
        status = vit158_open_model_file(&model, argv[1], &error);
    if (status == VIT158_OK) {
        const vit158_options options = {.engine = strcmp(argv[2], "scalar") == 0
                                                      ? VIT158_ENGINE_SCALAR
                                                      : VIT158_ENGINE_SIMD128};
        vit158_model_get_info(model, &info);
        status = vit158_session_create(&session, model, &options, &error);
    }
    for (int i = 3; i < argc && status == VIT158_OK; i++)
        status = hash_file(session, argv[i], info.classes, &error);
    if (status != VIT158_OK)
        fprintf(stderr, "hash_ppm: %s\n", error.message);
    vit158_session_close(session);
    vit158_model_close(model);
    return status == VIT158_OK ? 0 : 1;
}
