/* SPDX-License-Identifier: MIT */
#include "cli/facts_text.h"

#include <string.h>

#include "base/shortest.h"
#include "cli/console.h"

#define NAME_WIDTH 20

void vit158_print_fact(const char *name, const char *value)
{
    printf("  ");
    vit158_print_safely(stdout, name);
    printf("%*s ", strlen(name) < NAME_WIDTH ? NAME_WIDTH - (int)strlen(name) : 0, "");
    vit158_print_safely(stdout, value);
    putchar('\n');
}

void vit158_print_number(const char *name, double value)
{
    char text[VIT158_NUMBER_BYTES];
    vit158_number_text(text, value);
    vit158_print_fact(name, text);
}

void vit158_print_info(const vit158_model_info *info, bool of_file)
{
#define LINE(type, name) vit158_print_number(#name, (double)info->name);
#define MEMORY_LINE(type, name)                                                                    \
    if (!of_file)                                                                                  \
    LINE(type, name)
    VIT158_MODEL_FACTS(LINE, MEMORY_LINE)
#undef LINE
#undef MEMORY_LINE
}

void vit158_print_metadata(const vit158_header *header)
{
    printf("metadata\n");
    for (uint32_t i = 0; i < header->metadata_count; i++) {
        if (!vit158_metadata_is_long(header->metadata_keys[i]))
            vit158_print_fact(header->metadata_keys[i], header->metadata_values[i]);
    }
}
