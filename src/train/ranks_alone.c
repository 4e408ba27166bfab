/* SPDX-License-Identifier: MIT
 *
 * Builds without MPI. See ranks.h.
 */
#include "train/ranks.h"

#include <stdlib.h>

#include "base/error.h"

/* Several processes that think themselves alone would write over each other's files. */
vit158_status vit158_train_ranks_start(vit158_error *error)
{
    const char *const size = getenv("OMPI_COMM_WORLD_SIZE");
    if (size != NULL && strtoul(size, NULL, 10) > 1)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "this build has no MPI: build it where libopenmpi-dev is installed");
    return VIT158_OK;
}

vit158_train_ranks vit158_train_ranks_here(void)
{
    return (vit158_train_ranks){0, 1};
}

void vit158_train_ranks_end(bool ok)
{
    (void)ok;
}

/* There is no other rank to send to or receive from. */
void vit158_train_ranks_send(const void *data, size_t n_bytes, uint32_t to)
{
    (void)data, (void)n_bytes, (void)to;
    abort();
}

void vit158_train_ranks_receive(void *data, size_t n_bytes, uint32_t from)
{
    (void)data, (void)n_bytes, (void)from;
    abort();
}

void vit158_train_ranks_spread(void *data, size_t n_bytes)
{
    (void)data, (void)n_bytes;
}

bool vit158_train_ranks_any(bool value)
{
    return value;
}

double vit158_train_ranks_largest(double value)
{
    return value;
}
