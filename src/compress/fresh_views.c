/* SPDX-License-Identifier: MIT */
#include "compress/fresh_views.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/streams.h"

/* What a worker needs for one image. */
typedef struct viewer {
    vit158_session *teacher, *student;
    vit158_error failure;
} viewer;

vit158_status vit158_view_of(vit158_image *view, const vit158_image *image, vit158_rng *rng,
                             vit158_error *error)
{
    const uint32_t shorter = image->width < image->height ? image->width : image->height;
    const float share = VIT158_LEAST_VIEW + (1.0F - VIT158_LEAST_VIEW) * vit158_rng_uniform(rng);
    const uint32_t drawn = (uint32_t)((float)shorter * share + 0.5F);
    const uint32_t side = drawn > 0 ? drawn : 1;
    const uint32_t x = vit158_rng_below(rng, image->width - side + 1);
    const uint32_t y = vit158_rng_below(rng, image->height - side + 1);
    const bool mirrored = vit158_rng_below(rng, 2) == 1;
    const size_t depth = image->pixels;
    *view = (vit158_image){.width = side,
                           .height = side,
                           .pixels = image->pixels,
                           .row_bytes = side * image->pixels,
                           .data = malloc(side * depth * side)};
    if (view->data == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a part of an image");
    for (uint32_t row = 0; row < side; row++) {
        const uint8_t *const from = image->data + (size_t)(y + row) * image->row_bytes + x * depth;
        uint8_t *const to = view->data + (size_t)row * view->row_bytes;
        if (!mirrored)
            memcpy(to, from, side * depth);
        for (uint32_t i = 0; mirrored && i < side; i++)
            memcpy(to + i * depth, from + (side - 1 - i) * depth, depth);
    }
    return VIT158_OK;
}

vit158_status vit158_fresh_views_create(vit158_fresh_views *v, const vit158_image_reader *reader,
                                        const vit158_model *teacher, const vit158_model *student,
                                        vit158_pool *pool, uint32_t count, vit158_error *error)
{
    vit158_model_info info;
    vit158_model_get_info(teacher, &info);
    *v = (vit158_fresh_views){.reader = reader,
                              .pool = pool,
                              .count = count,
                              .stride = (size_t)info.tokens * info.dim,
                              .classes = info.classes};
    v->viewers = calloc(pool->workers, sizeof *v->viewers);
    v->inputs = malloc(count * v->stride * sizeof *v->inputs);
    v->targets = malloc(count * v->classes * sizeof *v->targets);
    vit158_status status =
        v->viewers != NULL && v->inputs != NULL && v->targets != NULL
            ? VIT158_OK
            : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for views of images");
    for (uint32_t i = 0; i < pool->workers && status == VIT158_OK; i++) {
        status = vit158_session_create(&v->viewers[i].teacher, teacher, NULL, error);
        if (status == VIT158_OK)
            status = vit158_session_create(&v->viewers[i].student, student, NULL, error);
    }
    if (status != VIT158_OK)
        vit158_fresh_views_free(v);
    return status;
}

void vit158_fresh_views_free(vit158_fresh_views *v)
{
    for (uint32_t i = 0; v->viewers != NULL && i < v->pool->workers; i++) {
        vit158_session_close(v->viewers[i].teacher);
        vit158_session_close(v->viewers[i].student);
    }
    free(v->viewers);
    free(v->inputs);
    free(v->targets);
    *v = (vit158_fresh_views){0};
}

typedef struct draw_job {
    vit158_fresh_views *views;
    const uint32_t *images;
    uint64_t seed;
} draw_job;

/* Stream and logits of one view. */
static vit158_status take_view(const vit158_fresh_views *v, const viewer *with, uint32_t at,
                               const vit158_image *view, vit158_error *error)
{
    float *const target = v->targets + at * v->classes;
    VIT158_RETURN_IF_ERROR(vit158_session_set_image(with->teacher, view->data, view->width,
                                                    view->height, view->row_bytes,
                                                    (vit158_pixels)view->pixels, error));
    VIT158_RETURN_IF_ERROR(vit158_session_run(with->teacher, NULL, NULL, error));
    memcpy(target, vit158_session_logits(with->teacher), v->classes * sizeof *target);
    return vit158_first_stream(with->student, v->inputs + at * v->stride, v->stride, view, error);
}

static vit158_status draw_one(const draw_job *job, uint32_t at, const viewer *with,
                              vit158_error *error)
{
    const vit158_fresh_views *const v = job->views;
    vit158_image image, view;
    vit158_rng rng = vit158_rng_seed(job->seed + at);
    VIT158_RETURN_IF_ERROR(v->reader->read(v->reader->context, job->images[at], &image, error));
    vit158_status status = vit158_view_of(&view, &image, &rng, error);
    vit158_image_free(&image);
    VIT158_RETURN_IF_ERROR(status);
    status = take_view(v, with, at, &view, error);
    free(view.data);
    return status;
}

static void draw_task(void *context, uint32_t at, uint32_t worker)
{
    const draw_job *const job = context;
    viewer *const with = &job->views->viewers[worker];
    vit158_error error;
    if (draw_one(job, at, with, &error) != VIT158_OK)
        with->failure = error;
}

vit158_status vit158_fresh_views_draw(vit158_fresh_views *v, const uint32_t *images, uint64_t seed,
                                      vit158_error *error)
{
    draw_job job = {v, images, seed};
    v->pool->run(v->pool, draw_task, &job, v->count);
    for (uint32_t i = 0; i < v->pool->workers; i++)
        if (v->viewers[i].failure.status != VIT158_OK)
            return vit158_fail(error, v->viewers[i].failure.status, "an image again: %s",
                               v->viewers[i].failure.message);
    return VIT158_OK;
}
