/* SPDX-License-Identifier: MIT
 *
 * Kinds of networks: all that differs between them, one row each. A pass goes from patches through
 * the kind's own part to workspace->last, then through the final norm and head, which all share.
 */
#ifndef VIT158_TRAIN_NETWORK_H
#define VIT158_TRAIN_NETWORK_H

#include "train/net_layout.h"
#include "train/pass.h"

struct vit158_train_network {
    const char *name; /* in recipes, and as metadata key "network" of files that are no models */
    bool is_model;    /* the engine runs it: files have heads, mlp_dim and pooling */
    bool takes_any_patches; /* of an image, and may start mimetic */
    bool half_validation;   /* validated on bfloat16 where trained so; else exactly */
    uint32_t most_rows;     /* images * tokens of a microbatch, 0 = any */
    /* The geometry beyond what all kinds check. Errors: VIT158_E_ARGUMENT. */
    vit158_status (*check)(const vit158_train_net_config *config, vit158_error *error);
    /* Places all tensors; takes the memory of net->blocks or net->convs. False without memory. */
    bool (*describe)(vit158_train_layout *layout);
    /* The kind's part of a workspace; NULL pieces while measuring. */
    void (*plan)(vit158_train_workspace *workspace, const vit158_train_net *net, bool with_gradient,
                 vit158_arena *arena);
    /* From workspace->patches and workspace->places to workspace->last. */
    void (*forward)(const vit158_train_pass *pass);
    /* From workspace->g [images][d], gradient of workspace->last, into workspace->gradient. */
    void (*backward)(const vit158_train_pass *pass);
};

extern const vit158_train_network vit158_train_vit;          /* vit_net.c */
extern const vit158_train_network vit158_train_conv_network; /* conv_net.c */

/* Row of the table. */
const vit158_train_network *vit158_train_network_of(const vit158_train_net_config *config);

#endif
