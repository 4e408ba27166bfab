/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "train/train_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_problem.h"
#include "base/folder.h"
#include "base/text.h"
#include "train/agreement.h"
#include "train/checkpoint.h"
#include "train/data.h"
#include "train/evaluate.h"
#include "train/plain_text.h"
#include "train/start.h"
#include "train/step.h"
#include "train/time_left.h"

#define LOG_SECONDS 10.0
#define AGREE_STEPS 100 /* between looks at all ranks' weights */
#define SMOOTHING 0.98
#define DIVERGED 4.0 /* times the loss of guessing */
#define GAIN 1e-3    /* of the loss; less is noise */

typedef struct run {
    vit158_trainer *t;
    const vit158_train_run_options *options;
    bool leads;                 /* this rank writes files and says what happens */
    bool stop, save;            /* all ranks alike, after the step done */
    FILE *log;                  /* of other ranks: nowhere */
    vit158_train_moment base;   /* when this session began */
    double last_log, last_eval; /* state.seconds */
    double checkpoint_ms;       /* on the wall, whatever the clock of the schedule */
    uint64_t logged_images;
    double loss, accuracy; /* smoothed */
    uint64_t logged_step;
    double best_loss;      /* of validation in this session, < 0 = none yet */
    uint32_t without_gain; /* validations since the last better accuracy or loss */
} run;

vit158_status vit158_train_run_path(char out[VIT158_TRAIN_PATH_BYTES],
                                    const vit158_train_run_options *options, const char *name,
                                    vit158_error *error)
{
    const size_t capacity = VIT158_TRAIN_PATH_BYTES;
    if (vit158_format(out, capacity, "%s/%s", options->out_dir, name) + 1 >= capacity)
        return vit158_fail(error, VIT158_E_ARGUMENT, "the name of the output folder is too long");
    return VIT158_OK;
}

static vit158_status check_log(const run *r, vit158_error *error)
{
    if (fflush(r->log) != 0 || ferror(r->log))
        return vit158_fail(error, VIT158_E_IO, "%s/log.jsonl: %s", r->options->out_dir,
                           vit158_write_problem(errno));
    return VIT158_OK;
}

static vit158_status save_checkpoint(run *r, vit158_error *error)
{
    char path[VIT158_TRAIN_PATH_BYTES];
    VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, r->options, "last.ckpt", error));
    r->checkpoint_ms = vit158_now_ms();
    VIT158_RETURN_IF_ERROR(vit158_train_agree_on_weights(r->t, error));
    if (!r->leads)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_train_checkpoint_save(r->t, path, error));
    return vit158_train_soft_labels_save(r->t->soft_labels, error);
}

/* Patience, counted anew in each session: once it is at its end the rate begins to fall. */
static void count_gain(run *r, double accuracy, double loss)
{
    vit158_trainer *t = r->t;
    const bool lower = r->best_loss < 0.0 || loss < (1.0 - GAIN) * r->best_loss;
    if (lower)
        r->best_loss = loss;
    r->without_gain = lower || accuracy > t->state.best ? 0 : r->without_gain + 1;
    if (t->recipe.patience == 0 || r->without_gain < t->recipe.patience ||
        t->state.finish_start >= 0.0)
        return;
    t->state.finish_start = t->state.seconds;
    if (r->options->progress != NULL)
        fprintf(r->options->progress,
                "no gain in %u validations: ends within %.1f minutes, while the rate falls\n",
                r->without_gain, (double)t->recipe.finish_minutes);
}

