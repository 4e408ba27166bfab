/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a file, in words. The npm command says the same (web/lib/files.js).
 */
#ifndef VIT158_BASE_FILE_PROBLEM_H
#define VIT158_BASE_FILE_PROBLEM_H

/* Why a file or folder cannot be read, by errno; the text is static or strerror's. */
const char *vit158_file_problem(int number);

/* The same of one that cannot be written. */
const char *vit158_write_problem(int number);

#endif
