/* SPDX-License-Identifier: MIT
 *
 * Whether the helpers of a pool are worth having, learnt from how long images take.
 *
 * Helpers share every operation of an image. Where other processes leave them no core, the caller
 * waits at the end of each operation for a helper that is not running, and would be as fast or
 * faster alone. So when images in close succession took conspicuously long, and once at the
 * beginning, the caller does one alone, and the faster way stays; from time to time, less and less
 * often while it is in vain, the other way is tried for one image. Results do not depend on it.
 */
#ifndef VIT158_BASE_SHARING_H
#define VIT158_BASE_SHARING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vit158_sharing {
    bool alone;           /* the next image is the caller's alone */
    bool trial;           /* and it is there to be compared with the other way */
    double shared_ms;     /* what a shared image is expected to take, 0 = unknown */
    double alone_ms;      /* what the last images alone took, 0 = unknown */
    double slow_ms;       /* the shared images that led to a trial alone */
    uint32_t stay;        /* images before the other way may be tried */
    uint32_t shared_stay; /* the length of the next stay of a kind */
    uint32_t alone_stay;
    uint32_t strikes; /* for slow shared images */
    uint32_t good;    /* shared images in a row that were not slow */
} vit158_sharing;

/* Shared to begin with. */
vit158_sharing vit158_sharing_begin(void);

/* A whole image took so long, the way s->alone said; decides about the next. */
void vit158_sharing_took(vit158_sharing *s, double ms);

#endif
