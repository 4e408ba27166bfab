/* SPDX-License-Identifier: MIT */
#include "train/workspace.h"

#include "train/network.h"

void vit158_train_workspace_plan(vit158_train_workspace *workspace, const vit158_train_net *net,
                                 uint32_t max_images, bool with_gradient, vit158_arena *arena)
{
    const vit158_train_net_config *c = &net->config;
    const size_t rows = (size_t)max_images * net->tokens;
    const size_t widest = c->dim > c->mlp_dim ? c->dim : c->mlp_dim;
    *workspace = (vit158_train_workspace){.max_images = max_images,
                                          .patch_ld = vit158_train_round_up(net->patch_inputs, 16),
                                          .logit_ld = vit158_train_round_up(c->classes, 16)};
    workspace->patches = vit158_train_take_rows(arena, rows, workspace->patch_ld);
    workspace->places = vit158_arena_take(arena, rows, sizeof(uint32_t));
    net->network->plan(workspace, net, with_gradient, arena);
    workspace->last = vit158_train_take_rows(arena, c->whole_output ? rows : max_images, c->dim);
    workspace->last_stats = vit158_train_take_rows(arena, max_images, 4);
    workspace->features = vit158_train_take_rows(arena, max_images, c->dim);
    workspace->logits = vit158_train_take_rows(arena, max_images, workspace->logit_ld);
    workspace->rows = vit158_arena_take(arena, 4 * widest, sizeof(float));
    if (!with_gradient)
        return;
    workspace->dlogits = vit158_train_take_rows(arena, max_images, workspace->logit_ld);
}

void vit158_train_workspace_whole(vit158_train_workspace *workspace, const vit158_train_net *net,
                                  uint32_t images)
{
    workspace->images = images;
    workspace->tokens = net->tokens;
    for (uint32_t b = 0; b < net->block_count; b++)
        workspace->blocks[b].attn_factor = workspace->blocks[b].mlp_factor = 1.0F;
}
