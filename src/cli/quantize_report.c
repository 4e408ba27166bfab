/* SPDX-License-Identifier: MIT */
#include "cli/quantize_report.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

void vit158_quantize_summary(const vit158_compress_result *result, const char *path)
{
    const bool judged = result->held.images > 0;
    const vit158_nearness *const n = judged ? &result->held : &result->learned;
    printf("%s: %llu bytes in %.0f s; on %u %s images the same answer as the float model for "
           "%.1f %%, divergence %.4f\n",
           path, (unsigned long long)result->file_bytes, result->seconds, n->images,
           judged ? "held-out" : "calibration", 100 * n->agreement, n->divergence);
}

/* ---- JSON ---- */

void vit158_nearness_json(vit158_json *json, const char *key, const vit158_nearness *n,
                          const char *counted)
{
    vit158_json_open(json, key, '{');
    vit158_json_number(json, counted, n->images);
    if (n->images > 0) {
        vit158_json_number(json, "divergence", n->divergence);
        vit158_json_number(json, "agreement", n->agreement);
    }
    vit158_json_close(json, '}');
}

static void write_layer(vit158_json *json, const vit158_compress_result *result, uint32_t index)
{
    const vit158_rounded *const m = &result->quantizer.matrices[index];
    char name[64];
    uint32_t outputs[VIT158_MAX_ROW_SUMS + 1] = {0};
    for (uint32_t o = 0; o < m->n_out; o++)
        outputs[m->rows[o]]++;
    vit158_format(name, sizeof name, "blocks.%u.%s", index / VIT158_BLOCK_LINEARS,
                  vit158_linear_name(index % VIT158_BLOCK_LINEARS));
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "name", name);
    vit158_json_number(json, "n_in", m->n_in);
    vit158_json_number(json, "n_out", m->n_out);
    vit158_json_open(json, "outputs_by_rows", '[');
    for (uint32_t rows = 0; rows <= VIT158_MAX_ROW_SUMS; rows++)
        vit158_json_number(json, NULL, outputs[rows]);
    vit158_json_close(json, ']');
    vit158_json_number(json, "pearson", m->pearson);
    vit158_json_number(json, "gain", m->gain);
    if (result->outcome.ptq.blocks == NULL) /* there all outputs of all images together */
        vit158_json_number(json, "error", m->loss);
    if (m->step > 0)
        vit158_json_number(json, "step", (double)m->step);
    if (result->sensitivities != NULL) {
        vit158_json_open(json, "divergence_alone", '[');
        for (uint32_t rows = 0; rows < VIT158_MAX_ROW_SUMS; rows++)
            vit158_json_number(json, NULL, result->sensitivities[index].divergence[rows]);
        vit158_json_close(json, ']');
    }
    vit158_json_number(json, "seconds", round(m->seconds * 1000) / 1000);
    vit158_json_close(json, '}');
}

/* ---- PTQ-ViT ---- */

static void write_terms(vit158_json *json, const char *key, const vit158_ptq_terms *terms,
                        bool scores)
{
    vit158_json_open(json, key, '{');
    vit158_json_number(json, "pearson", terms->pearson);
    vit158_json_number(json, "gain", terms->gain);
    if (scores) {
        vit158_json_number(json, "ranking_loss", terms->ranking);
        vit158_json_number(json, "kendall_tau", terms->tau);
    }
    vit158_json_close(json, '}');
}

static void write_product(vit158_json *json, const vit158_ptq *ptq, uint32_t block, uint32_t kind,
                          bool held)
{
    static const char *const pairs[] = {"attn.scores", "attn.values"};
    const vit158_ptq_found *const found = &ptq->blocks[block].products[kind];
    const uint32_t module = vit158_ptq_module_of(kind);
    const bool scores = kind == VIT158_QKV || kind == VIT158_PTQ_SCORES;
    const bool matrix = kind < VIT158_BLOCK_LINEARS;
    char name[64];
    vit158_format(name, sizeof name, "blocks.%u.%s", block,
                  matrix ? vit158_linear_name(kind) : pairs[kind - VIT158_PTQ_SCORES]);
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "name", name);
    if (matrix)
        vit158_json_number(json, "weight_bits", ptq->blocks[block].weight_bits[module]);
    vit158_json_number(json, "input_bits", ptq->blocks[block].input_bits[module]);
    vit158_json_text(json, "inputs",
                     matrix && ptq->blocks[block].input_bits[module] == 8 ? "stored" : "simulated");
    vit158_json_open(json, "steps", '[');
    for (uint32_t i = 0; i < found->count; i++)
        vit158_json_number(json, NULL, (double)found->steps[i]);
    vit158_json_close(json, ']');
    vit158_json_number(json, "rounds", found->rounds);
    write_terms(json, "first", &found->first, scores);
    write_terms(json, "last", &found->last, scores);
    if (held) {
        write_terms(json, "held_out_first", &found->held_first, scores);
        write_terms(json, "held_out_last", &found->held_last, scores);
    }
    vit158_json_close(json, '}');
}

