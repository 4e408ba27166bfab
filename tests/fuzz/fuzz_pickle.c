/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the pickle of a state dictionary: tensors whose every field can be read, or an error
 * with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "import/pickle_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static uint32_t sum;

static void touch(vit158_pickle_text text)
{
    for (size_t i = 0; i < text.n_bytes; i++)
        sum = sum * 31 + (uint8_t)text.bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    vit158_pickle pickle;
    vit158_error error = {VIT158_OK, ""};
    const vit158_status status = vit158_pickle_read(&pickle, data, n_bytes, &error);
    if (status != VIT158_OK) {
        if (error.status != status || error.message[0] == 0 || pickle.tensors != NULL)
            abort();
        return 0;
    }
    for (uint32_t i = 0; i < pickle.count; i++) {
        touch(pickle.tensors[i].name);
        touch(pickle.tensors[i].storage);
        uint64_t count = 1;
        for (uint32_t j = 0; j < pickle.tensors[i].rank; j++)
            count *= pickle.tensors[i].shape[j];
        if (count != pickle.tensors[i].n_elements)
            abort();
    }
    vit158_pickle_clear(&pickle);
    return 0;
}
