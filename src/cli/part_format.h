/* SPDX-License-Identifier: MIT
 *
 * What the writer and the reader of parts (evaluation.h) must agree on.
 */
#ifndef VIT158_CLI_PART_FORMAT_H
#define VIT158_CLI_PART_FORMAT_H

#define VIT158_PART_FORMAT "vit158-eval-part"
#define VIT158_PART_VERSION 1

/* A part ends with these around the 64 digits of the SHA-256 of all before them. */
#define VIT158_PART_TAIL ",\"sha256\":\""
#define VIT158_PART_END "\"}\n"

#endif
