/* SPDX-License-Identifier: MIT
 *
 * Guarded memory of pages: touching a guard ends the process, which ctest reports.
 */
#include "check_pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static size_t page_bytes(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

void *check_map(size_t bytes)
{
    const size_t inside = page_bytes(bytes);
    uint8_t *base = mmap(NULL, inside + 2 * PAGE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (inside > 0 && mprotect(base + PAGE, inside, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return base + PAGE + inside - bytes;
}

bool check_unmap(void *data, size_t bytes)
{
    const size_t inside = page_bytes(bytes);
    return munmap((uint8_t *)data + bytes - inside - PAGE, inside + 2 * PAGE) == 0;
}