static vit158_status evaluate(run *r, vit158_error *error)
{
    vit158_trainer *t = r->t;
    char path[VIT158_TRAIN_PATH_BYTES];
    r->last_eval = t->state.seconds;
    double low = 0.0, high = 0.0;
    if (t->net.config.ternary)
        vit158_train_zero_share(t, &low, &high);
    const vit158_train_evaluation last = vit158_train_evaluate(t);
    vit158_train_evaluation average = last;
    if (t->recipe.ema > 0.0F) {
        vit158_trainer_pack(t, t->average);
        average = vit158_train_evaluate(t);
        vit158_trainer_pack(t, t->parameters);
    }
    const bool use_average = average.accuracy > last.accuracy;
    const double accuracy = use_average ? average.accuracy : last.accuracy;
    fprintf(r->log,
            "{\"type\":\"eval\",\"step\":%llu,\"minutes\":%.3f,\"images\":%llu,"
            "\"val_accuracy\":%.5f,\"val_loss\":%.5f,\"ema_accuracy\":%.5f,\"ema_loss\":%.5f,"
            "\"zero_low\":%.4f,\"zero_high\":%.4f}\n",
            (unsigned long long)t->state.step, t->state.seconds / 60.0,
            (unsigned long long)t->state.images, last.accuracy, last.loss, average.accuracy,
            average.loss, low, high);
    if (r->options->progress != NULL)
        fprintf(r->options->progress,
                "validation: %.2f %%, averaged weights %.2f %%; zero codes %.2f to %.2f\n",
                100.0 * last.accuracy, 100.0 * average.accuracy, low, high);
    VIT158_RETURN_IF_ERROR(check_log(r, error));
    count_gain(r, accuracy, use_average ? average.loss : last.loss);
    if (accuracy <= t->state.best)
        return VIT158_OK;
    t->state.best = accuracy;
    if (!r->leads)
        return VIT158_OK;
    VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, r->options, "best.safetensors", error));
    return vit158_train_model_save(t, use_average ? t->average : t->parameters, accuracy, path,
                                   error);
}

static vit158_train_moment moment(const run *r)
{
    const vit158_trainer *t = r->t;
    vit158_train_moment now = {t->state.seconds, vit158_train_progress(t), t->state.step};
    if (t->state.finish_start >= 0.0)
        now.progress = (now.seconds - t->state.finish_start) / (60.0 * t->recipe.finish_minutes);
    return now;
}

static double seconds_left(const run *r)
{
    const vit158_train_recipe *recipe = &r->t->recipe;
    const bool finishes = r->t->state.finish_start >= 0.0;
    if (finishes && recipe->patience > 0) /* its pace is not that of the session so far */
        return 60.0 * recipe->finish_minutes - (r->t->state.seconds - r->t->state.finish_start);
    const vit158_train_moment now = moment(r);
    const vit158_train_limits limits = {
        .seconds = 60.0 * r->options->max_minutes,
        .steps = r->options->max_steps,
        .schedule_seconds = 60.0 * (finishes ? recipe->finish_minutes : recipe->minutes)};
    return vit158_train_seconds_left(&r->base, &now, &limits);
}

static void log_step(run *r, const vit158_train_step_result *result)
{
    vit158_trainer *t = r->t;
    const double seconds = t->state.seconds - r->last_log;
    const double speed =
        seconds > 0.0 ? (double)(t->state.images - r->logged_images) / seconds : 0.0;
    const double steps_per_epoch = (double)(t->train.count / t->recipe.batch);
    fprintf(r->log,
            "{\"type\":\"step\",\"step\":%llu,\"epoch\":%.3f,\"minutes\":%.3f,\"loss\":%.5f,"
            "\"accuracy\":%.4f,\"rate\":%.6f,\"norm\":%.4f,\"images_per_second\":%.1f}\n",
            (unsigned long long)t->state.step, (double)t->state.step / steps_per_epoch,
            t->state.seconds / 60.0, r->loss, r->accuracy, vit158_train_rate(t),
            result->gradient_norm, speed);
    fflush(r->log);
    if (r->options->progress != NULL) {
        char left[VIT158_TIME_WORDS];
        vit158_train_time_words(left, seconds_left(r));
        fprintf(r->options->progress,
                "step %llu, epoch %.1f, %.1f min, loss %.3f, accuracy %.1f %%, %.0f images/s, "
                "%s left\n",
                (unsigned long long)t->state.step, (double)t->state.step / steps_per_epoch,
                t->state.seconds / 60.0, r->loss, 100.0 * r->accuracy, speed, left);
    }
    r->last_log = t->state.seconds;
    r->logged_images = t->state.images;
    r->logged_step = t->state.step;
}

