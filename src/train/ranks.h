/* SPDX-License-Identifier: MIT
 *
 * The processes that train one network together under MPI, each a rank, with data of its own in
 * memory and no other way to the others than this. Like MPI, ranks are the process's. One thread
 * makes all calls. Without MPI, in the build or around the process, there is one rank.
 *
 * A rank that dies ends the job: MPI sees to that. ranks_mpi.c is the one implementation,
 * ranks_alone.c the other; the build takes the first if it finds MPI.
 */
#ifndef VIT158_TRAIN_RANKS_H
#define VIT158_TRAIN_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit158.h"

typedef struct vit158_train_ranks {
    uint32_t rank; /* 0 leads: its clock counts, and it alone writes files */
    uint32_t count;
} vit158_train_ranks;

/* Joins the others if mpirun (or Slurm's srun) started this process; before anything else here.
 * VIT158_E_UNSUPPORTED: there are others, but this build has no MPI. */
vit158_status vit158_train_ranks_start(vit158_error *error);
/* {0, 1} unless started. */
vit158_train_ranks vit158_train_ranks_here(void);
/* The end of a process that has started ranks: after a failure (`ok` false) that of all of them, so
 * that none waits for it. */
void vit158_train_ranks_end(bool ok);

/* Bytes from one rank to another, which must expect as many. */
void vit158_train_ranks_send(const void *data, size_t n_bytes, uint32_t to);
void vit158_train_ranks_receive(void *data, size_t n_bytes, uint32_t from);

/* All ranks call these alike. */
void vit158_train_ranks_spread(void *data, size_t n_bytes); /* rank 0's, to all */
bool vit158_train_ranks_any(bool value);
double vit158_train_ranks_largest(double value);

#endif
