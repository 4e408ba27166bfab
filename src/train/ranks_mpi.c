/* SPDX-License-Identifier: MIT
 *
 * Ranks by MPI. Its errors end the job (MPI_ERRORS_ARE_FATAL, the default), with its own words. See
 * ranks.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "train/ranks.h"

#include <mpi.h>
#include <stdlib.h>

#include "base/error.h"

#define TAG 158
#define MOST_BYTES ((size_t)1 << 30) /* of a message: MPI counts in int */

/* One of these tells each process of a job its number, by Open MPI, PMIx and Slurm. */
static bool has_launcher(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") != NULL || getenv("PMIX_RANK") != NULL ||
           getenv("PMI_RANK") != NULL;
}

static bool is_started(void)
{
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    return started && !ended;
}

vit158_status vit158_train_ranks_start(vit158_error *error)
{
    int provided;
    if (!has_launcher() || is_started())
        return VIT158_OK;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_FUNNELED)
        return vit158_fail(error, VIT158_E_UNSUPPORTED, "MPI cannot be started with threads");
    return VIT158_OK;
}

vit158_train_ranks vit158_train_ranks_here(void)
{
    int rank = 0, count = 1;
    if (is_started()) {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        MPI_Comm_size(MPI_COMM_WORLD, &count);
    }
    return (vit158_train_ranks){(uint32_t)rank, (uint32_t)count};
}

void vit158_train_ranks_end(bool ok)
{
    if (!is_started())
        return;
    if (!ok && vit158_train_ranks_here().count > 1)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Finalize();
}

static size_t piece(size_t n_bytes)
{
    return n_bytes < MOST_BYTES ? n_bytes : MOST_BYTES;
}

void vit158_train_ranks_send(const void *data, size_t n_bytes, uint32_t to)
{
    const char *at = data;
    for (size_t n; n_bytes > 0; at += n, n_bytes -= n) {
        n = piece(n_bytes);
        MPI_Send(at, (int)n, MPI_BYTE, (int)to, TAG, MPI_COMM_WORLD);
    }
}

void vit158_train_ranks_receive(void *data, size_t n_bytes, uint32_t from)
{
    char *at = data;
    for (size_t n; n_bytes > 0; at += n, n_bytes -= n) {
        n = piece(n_bytes);
        MPI_Recv(at, (int)n, MPI_BYTE, (int)from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

void vit158_train_ranks_spread(void *data, size_t n_bytes)
{
    char *at = data;
    if (vit158_train_ranks_here().count == 1)
        return;
    for (size_t n; n_bytes > 0; at += n, n_bytes -= n) {
        n = piece(n_bytes);
        MPI_Bcast(at, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD);
    }
}

bool vit158_train_ranks_any(bool value)
{
    int all = value;
    if (vit158_train_ranks_here().count > 1)
        MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return all != 0;
}

double vit158_train_ranks_largest(double value)
{
    if (vit158_train_ranks_here().count > 1)
        MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return value;
}
