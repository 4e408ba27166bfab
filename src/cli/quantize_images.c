/* SPDX-License-Identifier: MIT */
#include "cli/quantize_images.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/run_command.h"

/* An image that calibrates, once more. */
static vit158_status read_again(void *context, uint32_t image, vit158_image *out,
                                vit158_error *error)
{
    const vit158_quantize_images *const q = context;
    const size_t place = q->places[image];
    return vit158_name_error(error, vit158_image_source_decode(&q->source, place, out, error),
                             q->source.images[place].name);
}

void vit158_quantize_images_start(vit158_quantize_images *q, const char *command)
{
    *q = (vit158_quantize_images){.command = command, .reader = {read_again, q}};
    q->calibrate =
        (vit158_option_list){.values = q->paths, .capacity = VIT158_MAX_CALIBRATION_SOURCES};
}

vit158_option vit158_calibrate_option(vit158_quantize_images *q)
{
    return (vit158_option){.name = "--calibrate",
                           .placeholder = "FOLDER|TAR",
                           .help = "images, labels unused; may be given several times (required)",
                           .kind = VIT158_OPTION_LIST,
                           .value = &q->calibrate};
}

vit158_option vit158_images_option(vit158_quantize_images *q)
{
    return (vit158_option){.name = "--images",
                           .placeholder = "N",
                           .help = "only N of all images, drawn by the seed; default all",
                           .kind = VIT158_OPTION_UINT,
                           .value = &q->drawn,
                           .min = 1,
                           .max = 1e6};
}

vit158_option vit158_hold_out_option(vit158_quantize_images *q)
{
    return (vit158_option){.name = "--hold-out",
                           .placeholder = "N",
                           .help = "keep N of these to judge the result; default 0",
                           .kind = VIT158_OPTION_UINT,
                           .value = &q->held,
                           .max = 1e6};
}

vit158_status vit158_quantize_images_collect(vit158_quantize_images *q, vit158_error *error)
{
    for (size_t i = 0; i < q->calibrate.count; i++) {
        vit158_error reason;
        const vit158_status status = vit158_image_source_add(&q->source, q->paths[i], &reason);
        if (status != VIT158_OK)
            return vit158_fail(error, status, "%s: %s", q->paths[i], reason.message);
    }
    VIT158_RETURN_IF_ERROR(vit158_image_source_draw(&q->source, q->drawn, q->seed, error));
    if (q->held >= q->source.count)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%u of %zu images held out: none are left to calibrate with", q->held,
                           q->source.count);
    q->places = calloc(q->source.count + 1, sizeof *q->places);
    return q->places != NULL
               ? VIT158_OK
               : vit158_fail(error, VIT158_E_MEMORY, "not enough memory for a list of images");
}

/* Every (count / held)-th image is kept for judging and comes last. */
static size_t place_of(const vit158_quantize_images *q, size_t index)
{
    const size_t held = q->held;
    const size_t learned = q->source.count - held;
    if (index < learned)
        return index + (held > 0 ? index * held / learned : 0);
    /* The place of held image h: where the learned ones leave a gap. */
    const size_t h = index - learned;
    const size_t next = ((h + 1) * learned + held - 1) / held;
    return next + h;
}

vit158_status vit158_quantize_images_embed(vit158_quantize_images *q, vit158_embedder *embedder,
                                           vit158_progress *bar, const volatile int *stop,
                                           vit158_error *error)
{
    const vit158_image_source *const source = &q->source;
    *bar = vit158_progress_start(source->count);
    size_t failed = 0;
    for (size_t i = 0; i < source->count && !*stop; i++) {
        const size_t place = place_of(q, i);
        vit158_image image;
        vit158_error reason;
        if (vit158_image_source_decode(source, place, &image, &reason) != VIT158_OK) {
            vit158_progress_clear(bar);
            vit158_complain(q->command, source->images[place].name, &reason);
            failed++;
            continue;
        }
        const vit158_status status = vit158_embedder_add(embedder, &image, error);
        vit158_image_free(&image);
        VIT158_RETURN_IF_ERROR(status);
        if (i < source->count - q->held)
            q->places[q->learned++] = place;
        vit158_progress_update(bar, i + 1);
    }
    vit158_progress_clear(bar);
    if (*stop)
        return vit158_fail(error, VIT158_E_ABORTED, "interrupted; nothing was written");
    if (q->learned == 0)
        return vit158_fail(error, VIT158_E_ARGUMENT, "no image could be read");
    vit158_embedder_finish(embedder);
    fprintf(stderr, "%zu images to calibrate with, %zu held out, %zu other files skipped\n",
            q->learned, (size_t)embedder->count - q->learned, source->skipped + failed);
    return VIT158_OK;
}

void vit158_quantize_images_free(vit158_quantize_images *q)
{
    vit158_image_source_free(&q->source);
    free(q->places);
    *q = (vit158_quantize_images){0};
}