static bool finished(const run *r)
{
    const vit158_trainer *t = r->t;
    if (t->state.finish_start >= 0.0)
        return t->state.seconds - t->state.finish_start >= 60.0 * t->recipe.finish_minutes;
    return vit158_train_progress(t) >= 1.0;
}

static bool reached_limit(const run *r)
{
    const vit158_train_run_options *o = r->options;
    const double minutes = (r->t->state.seconds - r->base.seconds) / 60.0;
    return (o->max_minutes > 0.0 && minutes >= o->max_minutes) ||
           (o->max_steps && r->t->state.step >= o->max_steps);
}

/* The clock of rank 0 counts, or processors' slowest; it says what all do next. A signal to any
 * rank stops all. */
static void settle(run *r, double seconds)
{
    const vit158_train_run_options *o = r->options;
    vit158_train_state *s = &r->t->state;
    s->seconds += r->t->recipe.processor_clock ? vit158_train_ranks_largest(seconds) : seconds;
    struct {
        double seconds;
        uint32_t stop, save;
    } next = {s->seconds, 0, 0};
    next.stop = reached_limit(r);
    next.save = vit158_now_ms() - r->checkpoint_ms >= 60e3 * r->t->recipe.checkpoint_minutes;
    vit158_train_ranks_spread(&next, sizeof next);
    s->seconds = next.seconds;
    r->save = next.save;
    r->stop = vit158_train_ranks_any(next.stop || (o->stop != NULL && *o->stop));
}

/* Seconds of training so far on the recipe's clock, from an arbitrary start. */
static double training_clock(const run *r)
{
    if (!r->t->recipe.processor_clock)
        return vit158_now_ms() / 1000.0;
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec) / r->t->recipe.threads;
}

static vit158_status one_step(run *r, vit158_error *error)
{
    vit158_trainer *t = r->t;
    const double before = training_clock(r);
    vit158_train_step_result result;
    VIT158_RETURN_IF_ERROR(vit158_train_step(t, &result, error));
    settle(r, training_clock(r) - before);
    const double keep = r->loss > 0.0 ? SMOOTHING : 0.0;
    r->loss = keep * r->loss + (1.0 - keep) * result.loss;
    r->accuracy = keep * r->accuracy + (1.0 - keep) * result.accuracy;
    if (r->loss > DIVERGED * log((double)t->train.classes))
        return vit158_fail(error, VIT158_E_NUMERIC,
                           "diverged at step %llu: the loss is over 4 times that of guessing",
                           (unsigned long long)t->state.step);
    if (t->state.seconds - r->last_log >= LOG_SECONDS)
        log_step(r, &result);
    if (t->state.seconds - r->last_eval >= 60.0 * t->recipe.eval_minutes)
        VIT158_RETURN_IF_ERROR(evaluate(r, error));
    if (t->state.step % AGREE_STEPS == 0)
        VIT158_RETURN_IF_ERROR(vit158_train_agree_on_weights(t, error));
    if (r->save)
        VIT158_RETURN_IF_ERROR(save_checkpoint(r, error));
    return VIT158_OK;
}

static vit158_status train(run *r, vit158_error *error)
{
    vit158_trainer *t = r->t;
    settle(r, 0.0);
    while (!finished(r) && !r->stop)
        VIT158_RETURN_IF_ERROR(one_step(r, error));
    const vit158_train_step_result none = {0};
    if (r->logged_step != t->state.step)
        log_step(r, &none);
    VIT158_RETURN_IF_ERROR(evaluate(r, error));
    VIT158_RETURN_IF_ERROR(save_checkpoint(r, error));
    if (!r->leads)
        return VIT158_OK;
    char path[VIT158_TRAIN_PATH_BYTES];
    VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, r->options, "last.safetensors", error));
    return vit158_train_model_save(t, t->parameters, t->state.best, path, error);
}

static vit158_status start_teachers(run *r, vit158_error *error)
{
    VIT158_RETURN_IF_ERROR(vit158_trainer_teach(r->t, r->t->recipe.teacher, error));
    const double accuracy = vit158_train_evaluate_teachers(r->t);
    fprintf(r->log, "{\"type\":\"teacher\",\"val_accuracy\":%.5f}\n", accuracy);
    if (r->options->progress != NULL)
        fprintf(r->options->progress, "teacher: %.2f %% of the validation images\n",
                100.0 * accuracy);
    return VIT158_OK;
}

