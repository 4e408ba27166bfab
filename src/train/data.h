/* SPDX-License-Identifier: MIT
 *
 * Where images come from: a data cache (*.vds), IDX files (MNIST's format), CIFAR's binary files,
 * or a folder of class folders; decoded ones are kept in the recipe's cache_dir.
 */
#ifndef VIT158_TRAIN_DATA_H
#define VIT158_TRAIN_DATA_H

#include "train/dataset.h"
#include "train/train_recipe.h"

/* Training and validation images of a recipe: val_data if given, else every val_every-th image
 * of train_data is taken out of it. On failure both are empty. */
vit158_status vit158_train_data_open(vit158_train_dataset *train, vit158_train_dataset *val,
                                     const vit158_train_recipe *recipe, vit158_error *error);

/* Images from an IDX3 file of bytes and the IDX1 file of its labels, gzip-compressed or not. */
vit158_status vit158_train_data_idx(vit158_train_dataset *data, const char *images,
                                    const char *labels, vit158_error *error);

/* Images from CIFAR-10 binary files, their names separated by commas. */
vit158_status vit158_train_data_cifar(vit158_train_dataset *data, const char *paths,
                                      vit158_error *error);

/* Images from a folder of class folders, through the cache. */
vit158_status vit158_train_data_folder(vit158_train_dataset *data, const char *path,
                                       const vit158_train_recipe *recipe, vit158_error *error);

#endif
