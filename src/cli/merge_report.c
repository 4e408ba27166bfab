/* SPDX-License-Identifier: MIT */
#include "cli/merge_report.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/console.h"
#include "cli/json_file.h"

static const vit158_merge_preset *preset_of(const vit158_merge_report *report,
                                            const vit158_merge_point *point)
{
    for (uint32_t i = 0; i < VIT158_MERGE_PRESETS; i++)
        if (report->presets[i].point == point)
            return &report->presets[i];
    return NULL;
}

void vit158_merge_report_print(const vit158_merge_report *report)
{
    const vit158_merge_search *search = report->search;
    printf("%zu images; of %zu lists those that no other beats:\n   time      KL        +-  same "
           "top-1  merge\n",
           search->images, search->count);
    for (size_t i = 0; i < search->count; i++) {
        const vit158_merge_point *p = &search->points[i];
        const vit158_merge_preset *preset = preset_of(report, p);
        if (p->is_on_curve || preset != NULL)
            printf("  %.3f  %.5f  %.5f     %5.1f %%  %s%s%s\n", p->time, p->kl, p->kl_error,
                   100 * p->agreement, p->merge, preset != NULL ? "  <- " : "",
                   preset != NULL ? preset->name : "");
    }
    for (uint32_t i = 0; i < VIT158_MERGE_PRESETS; i++)
        if (report->presets[i].point != NULL)
            printf("merge_%s = %s\n", report->presets[i].name, report->presets[i].point->merge);
}

/* Six digits: what was measured is no better known. */
static double rounded(double value)
{
    return round(value * 1e6) / 1e6;
}

static void write_point(vit158_json *json, const vit158_merge_point *p)
{
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "merge", p->merge);
    vit158_json_number(json, "pictures", (double)p->images);
    vit158_json_number(json, "time", rounded(p->time));
    vit158_json_number(json, "kl", rounded(p->kl));
    vit158_json_number(json, "kl_error", rounded(p->kl_error));
    vit158_json_number(json, "agreement", rounded(p->agreement));
    vit158_json_bool(json, "on_curve", p->is_on_curve);
    vit158_json_close(json, '}');
}

vit158_status vit158_merge_report_json(const vit158_merge_report *report, const char *path,
                                       vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    vit158_json json = vit158_json_to(out.file);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "model", report->model);
    vit158_json_number(&json, "pictures", (double)report->search->images);
    vit158_json_open(&json, "metadata", '{');
    for (uint32_t i = 0; i < VIT158_MERGE_PRESETS; i++) {
        char key[32];
        snprintf(key, sizeof key, "merge_%s", report->presets[i].name);
        if (report->presets[i].point != NULL)
            vit158_json_text(&json, key, report->presets[i].point->merge);
    }
    vit158_json_close(&json, '}');
    vit158_json_open(&json, "lists", '[');
    for (size_t i = 0; i < report->search->count; i++)
        write_point(&json, &report->search->points[i]);
    vit158_json_close(&json, ']');
    vit158_json_close(&json, '}');
    fputc('\n', out.file);
    return vit158_file_commit(&out, error);
}

/* ---- The image: what has seen all images ---------------------------------------------------- */

static const double WIDTH = 720, HEIGHT = 420, LEFT = 60, RIGHT = 20, TOP = 20, BOTTOM = 44;

typedef struct axes {
    double x0, x1; /* time */
    double y0, y1; /* log10 of KL */
} axes;

static axes axes_of(const vit158_merge_search *search)
{
    axes a = {1, 0, 10, -10};
    for (size_t i = 0; i < search->count; i++) {
        const vit158_merge_point *p = &search->points[i];
        if (p->is_out)
            continue;
        const double y = log10(fmax(p->kl, 1e-7));
        a = (axes){fmin(a.x0, p->time), fmax(a.x1, p->time), fmin(a.y0, y), fmax(a.y1, y)};
    }
    a.x0 = floor(a.x0 * 20) / 20;
    a.x1 = ceil(a.x1 * 20 + 1e-9) / 20;
    a.y0 = floor(a.y0);
    a.y1 = ceil(a.y1 + 1e-9);
    return a;
}

static double x_of(const axes *a, double time)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (time - a->x0) / (a->x1 - a->x0);
}

static double y_of(const axes *a, double kl)
{
    const double y = log10(fmax(kl, 1e-7));
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - a->y0) / (a->y1 - a->y0);
}

static void draw_axes(FILE *out, const axes *a)
{
    for (double time = a->x0; time < a->x1 + 0.001; time += 0.05)
        fprintf(out,
                "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#ddd'/>"
                "<text x='%.1f' y='%.1f' text-anchor='middle'>%.2f</text>\n",
                x_of(a, time), x_of(a, time), TOP, HEIGHT - BOTTOM, x_of(a, time),
                HEIGHT - BOTTOM + 16, time);
    for (double y = a->y0; y < a->y1 + 0.001; y += 1)
        fprintf(out,
                "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#ddd'/>"
                "<text x='%.1f' y='%.1f' text-anchor='end'>%g</text>\n",
                LEFT, WIDTH - RIGHT, y_of(a, pow(10, y)), y_of(a, pow(10, y)), LEFT - 6,
                y_of(a, pow(10, y)) + 4, pow(10, y));
    fprintf(out,
            "<text x='%.1f' y='%.1f' text-anchor='end'>time of the unmerged model</text>\n"
            "<text x='%.1f' y='%.1f'>KL in nats</text>\n",
            WIDTH - RIGHT, HEIGHT - 8, 8.0, TOP - 6);
}

static void draw(FILE *out, const vit158_merge_report *report)
{
    const vit158_merge_search *search = report->search;
    const axes a = axes_of(search);
    fprintf(out,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' "
            "font-family='sans-serif' font-size='11'>\n"
            "<rect width='100%%' height='100%%' fill='white'/>\n",
            WIDTH, HEIGHT);
    draw_axes(out, &a);
    fprintf(out, "<polyline fill='none' stroke='#36c' points='");
    for (size_t i = 0; i < search->count; i++)
        if (search->points[i].is_on_curve)
            fprintf(out, "%.1f,%.1f ", x_of(&a, search->points[i].time),
                    y_of(&a, search->points[i].kl));
    fprintf(out, "'/>\n");
    for (size_t i = 0; i < search->count; i++) {
        const vit158_merge_point *p = &search->points[i];
        if (p->is_out)
            continue;
        const vit158_merge_preset *preset = preset_of(report, p);
        const double x = x_of(&a, p->time), y = y_of(&a, p->kl);
        fprintf(out, "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'><title>%s</title></circle>\n", x,
                y,
                preset != NULL   ? "#c33"
                : p->is_on_curve ? "#36c"
                                 : "#bbb",
                p->merge);
        if (preset != NULL)
            fprintf(out, "<text x='%.1f' y='%.1f' fill='#c33'>%s: %s</text>\n", x + 6, y - 6,
                    preset->name, p->merge);
    }
    fprintf(out, "</svg>\n");
}

vit158_status vit158_merge_report_svg(const vit158_merge_report *report, const char *path,
                                      vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    draw(out.file, report);
    return vit158_file_commit(&out, error);
}
