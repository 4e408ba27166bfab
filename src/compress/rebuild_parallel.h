/* SPDX-License-Identifier: MIT
 *
 * MREM-P. Every module makes one
 * update a round, each on a thread of the pool, with inputs from its queue as the round before left
 * it; outputs join the next queue when the round is over. So results do not depend on threads.
 */
#ifndef VIT158_COMPRESS_REBUILD_PARALLEL_H
#define VIT158_COMPRESS_REBUILD_PARALLEL_H

#include "compress/rebuild_state.h"

/* Trains all modules of a network that is rounded; its streams are left alone.
 * Errors: VIT158_E_MEMORY, VIT158_E_ABORTED. */
vit158_status vit158_rebuild_parallel(vit158_rebuild *rebuild, vit158_error *error);

#endif
