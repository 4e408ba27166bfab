/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "cli/merge_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/statistics.h"
#include "compress/sensitivity.h"

/* Of this thread alone: what other processes do changes it little. */
static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- The family ----------------------------------------------------------------------------- */

/* With fewer images all lists see all of them. */
enum { LEAST_IMAGES = 100 };

/* Kernels do whole groups of tokens: merges leave so many times a whole number. */
enum { GROUP = 8 };

/* Merges in `count` blocks from `first` on, every `gap`-th, which take `groups` groups in all, as
 * evenly as whole groups can be. */
typedef struct shape {
    uint32_t first, gap, count, groups;
} shape;

/* Spread from the first quarter of the blocks to the end they lose least: tokens of the first
 * blocks are not yet alike, and large merges join what is not. */
enum { MOST_POINTS = 256, COUNTS = 8 };
static const double shares[] = {0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.68};

/* The list of a shape; false if it does not fit the model. */
static bool write_list(char out[VIT158_MERGE_TEXT_BYTES], const vit158_model_info *info, shape s)
{
    const uint32_t all = (info->tokens + GROUP - 1) / GROUP;
    uint32_t tokens = info->tokens;
    size_t length = 0;
    if (s.first + (s.count - 1) * s.gap + 1 >= info->depth)
        return false; /* a merge of the last block saves next to nothing */
    for (uint32_t i = 0; i < s.count; i++) {
        const uint32_t taken = (2 * s.groups * (i + 1) + s.count) / (2 * s.count); /* rounded */
        const uint32_t left = taken < all ? (all - taken) * GROUP : 0;
        if (left >= tokens || tokens - left > (tokens - info->prefix_tokens) / 2)
            return false;
        length += vit158_format(out + length, VIT158_MERGE_TEXT_BYTES - length, "%s%u:%u",
                                i > 0 ? "," : "", s.first + i * s.gap, tokens - left);
        tokens = left;
    }
    return length + 1 < VIT158_MERGE_TEXT_BYTES;
}

static vit158_status add_point(vit158_merge_search *search, shape s, vit158_error *error)
{
    vit158_model_info info;
    vit158_merge_point *point = &search->points[search->count];
    *point = (vit158_merge_point){.ratios = NULL};
    vit158_model_get_info(search->model, &info);
    if (search->count == MOST_POINTS || !write_list(point->merge, &info, s))
        return VIT158_OK;
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->points[i].merge, point->merge) == 0)
            return VIT158_OK;
    point->ratios = calloc(search->capacity, sizeof *point->ratios);
    if (point->ratios == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    search->count++;
    return VIT158_OK;
}

static vit158_status add_family(vit158_merge_search *search, const vit158_model_info *info,
                                vit158_error *error)
{
    const double all = (double)info->tokens / GROUP;
    for (uint32_t first = info->depth / 6; first <= info->depth / 3; first++)
        for (uint32_t gap = 1; gap <= 3; gap++)
            for (uint32_t count = 1; count <= COUNTS; count++)
                for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
                    if (gap == 1 || count > 1)
                        VIT158_RETURN_IF_ERROR(add_point(
                            search, (shape){first, gap, count, (uint32_t)round(shares[i] * all)},
                            error));
    return VIT158_OK;
}

vit158_status vit158_merge_search_begin(vit158_merge_search *search, const vit158_model *model,
                                        size_t images, vit158_error *error)
{
    vit158_model_info info;
    vit158_model_get_info(model, &info);
    *search = (vit158_merge_search){
        .model = model, .capacity = images, .first_stage = images >= LEAST_IMAGES ? images / 8 : 0};
    if (info.classes == 0 || info.depth < 3)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "merges are chosen by classes, for models of 3 blocks or more");
    search->points = calloc(MOST_POINTS + 1, sizeof *search->points);
    vit158_status status = search->points != NULL
                               ? VIT158_OK
                               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    if (status == VIT158_OK)
        status = vit158_session_create(&search->plain, model,
                                       &(vit158_options){.now_ms = processor_ms}, error);
    if (status == VIT158_OK)
        status = add_family(search, &info, error);
    if (status == VIT158_OK && search->count == 0)
        status = vit158_fail(error, VIT158_E_UNSUPPORTED, "the model has too few tokens to merge");
    if (status != VIT158_OK)
        vit158_merge_search_free(search);
    return status;
}

/* ---- An image ------------------------------------------------------------------------------- */

static vit158_status run(double *ms, vit158_session *session, const float *tensor, size_t count,
                         vit158_error *error)
{
    vit158_timing timing;
    VIT158_RETURN_IF_ERROR(vit158_session_set_tensor(session, tensor, count, error));
    VIT158_RETURN_IF_ERROR(vit158_session_run(session, NULL, NULL, error));
    vit158_session_timing(session, &timing);
    *ms = timing.embed + timing.blocks + timing.head;
    return VIT158_OK;
}

