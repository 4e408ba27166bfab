/* SPDX-License-Identifier: MIT
 *
 * The quantized network run by the engine: a session of the model with quantized weights whose
 * observer (vit158_observe.h) quantizes inputs, queries, keys, values and probabilities on their
 * way. So quantizers are simulated that no file can store.
 */
#ifndef VIT158_COMPRESS_PTQ_SIMULATE_H
#define VIT158_COMPRESS_PTQ_SIMULATE_H

#include "compress/ptq_vit.h"

typedef struct vit158_ptq_simulator {
    const vit158_ptq *ptq;
    vit158_session *session;
    /* Sees everything as it is quantized; NULL: nobody. */
    void (*see)(void *context, const vit158_sight *sight);
    void *context;
} vit158_ptq_simulator;

/* `simulator` must not move while the session is in use. Errors: VIT158_E_MEMORY. */
vit158_status vit158_ptq_simulator_open(vit158_ptq_simulator *simulator, const vit158_ptq *ptq,
                                        vit158_error *error);
void vit158_ptq_simulator_close(vit158_ptq_simulator *simulator);

#endif