static vit158_status start(run *r, const vit158_train_recipe *recipe, vit158_error *error)
{
    vit158_train_dataset training, validation;
    VIT158_RETURN_IF_ERROR(vit158_train_data_open(&training, &validation, recipe, error));
    VIT158_RETURN_IF_ERROR(vit158_trainer_create(&r->t, recipe, &training, &validation, error));
    vit158_trainer *t = r->t;
    VIT158_RETURN_IF_ERROR(vit158_train_agree_at_start(t, error));
    if (recipe->init[0]) {
        vit158_train_start from;
        VIT158_RETURN_IF_ERROR(vit158_train_start_from(&from, t, recipe->init, error));
        if (r->options->progress != NULL)
            vit158_train_start_print(&from, recipe->init, r->options->progress);
    }
    if (recipe->teacher[0])
        VIT158_RETURN_IF_ERROR(start_teachers(r, error));
    if (r->options->resume != NULL)
        VIT158_RETURN_IF_ERROR(vit158_train_checkpoint_load(t, r->options->resume, error));
    if (recipe->finish_minutes > 0.0F && recipe->patience == 0 && t->state.finish_start < 0.0)
        t->state.finish_start = t->state.seconds;
    VIT158_RETURN_IF_ERROR(vit158_train_agree_on_weights(t, error)); /* of init and resume, too */
    r->base = moment(r);
    r->last_log = r->last_eval = t->state.seconds;
    r->checkpoint_ms = vit158_now_ms();
    r->logged_images = t->state.images;
    r->logged_step = t->state.step;
    char name[2 * VIT158_TRAIN_RECIPE_TEXT + 3];
    vit158_train_json_text(name, recipe->name);
    fprintf(r->log,
            "{\"type\":\"start\",\"name\":%s,\"step\":%llu,\"parameters\":%zu,"
            "\"train\":%u,\"val\":%u,\"ranks\":%u,\"threads\":%u,\"compute\":\"%s\",\"memory_mb\":%"
            ".1f}\n",
            name, (unsigned long long)t->state.step, t->net.parameters, t->train.count,
            t->val.count, t->slots.ranks.count, recipe->threads, t->compute->name,
            (double)t->memory_bytes / 1048576.0);
    return check_log(r, error);
}

/* What several ranks cannot share. */
static vit158_status check_ranks(const vit158_train_recipe *recipe, vit158_error *error)
{
    if (vit158_train_ranks_here().count > 1 && recipe->teacher_answers[0] != 0)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "teacher_answers is for one rank: each asks its own teacher");
    return VIT158_OK;
}

vit158_status vit158_train_run(const vit158_train_recipe *recipe,
                               const vit158_train_run_options *options, vit158_error *error)
{
    vit158_train_run_options own = *options;
    run r = {.options = &own, .leads = vit158_train_ranks_here().rank == 0, .best_loss = -1.0};
    char path[VIT158_TRAIN_PATH_BYTES] = "/dev/null";
    VIT158_RETURN_IF_ERROR(vit158_train_recipe_check(recipe, error));
    VIT158_RETURN_IF_ERROR(check_ranks(recipe, error));
    if (r.leads) {
        VIT158_RETURN_IF_ERROR(vit158_make_folder(options->out_dir, error));
        VIT158_RETURN_IF_ERROR(vit158_train_run_path(path, options, "log.jsonl", error));
    } else {
        own.progress = NULL;
    }
    r.log = fopen(path, "a");
    if (r.log == NULL)
        return vit158_fail(error, VIT158_E_IO, "%s: %s", path, vit158_write_problem(errno));
    vit158_status status = start(&r, recipe, error);
    /* What it starts from is the best so far: a short run may not get back there. */
    if (status == VIT158_OK && recipe->init[0] && r.t->state.step == 0)
        status = evaluate(&r, error);
    if (status == VIT158_OK)
        status = train(&r, error);
    vit158_trainer_close(r.t);
    fclose(r.log);
    return status;
}