static uint32_t first_class(const vit158_session *session)
{
    vit158_prediction best = {0};
    vit158_session_top_k(session, &best, 1);
    return best.index;
}

static void compare(const vit158_merge_search *search, vit158_merge_point *point,
                    const vit158_session *session, uint32_t classes)
{
    const double kl = vit158_divergence(vit158_session_logits(search->plain),
                                        vit158_session_logits(session), classes);
    point->kl += kl;
    point->kl_square += kl * kl;
    point->agreement += first_class(session) == first_class(search->plain);
}

/* One list. Its session lives for one image only: all at a time would be large. */
static vit158_status run_point(const vit158_merge_search *search, vit158_merge_point *point,
                               const float *tensor, size_t count, double plain_ms,
                               vit158_error *error)
{
    vit158_session *session;
    const vit158_options options = {.merge = point->merge, .now_ms = processor_ms};
    VIT158_RETURN_IF_ERROR(vit158_session_create(&session, search->model, &options, error));
    double ms;
    const vit158_status status = run(&ms, session, tensor, count, error);
    if (status == VIT158_OK) {
        vit158_model_info info;
        vit158_model_get_info(search->model, &info);
        point->ratios[point->images++] = ms / plain_ms;
        compare(search, point, session, info.classes);
    }
    vit158_session_close(session);
    return status;
}

static vit158_status run_all(vit158_merge_search *search, const float *tensor, size_t count,
                             vit158_error *error)
{
    double plain_ms;
    VIT158_RETURN_IF_ERROR(run(&plain_ms, search->plain, tensor, count, error));
    for (size_t i = 0; i < search->count; i++)
        if (!search->points[i].is_out)
            VIT158_RETURN_IF_ERROR(
                run_point(search, &search->points[i], tensor, count, plain_ms, error));
    search->images++;
    return VIT158_OK;
}

/* ---- The stages ----------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const double x = ((const vit158_merge_point *)a)->time;
    const double y = ((const vit158_merge_point *)b)->time;
    return (x > y) - (x < y);
}

static void sort_by_time(vit158_merge_search *search)
{
    for (size_t i = 0; i < search->count; i++)
        search->points[i].time = vit158_median(search->points[i].ratios, search->points[i].images);
    qsort(search->points, search->count, sizeof *search->points, by_time);
}

/* What is so much further from the unmerged model than something quicker is not worth more images.
 */
#define FAR_OFF 1.4

static void end_first_stage(vit158_merge_search *search)
{
    sort_by_time(search);
    double least = INFINITY;
    for (size_t i = 0; i < search->count; i++) {
        search->points[i].is_out = search->points[i].kl > FAR_OFF * least;
        least = fmin(least, search->points[i].kl);
    }
}

vit158_status vit158_merge_search_add(vit158_merge_search *search, const vit158_image *image,
                                      vit158_error *error)
{
    vit158_model_info info;
    vit158_model_get_info(search->model, &info);
    const size_t count = (size_t)info.channels * info.image_size * info.image_size;
    VIT158_RETURN_IF_ERROR(vit158_session_set_image(search->plain, image->data, image->width,
                                                    image->height, image->row_bytes,
                                                    (vit158_pixels)image->pixels, error));
    float *tensor = malloc(count * sizeof *tensor);
    if (tensor == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory for an input");
    memcpy(tensor, vit158_session_tensor(search->plain), count * sizeof *tensor);
    const vit158_status status = run_all(search, tensor, count, error);
    free(tensor);
    if (status == VIT158_OK && search->images == search->first_stage)
        end_first_stage(search);
    return status;
}

/* ---- The curve ------------------------------------------------------------------------------ */

void vit158_merge_search_finish(vit158_merge_search *search)
{
    double least = INFINITY;
    sort_by_time(search);
    for (size_t i = 0; i < search->count; i++) {
        vit158_merge_point *p = &search->points[i];
        const double n = (double)p->images;
        p->kl /= n;
        p->agreement /= n;
        p->kl_error = n > 1 ? sqrt(fmax(p->kl_square / n - p->kl * p->kl, 0) / (n - 1)) : 0;
        p->is_on_curve = !p->is_out && p->kl < least;
        if (p->is_on_curve)
            least = p->kl;
    }
}

const vit158_merge_point *vit158_merge_search_best(const vit158_merge_search *search, double kl)
{
    for (size_t i = 0; i < search->count; i++)
        if (!search->points[i].is_out && search->points[i].kl + search->points[i].kl_error <= kl)
            return &search->points[i];
    return NULL;
}

void vit158_merge_search_free(vit158_merge_search *search)
{
    for (size_t i = 0; i < search->count; i++)
        free(search->points[i].ratios);
    vit158_session_close(search->plain);
    free(search->points);
    *search = (vit158_merge_search){.model = NULL};
}
