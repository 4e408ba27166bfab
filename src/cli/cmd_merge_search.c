/* SPDX-License-Identifier: MIT
 *
 * vit158 merge-search: which tokens to merge in which blocks of a model, from images without
 * labels: measured time against how far the answers move.
 */
#include "cli/commands.h"

#include <stdlib.h>

#include "base/error.h"
#include "cli/console.h"
#include "cli/image_classifier.h"
#include "cli/image_source.h"
#include "cli/merge_report.h"

#define MAX_SOURCES 16U

typedef struct search_options {
    vit158_option_list calibrate;
    const char *json, *svg;
    uint32_t limit;
    double kl[VIT158_MERGE_PRESETS];
} search_options;

static vit158_status find_images(vit158_image_source *source, const search_options *o,
                                 vit158_error *error)
{
    for (size_t i = 0; i < o->calibrate.count; i++) {
        vit158_error reason;
        const vit158_status status =
            vit158_image_source_add(source, o->calibrate.values[i], &reason);
        if (status != VIT158_OK)
            return vit158_fail(error, status, "%s: %s", o->calibrate.values[i], reason.message);
    }
    VIT158_RETURN_IF_ERROR(vit158_image_source_draw(source, o->limit, 1, error));
    return source->count > 0 ? VIT158_OK
                             : vit158_fail(error, VIT158_E_ARGUMENT, "there are no images");
}

static vit158_status measure(vit158_merge_search *search, const vit158_image_source *source,
                             vit158_error *error)
{
    vit158_progress progress = vit158_progress_start(source->count);
    vit158_status status = VIT158_OK;
    for (size_t i = 0; i < source->count && status == VIT158_OK; i++) {
        vit158_image image;
        status = vit158_image_source_decode(source, i, &image, error);
        if (status == VIT158_OK) {
            status = vit158_merge_search_add(search, &image, error);
            vit158_image_free(&image);
        }
        if (status != VIT158_OK)
            status = vit158_name_error(error, status, source->images[i].name);
        vit158_progress_update(&progress, i + 1);
    }
    vit158_progress_clear(&progress);
    if (status == VIT158_OK)
        vit158_merge_search_finish(search);
    return status;
}

static vit158_status report(const vit158_merge_search *search, const char *model,
                            const search_options *o, vit158_error *error)
{
    static const char *const names[VIT158_MERGE_PRESETS] = {"fast", "faster", "fastest"};
    vit158_merge_report found = {.model = model, .search = search};
    for (uint32_t i = 0; i < VIT158_MERGE_PRESETS; i++)
        found.presets[i] =
            (vit158_merge_preset){names[i], o->kl[i], vit158_merge_search_best(search, o->kl[i])};
    if (o->json != NULL)
        VIT158_RETURN_IF_ERROR(vit158_merge_report_json(&found, o->json, error));
    if (o->svg != NULL)
        VIT158_RETURN_IF_ERROR(vit158_merge_report_svg(&found, o->svg, error));
    vit158_merge_report_print(&found);
    return VIT158_OK;
}

static int search_merges(const char *model, const search_options *o)
{
    vit158_classifier c;
    vit158_error error;
    if (!vit158_classifier_open(&c, "merge-search", &(vit158_run_options){.model = model}))
        return VIT158_EXIT_FAILED;
    vit158_image_source source = {0};
    vit158_merge_search search = {0};
    vit158_status status = find_images(&source, o, &error);
    if (status == VIT158_OK)
        status = vit158_merge_search_begin(&search, c.model, source.count, &error);
    if (status == VIT158_OK)
        status = measure(&search, &source, &error);
    if (status == VIT158_OK)
        status = report(&search, c.name, o, &error);
    vit158_merge_search_free(&search);
    vit158_image_source_free(&source);
    vit158_classifier_close(&c);
    return status == VIT158_OK ? VIT158_EXIT_OK : vit158_complain("merge-search", NULL, &error);
}

int vit158_cmd_merge_search(int argc, char **argv)
{
    const char *sources[MAX_SOURCES];
    search_options o = {.calibrate = {.values = sources, .capacity = MAX_SOURCES},
                        .limit = 200,
                        .kl = {0.015, 0.035, 0.065}};
    const vit158_option options[] = {
        {.name = "--calibrate",
         .placeholder = "FROM",
         .help = "a folder or tar archive of images, without labels; again for more",
         .kind = VIT158_OPTION_LIST,
         .value = &o.calibrate},
        {.name = "--limit",
         .placeholder = "N",
         .help = "images, drawn at random (200)",
         .kind = VIT158_OPTION_UINT,
         .value = &o.limit,
         .min = 1,
         .max = 100000},
        {.name = "--fast",
         .placeholder = "KL",
         .help = "the most that merge_fast may move the answers, in nats (0.015)",
         .kind = VIT158_OPTION_NUMBER,
         .value = &o.kl[0],
         .min = 0,
         .max = 100},
        {.name = "--faster",
         .placeholder = "KL",
         .help = "and merge_faster (0.035)",
         .kind = VIT158_OPTION_NUMBER,
         .value = &o.kl[1],
         .min = 0,
         .max = 100},
        {.name = "--fastest",
         .placeholder = "KL",
         .help = "and merge_fastest (0.065)",
         .kind = VIT158_OPTION_NUMBER,
         .value = &o.kl[2],
         .min = 0,
         .max = 100},
        {.name = "--json",
         .placeholder = "FILE",
         .help = "write all lists and the metadata of the chosen ones",
         .kind = VIT158_OPTION_TEXT,
         .value = &o.json},
        {.name = "--svg",
         .placeholder = "FILE",
         .help = "write an image of time against KL",
         .kind = VIT158_OPTION_TEXT,
         .value = &o.svg},
    };
    const vit158_usage usage = {
        .synopsis = "merge-search MODEL --calibrate FOLDER|TAR [options]",
        .about =
            "Looks for lists of tokens to merge (--merge of the other commands) that save much "
            "time and\nmove the answers little. Every image runs through the model with each "
            "list, one after the\nother on one thread; time is processor time against the "
            "unmerged model's, the median of\nthe images; KL is that of the unmerged model's "
            "scores from the merged one's.",
        .options = options,
        .option_count = sizeof options / sizeof *options,
        .min_arguments = 1,
        .max_arguments = 1,
        .notes = "What is chosen for a name is the quickest list whose KL is within the bound with "
                 "its standard\nerror added. It becomes part of a model as its metadata.\nExit "
                 "codes: 0 success, 1 something failed, 2 wrong usage."};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    if (o.calibrate.count == 0)
        return vit158_options_mistake("merge-search", "say which images with --calibrate");
    return search_merges(arguments.values[0], &o);
}
