/* SPDX-License-Identifier: MIT
 *
 * Runs the cases of a check file natively; a name as argument runs that case alone.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"

/* ctest takes this for a test that cannot run here. */
#define SKIPPED 77

int main(int argc, char **argv)
{
#if defined(VIT158_CHECK_AVX2)
    if (!__builtin_cpu_supports("avx2")) {
        printf("this processor has no AVX2\n");
        return SKIPPED;
    }
#endif
    int failures = 0, runs = 0;
    for (uint32_t i = 0; i < check_case_count; i++) {
        if (argc > 1 && strcmp(argv[1], check_cases[i].name) != 0)
            continue;
        printf("%s\n", check_cases[i].name);
        fflush(stdout); /* a guard page ends the process: say where */
        const char *message = check_run_case(&check_cases[i]);
        if (message)
            printf("  FAILED %s\n", message);
        failures += message != NULL;
        runs++;
    }
    printf("%d of %d cases failed\n", failures, runs);
    return failures > 0 || runs == 0;
}
