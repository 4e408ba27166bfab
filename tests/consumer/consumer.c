/* SPDX-License-Identifier: MIT
 *
 * Uses an installed vit158 through its public header alone: opens the model file argv[1], runs a
 * constant image, prints the best class.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vit158.h>

static unsigned char *read_all(const char *path, size_t *n_bytes)
{
    FILE *const file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    *n_bytes = 0;
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        rewind(file);
        bytes = size > 0 ? malloc((size_t)size) : NULL;
        if (bytes)
            *n_bytes = fread(bytes, 1, (size_t)size, file);
    }
    fclose(file);
    return bytes;
}

static vit158_status classify(const vit158_model *model, vit158_error *error)
{
    unsigned char image[5 * 7 * 3];
    vit158_session *session;
    vit158_prediction best;
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (unsigned char)(i * 2);
    vit158_status status = vit158_session_create(&session, model, NULL, error);
    if (status == VIT158_OK)
        status = vit158_session_set_image(session, image, 5, 7, 5 * 3, VIT158_PIXELS_RGB, error);
    if (status == VIT158_OK)
        status = vit158_session_run(session, NULL, NULL, error);
    if (status == VIT158_OK && vit158_session_top_k(session, &best, 1) == 1)
        printf("vit158 %s says %s\n", vit158_version(), vit158_model_label(model, best.index));
    vit158_session_close(session);
    return status;
}

int main(int argc, char **argv)
{
    vit158_error error = {VIT158_OK, "no model file"};
    vit158_model *model = NULL;
    size_t n_bytes;
    unsigned char *const bytes = argc == 2 ? read_all(argv[1], &n_bytes) : NULL;
    if (!bytes || vit158_model_open(&model, bytes, n_bytes, &error) != VIT158_OK ||
        classify(model, &error) != VIT158_OK) {
        fprintf(stderr, "consumer: %s\n", error.message);
        return 1;
    }
    vit158_model_close(model);
    free(bytes);
    return 0;
}