static void write_ptq(vit158_json *json, const vit158_compress_result *result)
{
    const vit158_ptq *const ptq = &result->outcome.ptq;
    const uint32_t depth = ptq->model.info.depth;
    vit158_json_text(json, "simulated",
                     "nearnesses are of the simulated network: operands of attention's products, "
                     "and inputs below 8 bits, are quantized in it and not by the file");
    vit158_json_open(json, "products", '[');
    for (uint32_t i = 0; i < depth * VIT158_PTQ_PRODUCTS; i++)
        write_product(json, ptq, i / VIT158_PTQ_PRODUCTS, i % VIT158_PTQ_PRODUCTS,
                      result->held.images > 0);
    vit158_json_close(json, ']');
    if (result->outcome.omegas == NULL)
        return;
    vit158_json_number(json, "predicted_omega", result->outcome.predicted);
    vit158_json_open(json, "modules", '[');
    for (uint32_t i = 0; i < depth * VIT158_PTQ_MODULES; i++) {
        char name[64];
        vit158_format(name, sizeof name, "blocks.%u.%s", i / VIT158_PTQ_MODULES,
                      i % VIT158_PTQ_MODULES == VIT158_PTQ_MLP ? "mlp" : "attn");
        vit158_json_open(json, NULL, '{');
        vit158_json_text(json, "name", name);
        vit158_json_number(json, "bits",
                           ptq->blocks[i / VIT158_PTQ_MODULES].weight_bits[i % VIT158_PTQ_MODULES]);
        vit158_json_number(json, "nuclear_norm", result->outcome.omegas[i].nuclear);
        vit158_json_open(json, "omega", '[');
        for (uint32_t c = 0; c < VIT158_BIT_CHOICES; c++)
            vit158_json_number(json, NULL, vit158_omega_of(&result->outcome.omegas[i], c));
        vit158_json_close(json, ']');
        vit158_json_close(json, '}');
    }
    vit158_json_close(json, ']');
}

static void write_json(FILE *out, const vit158_compress_result *result,
                       const vit158_compress_job *job, const char *weights)
{
    vit158_json json = vit158_json_to(out);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "weights", weights);
    vit158_json_number(&json, "file_bytes", (double)result->file_bytes);
    vit158_json_number(&json, "seconds", round(result->seconds * 1000) / 1000);
    vit158_nearness_json(&json, "calibration", &result->learned, "pictures");
    vit158_nearness_json(&json, "held_out", &result->held, "pictures");
    if (result->sensitivities != NULL)
        vit158_json_number(&json, "predicted_divergence", result->predicted);
    vit158_json_text(&json, "activations",
                     job->settings.static_steps ? "int8, a stored step a layer" : "int8 a token");
    if (result->rebuilt.distilled > 0) {
        vit158_json_number(&json, "distillation_updates", result->rebuilt.distilled);
        vit158_json_number(&json, "kept_after_updates", result->rebuilt.kept);
    }
    if (job->settings.method == VIT158_METHOD_PTQ_VIT)
        write_ptq(&json, result);
    vit158_json_open(&json, "layers", '[');
    for (uint32_t i = 0; i < job->model->info.depth * VIT158_BLOCK_LINEARS; i++)
        write_layer(&json, result, i);
    vit158_json_close(&json, ']');
    vit158_json_close(&json, '}');
    fputc('\n', out);
}

/* ---- SVG: of each matrix the divergence alone over kilobytes for 1 to 4 rows, logarithmic, and a
 * dot at its choice. ---- */

#define WIDTH 900.0
#define HEIGHT 540.0
#define LEFT 80.0
#define RIGHT 20.0
#define TOP 40.0
#define BOTTOM 60.0

typedef struct axes {
    double most_bytes, low, high; /* of log10 of the divergence */
} axes;

static double x_at(const axes *a, double n_bytes)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * n_bytes / a->most_bytes;
}

