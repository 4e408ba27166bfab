/* SPDX-License-Identifier: MIT
 *
 * Facts about models as lines for people, the same in `info` and `inspect`.
 */
#ifndef VIT158_CLI_FACTS_TEXT_H
#define VIT158_CLI_FACTS_TEXT_H

#include "model/facts.h"

/* "  name                 value"; both may be a stranger's text. */
void vit158_print_fact(const char *name, const char *value);
void vit158_print_number(const char *name, double value);

/* A line for each field of vit158_model_info; if `of_file` only those that the file alone decides.
 */
void vit158_print_info(const vit158_model_info *info, bool of_file);

/* The heading "metadata" and a line for each pair that is not a long list. */
void vit158_print_metadata(const vit158_header *header);

#endif
