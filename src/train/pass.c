/* SPDX-License-Identifier: MIT */
#include "train/pass.h"

#include "train/head_rows.h"
#include "train/network.h"

void vit158_train_forward(const vit158_train_pass *pass)
{
    pass->net->network->forward(pass);
    vit158_train_head_forward(pass);
}

void vit158_train_backward(const vit158_train_pass *pass)
{
    vit158_train_head_backward(pass);
    if (!pass->net->config.head_only)
        pass->net->network->backward(pass);
}