static double y_at(const axes *a, double divergence)
{
    const double level = log10(fmax(divergence, pow(10, a->low)));
    return TOP + (HEIGHT - TOP - BOTTOM) * (a->high - level) / (a->high - a->low);
}

static double row_kilobytes(const vit158_rounded *m)
{
    return (double)m->n_out * (double)vit158_row_bytes(m->n_in) / 1000;
}

static axes find_axes(const vit158_compress_result *result, uint32_t count)
{
    axes a = {.low = -5, .high = -1};
    for (uint32_t i = 0; i < count; i++) {
        a.most_bytes =
            fmax(a.most_bytes, VIT158_MAX_ROW_SUMS * row_kilobytes(&result->quantizer.matrices[i]));
        a.high = fmax(a.high, ceil(log10(result->sensitivities[i].divergence[0] + 1e-9)));
    }
    return a;
}

static void draw_matrix(FILE *out, const axes *a, const vit158_compress_result *result, uint32_t i)
{
    static const char *const colours[VIT158_BLOCK_LINEARS] = {"#3366cc", "#109618", "#dc3912",
                                                              "#ff9900"};
    const vit158_rounded *const m = &result->quantizer.matrices[i];
    const vit158_sensitivity *const s = &result->sensitivities[i];
    const char *const colour = colours[i % VIT158_BLOCK_LINEARS];
    double chosen_rows = 0, chosen_loss = 0;
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-opacity=\"0.4\" points=\"", colour);
    for (uint32_t rows = 1; rows <= VIT158_MAX_ROW_SUMS; rows++)
        fprintf(out, "%.1f,%.1f ", x_at(a, rows * row_kilobytes(m)),
                y_at(a, s->divergence[rows - 1]));
    for (uint32_t o = 0; o < m->n_out; o++) {
        chosen_rows += m->rows[o];
        chosen_loss += vit158_sensitivity_of(s, o, m->rows[o]);
    }
    fprintf(out,
            "\"/>\n<circle r=\"4\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\"><title>blocks.%u.%s: %.2f "
            "rows an output</title></circle>\n",
            colour, x_at(a, chosen_rows / m->n_out * row_kilobytes(m)), y_at(a, chosen_loss),
            i / VIT158_BLOCK_LINEARS, vit158_linear_name(i % VIT158_BLOCK_LINEARS),
            chosen_rows / m->n_out);
}

static void draw_axes(FILE *out, const axes *a)
{
    for (int level = (int)a->low; level <= (int)a->high; level++) {
        const double y = y_at(a, pow(10, level));
        fprintf(out,
                "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n"
                "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">1e%d</text>\n",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, level);
    }
    for (int i = 0; i <= 5; i++) {
        const double kilobytes = a->most_bytes * i / 5;
        fprintf(out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.0f</text>\n",
                x_at(a, kilobytes), HEIGHT - BOTTOM + 20, kilobytes);
    }
    fprintf(out,
            "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">kilobytes of the matrix, 1 to 4 "
            "rows an output</text>\n<text x=\"%.0f\" y=\"24\">divergence from the float model with "
            "this matrix alone rounded; dots: the choice (blue qkv, green proj, red fc1, orange "
            "fc2)</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, LEFT);
}

static void write_svg(FILE *out, const vit158_compress_result *result, uint32_t count)
{
    const axes a = find_axes(result, count);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
            "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" "
            "fill=\"#fff\"/>\n",
            WIDTH, HEIGHT);
    draw_axes(out, &a);
    for (uint32_t i = 0; i < count; i++)
        draw_matrix(out, &a, result, i);
    fputs("</svg>\n", out);
}

/* ---- */

vit158_status vit158_quantize_report(const vit158_compress_result *result,
                                     const vit158_compress_job *job, const char *weights,
                                     const char *json_path, const char *svg_path,
                                     vit158_error *error)
{
    vit158_file_writer out;
    if (json_path != NULL) {
        VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, json_path, error));
        write_json(out.file, result, job, weights);
        VIT158_RETURN_IF_ERROR(vit158_file_commit(&out, error));
    }
    if (svg_path != NULL && result->sensitivities != NULL) {
        VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, svg_path, error));
        write_svg(out.file, result, job->model->info.depth * VIT158_BLOCK_LINEARS);
        VIT158_RETURN_IF_ERROR(vit158_file_commit(&out, error));
    }
    return VIT158_OK;
}
