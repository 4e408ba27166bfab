/* SPDX-License-Identifier: MIT
 *
 * How much of what takes long a test does: `npm test` takes a part of it, `npm run proof`
 * (tests/proof/thorough.test.mjs) sets VIT158_THOROUGH and has all of it.
 */
#ifndef VIT158_TESTS_THOROUGH_H
#define VIT158_TESTS_THOROUGH_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool test_is_thorough(void)
{
    return getenv("VIT158_THOROUGH") != NULL;
}

#endif
