/* SPDX-License-Identifier: MIT
 *
 * vit158 plot LOG -o FILE.svg: loss, accuracy and learning rate of a training run over time, drawn
 * from its log.jsonl.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/options.h"

#define MAX_POINTS 20000U
#define DRAWN_POINTS 600U
#define WIDTH 720.0
#define PANEL 190.0
#define LEFT 56.0
#define RIGHT 150.0
#define TOP 34.0

typedef struct curve {
    const char *name, *type, *key, *colour; /* records of this type, value of this key */
    double scale;
    double *x, *y; /* [MAX_POINTS] */
    size_t count;
} curve;

typedef struct panel {
    const char *title;
    curve *curves;
    size_t curve_count;
} panel;

/* The number after "key": in a line, NAN if there is none. */
static double number_in(const char *line, const char *end, const char *key)
{
    char pattern[40];
    const int n = snprintf(pattern, sizeof pattern, "\"%s\":", key);
    for (const char *at = line; at + n < end; at++)
        if (memcmp(at, pattern, (size_t)n) == 0)
            return strtod(at + n, NULL);
    return NAN;
}

static void read_line(curve *c, const char *line, const char *end)
{
    char type[40];
    const int n = snprintf(type, sizeof type, "{\"type\":\"%s\",", c->type);
    if (end - line <= n || memcmp(line, type, (size_t)n) != 0 || c->count == MAX_POINTS)
        return;
    const double x = number_in(line, end, "minutes"), y = number_in(line, end, c->key);
    if (!isfinite(x) || !isfinite(y))
        return;
    c->x[c->count] = x;
    c->y[c->count++] = y * c->scale;
}

static void bounds(const panel *p, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < p->curve_count; i++)
        for (size_t j = 0; j < p->curves[i].count; j++) {
            *low = fmin(*low, p->curves[i].y[j]);
            *high = fmax(*high, p->curves[i].y[j]);
        }
    if (!(*high > *low)) {
        *low = isfinite(*low) ? *low - 0.5 : 0.0;
        *high = *low + 1.0;
    }
}

/* 1, 2 or 5 times a power of ten, giving about five steps. */
static double tick_step(double range)
{
    const double power = pow(10.0, floor(log10(range / 5.0)));
    const double lead = range / 5.0 / power;
    return power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
}

static void draw_ticks(FILE *out, double low, double high, double y0, double height)
{
    const double step = tick_step(high - low);
    for (double v = ceil(low / step) * step; v <= high + 1e-9 * step; v += step) {
        const double y = y0 + height * (high - v) / (high - low);
        fprintf(out,
                "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#ddd'/>"
                "<text x='%.1f' y='%.1f' text-anchor='end'>%.4g</text>\n",
                LEFT, y, WIDTH - RIGHT, y, LEFT - 6, y + 4, fabs(v) < 1e-9 * step ? 0.0 : v);
    }
}

static void draw_curve(FILE *out, const curve *c, double last, double low, double high, double y0,
                       double height)
{
    if (!c->count)
        return;
    const size_t every = c->count / DRAWN_POINTS + 1;
    fprintf(out, "<polyline fill='none' stroke='%s' stroke-width='1.5' points='", c->colour);
    for (size_t i = 0; i < c->count; i += every)
        fprintf(out, "%.1f,%.1f ", LEFT + (WIDTH - LEFT - RIGHT) * c->x[i] / last,
                y0 + height * (high - c->y[i]) / (high - low));
    fprintf(out, "'/>\n");
}

static void draw_panel(FILE *out, const panel *p, double last, double y0)
{
    const double height = PANEL - TOP - 12.0;
    double low, high;
    bounds(p, &low, &high);
    fprintf(out, "<text x='%.1f' y='%.1f' font-weight='bold'>%s</text>\n", LEFT, y0 - 10, p->title);
    draw_ticks(out, low, high, y0, height);
    for (size_t i = 0; i < p->curve_count; i++) {
        const curve *c = &p->curves[i];
        draw_curve(out, c, last, low, high, y0, height);
        if (c->count)
            fprintf(out, "<text x='%.1f' y='%.1f' fill='%s'>%s %.4g</text>\n", WIDTH - RIGHT + 8,
                    y0 + 14.0 + 16.0 * (double)i, c->colour, c->name, c->y[c->count - 1]);
    }
}

