/* SPDX-License-Identifier: MIT
 *
 * The last stage of a rebuild: the whole rounded network as one module, whose logits are to be the
 * float network's (METHODS.md 3). Images that nothing is learned from tell when it was best.
 */
#ifndef VIT158_COMPRESS_DISTIL_H
#define VIT158_COMPRESS_DISTIL_H

#include "compress/rebuild_state.h"

/* For settings->distil_minutes or distil_updates. Errors: VIT158_E_MEMORY, VIT158_E_ABORTED, those
 * of the reader. */
vit158_status vit158_distil(vit158_rebuild *rebuild, vit158_error *error);

#endif
