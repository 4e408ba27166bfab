/* SPDX-License-Identifier: MIT
 *
 * Emscripten's libc calls this after growing the memory and would import it from JavaScript.
 * heap.js takes its views anew before each use, so there is nothing to tell, and the modules import
 * nothing.
 */
#include <stddef.h>

void emscripten_notify_memory_growth(size_t memory_index);

void emscripten_notify_memory_growth(size_t memory_index)
{
    (void)memory_index;
}
