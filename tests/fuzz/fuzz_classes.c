/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a file of own classes: an error with a sentence, or classes that a vector can be
 * matched with, whose scores are a distribution.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/own_classes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void match(vit158_own_classes *own)
{
    float *vector = malloc(own->dim * sizeof *vector);
    vit158_own_match *matches = calloc(own->count, sizeof *matches);
    bool unsure = false;
    if (vector == NULL || matches == NULL)
        abort();
    for (uint32_t i = 0; i < own->dim; i++)
        vector[i] = (float)(i % 7) - 2.5F;
    const size_t found = vit158_own_classes_match(own, vector, matches, &unsure);
    double sum = 0.0;
    for (size_t i = 0; i < found; i++) {
        if (matches[i].index >= own->count || !(matches[i].score >= 0.0F) ||
            !(fabs((double)matches[i].similarity) <= 1.0001))
            abort();
        sum += (double)matches[i].score;
    }
    if (found > own->count || (found > 0 && fabs(sum - 1.0) > 1e-3))
        abort();
    free(vector);
    free(matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_own_classes own;
    vit158_error error = {VIT158_OK, ""};
    const vit158_status status = vit158_own_classes_parse(&own, data, n_bytes, &error);
    if (status == VIT158_OK)
        match(&own);
    else if (error.status != status || strlen(error.message) < 10 || own.classes != NULL)
        abort();
    vit158_own_classes_free(&own);
    return 0;
}
