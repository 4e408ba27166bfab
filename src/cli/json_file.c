/* SPDX-License-Identifier: MIT */
#include "cli/json_file.h"

static void put(void *context, const char *text, size_t n_bytes)
{
    fwrite(text, 1, n_bytes, context);
}

vit158_json vit158_json_to(FILE *file)
{
    return (vit158_json){.put = put, .context = file};
}