static void draw(FILE *out, const panel *panels, size_t count, double last)
{
    const double bottom = PANEL * (double)count + 24.0;
    fprintf(out,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' "
            "font-family='sans-serif' font-size='11'>\n<rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            WIDTH, bottom + 12.0);
    for (size_t i = 0; i < count; i++)
        draw_panel(out, &panels[i], last, PANEL * (double)i + TOP);
    const double step = tick_step(last);
    for (double v = 0.0; v <= last; v += step)
        fprintf(out, "<text x='%.1f' y='%.1f' text-anchor='middle'>%.4g</text>\n",
                LEFT + (WIDTH - LEFT - RIGHT) * v / last, bottom - 10.0, v);
    fprintf(out, "<text x='%.1f' y='%.1f'>minutes</text>\n</svg>\n", WIDTH - RIGHT + 8,
            bottom - 10.0);
}

static int plot(const char *text, const char *log, const char *path)
{
    curve curves[] = {{"training loss", "step", "loss", "#c33", 1.0, NULL, NULL, 0},
                      {"validation loss", "eval", "val_loss", "#36c", 1.0, NULL, NULL, 0},
                      {"training", "step", "accuracy", "#c33", 100.0, NULL, NULL, 0},
                      {"validation", "eval", "val_accuracy", "#36c", 100.0, NULL, NULL, 0},
                      {"averaged", "eval", "ema_accuracy", "#282", 100.0, NULL, NULL, 0},
                      {"rate", "step", "rate", "#555", 1.0, NULL, NULL, 0}};
    const size_t curve_count = sizeof curves / sizeof curves[0];
    const panel panels[] = {{"loss", curves, 2},
                            {"accuracy, %", curves + 2, 3},
                            {"share of the peak learning rate", curves + 5, 1}};
    double *memory = calloc(2 * curve_count * MAX_POINTS, sizeof *memory);
    vit158_error error;
    if (memory == NULL) {
        vit158_fail(&error, VIT158_E_MEMORY, "not enough memory to draw");
        return vit158_complain("plot", path, &error);
    }
    for (size_t i = 0; i < curve_count; i++) {
        curves[i].x = memory + 2 * i * MAX_POINTS;
        curves[i].y = curves[i].x + MAX_POINTS;
    }
    double last = 1e-3;
    size_t points = 0;
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        for (size_t i = 0; i < curve_count; i++)
            read_line(&curves[i], text, end);
        text = *end ? end + 1 : end;
    }
    for (size_t i = 0; i < curve_count; i++)
        if (curves[i].count) {
            last = fmax(last, curves[i].x[curves[i].count - 1]);
            points += curves[i].count;
        }
    if (points == 0) {
        free(memory);
        vit158_fail(&error, VIT158_E_FORMAT,
                    "no log of a training run: it has no line of a step or an evaluation");
        return vit158_complain("plot", log, &error);
    }
    vit158_file_writer out;
    vit158_status status = vit158_file_begin(&out, path, &error);
    if (status == VIT158_OK) {
        draw(out.file, panels, sizeof panels / sizeof panels[0], last);
        status = vit158_file_commit(&out, &error);
    }
    free(memory);
    return status == VIT158_OK ? VIT158_EXIT_OK : vit158_complain("plot", NULL, &error);
}

int vit158_cmd_plot(int argc, char **argv)
{
    const char *path = "curve.svg";
    const vit158_option options[] = {{"--out", "-o", "FILE", "image to write (default curve.svg)",
                                      VIT158_OPTION_TEXT, &path, 0, 0, NULL}};
    const vit158_usage usage = {.synopsis = "plot LOG [options]",
                                .about = "Draws the loss, accuracy and learning rate in a training "
                                         "run's log.jsonl as an SVG image.",
                                .options = options,
                                .option_count = 1,
                                .min_arguments = 1,
                                .max_arguments = 1};
    vit158_arguments arguments;
    const int parsed = vit158_parse_options(&usage, &arguments, argc, argv);
    if (parsed != VIT158_PARSE_OK)
        return parsed;
    vit158_error error;
    uint8_t *text;
    size_t n_bytes;
    if (vit158_file_read(&text, &n_bytes, arguments.values[0], 0, &error) != VIT158_OK)
        return vit158_complain("plot", arguments.values[0], &error);
    const int result = plot((const char *)text, arguments.values[0], path);
    free(text);
    return result;
}
