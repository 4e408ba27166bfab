/* SPDX-License-Identifier: MIT */
#include "cli/finetune_card.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/files.h"

static void write_accuracy(FILE *out, const char *what, const vit158_judgement *j)
{
    fprintf(out, "| %s | %zu of %zu | %.1f %% | %.1f |\n", what, j->correct, j->count,
            100.0 * j->accuracy, 100.0 * j->standard_error);
}

static void write_stages(FILE *out, const double *stages)
{
    static const char *const names[3] = {"head alone", "float network", "ternary network"};
    for (int i = 0; i < 3; i++)
        if (stages[i] >= 0.0)
            fprintf(out, "- %s: %.1f %%\n", names[i], 100.0 * stages[i]);
}

static void write_card(FILE *out, const vit158_card *card, const vit158_judgement *best,
                       const vit158_class_labels *labels)
{
    vit158_model_info info;
    vit158_model_get_info(best->model, &info);
    fprintf(out,
            "# %s\n\n| | |\n|---|---|\n| File | %llu bytes |\n| Input | %u x %u |\n"
            "| Geometry | patch %u, %u tokens, dim %u, depth %u, heads %u, MLP %u |\n"
            "| Parameters | %llu, of which %llu ternary |\n| Classes | %u |\n\n",
            vit158_base_name(card->model), (unsigned long long)info.file_bytes, info.image_size,
            info.image_size, info.patch_size, info.tokens, info.dim, info.depth, info.heads,
            info.mlp_dim, (unsigned long long)info.parameters,
            (unsigned long long)info.ternary_parameters, info.classes);
    fprintf(out, "## Accuracy\nOf the finished file, through the engine:\n\n"
                 "| images | right | | standard error, points |\n|---|---|---|---|\n");
    write_accuracy(out, "every tenth of training, held out", card->held);
    if (card->val != NULL)
        write_accuracy(out, "validation folder, looked at once", card->val);
    fprintf(out, "\nOn the held-out images by stage, which chose the weights:\n");
    write_stages(out, card->stages);
    if (card->held->unsure > 0.0)
        fprintf(out,
                "\n`unsure` is %.2f: a score that 5 %% of the right answers on held-out images do "
                "not reach.\n",
                card->held->unsure);
    else
        fprintf(out, "\nNo `unsure` threshold: choosing one takes 20 right answers on held-out "
                     "images.\n");
    fprintf(out, "\n## Classes\n```\n");
    vit158_print_classes(out, best->judged, best->count, labels);
    fprintf(
        out,
        "```\n\n## How it was made\nFrom the images of `%s`, %s%s%s:\n\n    %s\n\nThe recipe of "
        "each stage is `finished.recipe` in `%s`.\n",
        card->folder, card->base != NULL ? "starting from `" : "from random weights",
        card->base != NULL ? vit158_base_name(card->base) : "", card->base != NULL ? "`" : "",
        card->command, card->work);
}

vit158_status vit158_card_write(const char *path, const vit158_card *card, vit158_error *error)
{
    vit158_file_writer file;
    vit158_class_labels labels;
    const vit158_judgement *const best = card->val != NULL ? card->val : card->held;
    vit158_status status = vit158_class_labels_copy(&labels, best->model, error);
    if (status == VIT158_OK)
        status = vit158_file_begin(&file, path, error);
    if (status == VIT158_OK) {
        write_card(file.file, card, best, &labels);
        status = vit158_file_commit(&file, error);
    }
    vit158_class_labels_free(&labels);
    return status;
}
