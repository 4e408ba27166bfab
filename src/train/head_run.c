/* SPDX-License-Identifier: MIT */
#include "train/head_run.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_problem.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/evaluate.h"
#include "train/head_fit.h"
#include "train/start.h"

#define COPIES 2U
#define EPOCHS 40U

static vit158_status write_log(const vit158_train_run_options *options, const vit158_trainer *t,
                               double minutes, const vit158_train_evaluation *e,
                               vit158_error *error)
{
    char path[VIT158_TRAIN_PATH_BYTES];
    VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, options, "log.jsonl", error));
    FILE *log = fopen(path, "w");
    if (log == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s: %s", path, vit158_write_problem(errno));
    fprintf(log,
            "{\"type\":\"eval\",\"step\":0,\"minutes\":%.3f,\"images\":%llu,"
            "\"val_accuracy\":%.5f,\"val_loss\":%.5f}\n",
            minutes, (unsigned long long)t->state.images, e->accuracy, e->loss);
    return fclose(log) == 0
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_IO, "%s: %s", path, vit158_write_problem(errno));
}

static vit158_status fit(bool *complete, vit158_trainer *t, const vit158_train_run_options *options,
                         vit158_error *error)
{
    char path[VIT158_TRAIN_PATH_BYTES];
    const double start = vit158_now_ms();
    vit158_train_embeddings embeddings;
    double accuracy = 0.0;
    VIT158_RETURN_IF_ERROR(vit158_train_embed(&embeddings, t, COPIES, options->stop, error));
    const double embedded = vit158_now_ms();
    *complete = options->stop == NULL || *options->stop == 0;
    vit158_status status = VIT158_OK;
    if (*complete)
        status = vit158_train_head_fit(&accuracy, t, &embeddings, EPOCHS, error);
    vit158_train_embeddings_free(&embeddings);
    if (status != VIT158_OK || !*complete)
        return status;
    const double minutes = (vit158_now_ms() - start) / 60e3;
    const vit158_train_evaluation e = vit158_train_evaluate(t);
    t->state.images = (uint64_t)COPIES * t->train.count;
    if (options->progress != NULL)
        fprintf(options->progress,
                "%u images embedded %u times, %.0f a second; head fitted in %.1f s\n"
                "held-out images: %.2f %% right (training: %.2f %%)\n",
                t->train.count, COPIES,
                (double)t->state.images / (1e-3 * (embedded - start) + 1e-9),
                60.0 * minutes - 1e-3 * (embedded - start), 100.0 * e.accuracy, 100.0 * accuracy);
    VIT158_RETURN_IF_ERROR(write_log(options, t, minutes, &e, error));
    VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, options, "best.safetensors", error));
    return vit158_train_model_save(t, t->parameters, e.accuracy, path, error);
}

vit158_status vit158_train_head_run(bool *complete, const vit158_train_recipe *recipe,
                                    const vit158_train_run_options *options, vit158_error *error)
{
    vit158_train_dataset training, validation;
    vit158_trainer *t;
    vit158_train_start from;
    VIT158_RETURN_IF_ERROR(vit158_train_recipe_check(recipe, error));
    VIT158_RETURN_IF_ERROR(vit158_train_data_open(&training, &validation, recipe, error));
    VIT158_RETURN_IF_ERROR(vit158_trainer_create(&t, recipe, &training, &validation, error));
    vit158_status status = vit158_train_start_from(&from, t, recipe->init, error);
    if (status == VIT158_OK) {
        if (options->progress != NULL)
            vit158_train_start_print(&from, recipe->init, options->progress);
        status = fit(complete, t, options, error);
    }
    vit158_trainer_close(t);
    return status;
}
