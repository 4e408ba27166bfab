/* SPDX-License-Identifier: MIT
 *
 * cmocka with the headers it needs first.
 */
#ifndef VIT158_TESTS_TEST_H
#define VIT158_TESTS_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#endif
