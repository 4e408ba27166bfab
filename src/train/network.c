/* SPDX-License-Identifier: MIT */
#include "train/network.h"

const vit158_train_network *vit158_train_network_of(const vit158_train_net_config *config)
{
    static const vit158_train_network *const networks[VIT158_TRAIN_KINDS] = {
        [VIT158_TRAIN_VIT] = &vit158_train_vit, [VIT158_TRAIN_CONV] = &vit158_train_conv_network};
    return networks[config->network];
}
