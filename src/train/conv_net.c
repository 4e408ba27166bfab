/* SPDX-License-Identifier: MIT */
#include "train/conv_net.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "train/multiply.h"
#include "train/network.h"

#define CHUNK_ROWS 256U /* of a product at least, if there are so many */

/* ---- Geometry and tensors ---- */

static vit158_status check(const vit158_train_net_config *c, vit158_error *error)
{
    const uint32_t narrowest = 16U << (VIT158_TRAIN_CONV_STAGES - 1);
    const uint32_t smallest = 1U << (VIT158_TRAIN_CONV_STAGES - 1),
                   grid = c->image_size / c->patch_size;
    if (c->dim == 0 || c->dim % narrowest || c->dim > VIT158_TRAIN_MAX_WIDTH)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "dim %u of a convolutional network must be a multiple of %u and at "
                           "most %u",
                           c->dim, narrowest, VIT158_TRAIN_MAX_WIDTH);
    if (grid % smallest)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "%u patches a side, a convolutional network needs a multiple of %u",
                           grid, smallest);
    if (c->ternary)
        return vit158_fail(error, VIT158_E_ARGUMENT,
                           "a convolutional network has float weights only");
    return VIT158_OK;
}

static uint32_t count_convs(const vit158_train_net_config *c)
{
    return VIT158_TRAIN_CONV_STAGES * 2 * c->depth + VIT158_TRAIN_CONV_STAGES - 1;
}

static void list_convs(vit158_train_conv *convs, const vit158_train_net_config *c)
{
    uint32_t side = c->image_size / c->patch_size,
             channels = c->dim >> (VIT158_TRAIN_CONV_STAGES - 1);
    for (uint32_t stage = 0; stage < VIT158_TRAIN_CONV_STAGES; stage++) {
        if (stage > 0) {
            *convs++ = (vit158_train_conv){
                VIT158_TRAIN_CONV_WIDEN, side, {.n_in = channels, .n_out = 2 * channels}};
            side /= 2;
            channels *= 2;
        }
        for (uint32_t i = 0; i < 2 * c->depth; i++)
            *convs++ =
                (vit158_train_conv){i % 2 ? VIT158_TRAIN_CONV_SECOND : VIT158_TRAIN_CONV_FIRST,
                                    side,
                                    {.n_in = channels, .n_out = channels}};
    }
}

static void place_convs(vit158_train_layout *l)
{
    char name[VIT158_TRAIN_MAX_NAME];
    for (uint32_t i = 0; i < l->net->conv_count; i++) {
        vit158_train_layer *layer = &l->net->convs[i].layer;
        vit158_format(name, sizeof name, "convs.%u.norm", i);
        vit158_train_place_norm(l, name, layer->n_in, true, &layer->norm_weight, &layer->norm_bias);
        vit158_format(name, sizeof name, "convs.%u.weight", i);
        layer->weight = vit158_train_place_matrix(l, name, layer->n_out,
                                                  VIT158_TRAIN_CONV_WINDOW * layer->n_in, 1);
        vit158_format(name, sizeof name, "convs.%u.bias", i);
        layer->bias = vit158_train_place_tensor(l, name, 1, layer->n_out);
    }
}

static bool describe(vit158_train_layout *l)
{
    vit158_train_net *net = l->net;
    net->conv_count = count_convs(&net->config);
    net->convs = calloc(net->conv_count, sizeof *net->convs);
    if (net->convs == NULL)
        return false;
    list_convs(net->convs, &net->config);
    vit158_train_place_stem(l, net->config.dim >> (VIT158_TRAIN_CONV_STAGES - 1));
    place_convs(l);
    vit158_train_place_head(l);
    return true;
}

/* ---- Memory ---- */

static uint32_t chunk_images(const vit158_train_conv *conv)
{
    const uint32_t area = conv->side * conv->side;
    return area < CHUNK_ROWS ? CHUNK_ROWS / area : 1;
}

static void larger(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

static void plan(vit158_train_workspace *to, const vit158_train_net *net, bool with_gradient,
                 vit158_arena *arena)
{
    const uint32_t max_images = to->max_images;
    vit158_train_conv_workspace w = {0};
    vit158_train_conv_workspace *workspace = vit158_arena_take(arena, 1, sizeof *workspace);
    const uint32_t grid = net->config.image_size / net->config.patch_size;
    w.saved = vit158_arena_take(arena, net->conv_count, sizeof *w.saved);
    w.stem = vit158_train_take_rows(arena, (size_t)max_images * grid * grid, net->stem_width);
    const float *stream = w.stem;
    size_t columns = 0, operands = 0, widest = 0;
    for (uint32_t i = 0; i < net->conv_count; i++) {
        const vit158_train_conv *conv = &net->convs[i];
        const size_t area = (size_t)conv->side * conv->side, rows = max_images * area;
        const size_t chunk = chunk_images(conv) * area;
        const size_t n_in = conv->layer.n_in, n_out = conv->layer.n_out,
                     seen = VIT158_TRAIN_CONV_WINDOW * n_in;
        vit158_train_saved_conv saved = {.x = stream};
        saved.y = vit158_train_take_rows(arena, rows, n_in);
        saved.stats = vit158_train_take_rows(arena, rows, 4);
        saved.out = vit158_train_take_rows(arena, rows, n_out);
        if (conv->role == VIT158_TRAIN_CONV_WIDEN)
            saved.pooled = vit158_train_take_rows(arena, rows / 4, n_out);
        stream = saved.pooled != NULL ? saved.pooled : saved.out;
        if (workspace != NULL)
            w.saved[i] = saved;
        larger(&columns, (chunk + VIT158_TRAIN_TILE_ROWS) * seen);
        larger(&operands, vit158_train_multiply_scratch(chunk, n_out, seen));
        larger(&operands, vit158_train_multiply_scratch(chunk, seen, n_out));
        larger(&operands, vit158_train_multiply_scratch(n_out, seen, chunk));
        larger(&widest, (rows + VIT158_TRAIN_TILE_ROWS) * n_out);
    }
    w.columns = vit158_arena_take(arena, columns, sizeof(float));
    w.operands = vit158_arena_take(arena, operands, sizeof(float));
    if (with_gradient) {
        w.d_columns = vit158_arena_take(arena, columns, sizeof(float));
        w.g = vit158_arena_take(arena, widest, sizeof(float));
        w.g2 = vit158_arena_take(arena, widest, sizeof(float));
        w.middle = vit158_arena_take(arena, widest, sizeof(float));
        to->g = vit158_train_take_rows(arena, max_images, net->config.dim);
        to->g2 = vit158_train_take_rows(arena, max_images, net->config.dim);
    }
    if (workspace != NULL)
        *workspace = w;
    to->conv = workspace;
}

/* ---- Passes ---- */

/* The places of a row of three that lie in the grid: `count` from place x + first - 1 on. */
static void clip(uint32_t *first, uint32_t *count, uint32_t x, uint32_t side)
{
    *first = x == 0;
    *count = 3 - (x == 0) - (x + 1 == side);
}

/* columns [side^2][9 n] = what each place of y [side^2][n] sees. */
static void gather_image(float *columns, const float *y, uint32_t side, uint32_t n)
{
    for (uint32_t at_y = 0; at_y < side; at_y++)
        for (uint32_t at_x = 0; at_x < side; at_x++)
            for (uint32_t k = 0; k < 3; k++, columns += (size_t)3 * n) {
                uint32_t first, count;
                clip(&first, &count, at_x, side);
                if (count < 3 || at_y + k < 1 || at_y + k > side)
                    memset(columns, 0, (size_t)3 * n * sizeof *columns);
                if (at_y + k >= 1 && at_y + k <= side)
                    memcpy(columns + (size_t)first * n,
                           y + ((size_t)(at_y + k - 1) * side + at_x + first - 1) * n,
                           (size_t)count * n * sizeof *columns);
            }
}

/* workspace->conv->columns = what the places of images first .. first + count - 1 see. */
static void gather(const vit158_train_pass *pass, uint32_t index, uint32_t first, uint32_t count)
{
    const vit158_train_conv *conv = &pass->net->convs[index];
    const vit158_train_conv_workspace *w = pass->workspace->conv;
    const size_t size = (size_t)conv->side * conv->side * conv->layer.n_in;
    for (uint32_t i = 0; i < count; i++)
        gather_image(w->columns + i * VIT158_TRAIN_CONV_WINDOW * size,
                     w->saved[index].y + (first + i) * size, conv->side, conv->layer.n_in);
}

/* The gradient of gather_image, added to dy. */
static void scatter(const vit158_train_compute *compute, float *dy, const float *columns,
                    uint32_t side, uint32_t n)
{
    for (uint32_t at_y = 0; at_y < side; at_y++)
        for (uint32_t at_x = 0; at_x < side; at_x++)
            for (uint32_t k = 0; k < 3; k++, columns += (size_t)3 * n) {
                uint32_t first, count;
                clip(&first, &count, at_x, side);
                if (at_y + k >= 1 && at_y + k <= side)
                    compute->combine(dy + ((size_t)(at_y + k - 1) * side + at_x + first - 1) * n,
                                     columns + (size_t)first * n, (size_t)count * n, 1.0F, 1.0F);
            }
}

static vit158_train_norm_rows act(const vit158_train_pass *pass, uint32_t index)
{
    const vit158_train_conv *conv = &pass->net->convs[index];
    const vit158_train_saved_conv *saved = &pass->workspace->conv->saved[index];
    const float *parameters = pass->packed->parameters;
    return (vit158_train_norm_rows){.x = saved->x,
                                    .ldx = conv->layer.n_in,
                                    .rows = pass->workspace->images * conv->side * conv->side,
                                    .n = conv->layer.n_in,
                                    .gelu = true,
                                    .outer_weight = parameters + conv->layer.norm_weight,
                                    .outer_bias = parameters + conv->layer.norm_bias,
                                    .outer_eps = pass->net->config.norm_eps,
                                    .stats = saved->stats,
                                    .y = saved->y,
                                    .scratch = pass->workspace->rows};
}

static void forward(const vit158_train_pass *pass, uint32_t index)
{
    const vit158_train_conv *conv = &pass->net->convs[index];
    const vit158_train_conv_workspace *w = pass->workspace->conv;
    const vit158_train_saved_conv *saved = &w->saved[index];
    const float *parameters = pass->packed->parameters;
    const uint32_t area = conv->side * conv->side, step = chunk_images(conv);
    const uint32_t n_in = conv->layer.n_in, n_out = conv->layer.n_out;
    const vit158_train_norm_rows rows = act(pass, index);
    pass->compute->norm_rows(&rows);
    for (uint32_t i = 0; i < pass->workspace->images; i += step) {
        const uint32_t left = pass->workspace->images - i, count = left < step ? left : step;
        gather(pass, index, i, count);
        const size_t first = (size_t)i * area * n_out;
        vit158_train_product p =
            vit158_train_product_of(saved->out + first, w->columns, NULL, count * area, n_out,
                                    VIT158_TRAIN_CONV_WINDOW * n_in);
        p.bias = parameters + conv->layer.bias;
        if (conv->role == VIT158_TRAIN_CONV_SECOND) {
            p.base = w->saved[index - 1].x + first;
            p.base_ld = n_out;
        }
        vit158_train_multiply(pass->compute, pass->half, &p, parameters + conv->layer.weight, true,
                              w->operands);
    }
}

/* From g [rows][n_out] to the gradient of x, stored to dx or added to it. */
static void backward(const vit158_train_pass *pass, uint32_t index, float *dx, bool add,
                     const float *g)
{
    const vit158_train_conv *conv = &pass->net->convs[index];
    const vit158_train_conv_workspace *w = pass->workspace->conv;
    const uint32_t area = conv->side * conv->side, step = chunk_images(conv);
    const uint32_t n_in = conv->layer.n_in, n_out = conv->layer.n_out,
                   seen = VIT158_TRAIN_CONV_WINDOW * n_in;
    float *gradient = pass->workspace->gradient, *dw = gradient + conv->layer.weight;
    const vit158_train_norm_rows rows = act(pass, index);
    memset(w->middle, 0, (size_t)rows.rows * n_in * sizeof *w->middle);
    for (uint32_t i = 0; i < pass->workspace->images; i += step) {
        const uint32_t left = pass->workspace->images - i, count = left < step ? left : step;
        const float *from = g + (size_t)i * area * n_out;
        gather(pass, index, i, count);
        vit158_train_product p = {.y = dw,
                                  .ldy = seen,
                                  .a = from,
                                  .a_row = 1,
                                  .a_step = n_out,
                                  .rows = n_out,
                                  .cols = seen,
                                  .depth = count * area,
                                  .factor = 1.0F,
                                  .base = dw,
                                  .base_ld = seen};
        vit158_train_multiply(pass->compute, pass->half, &p, w->columns, false, w->operands);
        p = vit158_train_product_of(w->d_columns, from, NULL, count * area, seen, n_out);
        vit158_train_multiply(pass->compute, pass->half, &p,
                              pass->packed->parameters + conv->layer.weight, false, w->operands);
        for (uint32_t j = 0; j < count; j++)
            scatter(pass->compute, w->middle + (size_t)(i + j) * area * n_in,
                    w->d_columns + (size_t)j * area * seen, conv->side, n_in);
    }
    pass->compute->column_sums(gradient + conv->layer.bias, g, n_out, rows.rows, n_out, 1.0F);
    const vit158_train_norm_gradient n = {.forward = &rows,
                                          .dy = w->middle,
                                          .dx = dx,
                                          .lddx = n_in,
                                          .add = add,
                                          .d_outer_weight = gradient + conv->layer.norm_weight,
                                          .d_outer_bias = gradient + conv->layer.norm_bias};
    pass->compute->norm_gradient(&n);
}

/* The four places below place (y, x) of the smaller grid: offsets in rows of the larger. */
static void corners(size_t at[4], uint32_t image, uint32_t y, uint32_t x, uint32_t side)
{
    for (uint32_t k = 0; k < 4; k++)
        at[k] = ((size_t)image * side + 2 * y + k / 2) * side + 2 * x + k % 2;
}

static uint32_t largest_of(const float *in, const size_t at[4], uint32_t n, uint32_t c)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < 4; k++)
        if (in[at[k] * n + c] > in[at[best] * n + c])
            best = k;
    return best;
}

/* Maximum over 2 x 2 places; with g, its gradient from g [rows / 4][n] to out [rows][n]. */
static void pool(const vit158_train_pass *pass, uint32_t index, float *out, const float *g)
{
    const vit158_train_conv *conv = &pass->net->convs[index];
    const float *in = pass->workspace->conv->saved[index].out;
    const uint32_t half = conv->side / 2, n = conv->layer.n_out;
    size_t at[4], row = 0;
    for (uint32_t i = 0; i < pass->workspace->images; i++)
        for (uint32_t y = 0; y < half; y++)
            for (uint32_t x = 0; x < half; x++, row++) {
                corners(at, i, y, x, conv->side);
                for (uint32_t c = 0; c < n; c++) {
                    const uint32_t best = largest_of(in, at, n, c);
                    if (g != NULL)
                        for (uint32_t k = 0; k < 4; k++)
                            out[at[k] * n + c] = k == best ? g[row * n + c] : 0.0F;
                    else
                        out[row * n + c] = in[at[best] * n + c];
                }
            }
}

static uint32_t last_area(const vit158_train_net *net)
{
    const uint32_t side = net->convs[net->conv_count - 1].side;
    return side * side;
}

static void forward_all(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    const uint32_t width = net->stem_width, d = net->config.dim;
    const vit158_train_product stem = {.y = w->conv->stem,
                                       .ldy = width,
                                       .a = w->patches,
                                       .a_row = w->patch_ld,
                                       .a_step = 1,
                                       .b = pass->packed->patch,
                                       .rows = w->images * (net->tokens - 1),
                                       .cols = width,
                                       .depth = net->patch_inputs,
                                       .bias = pass->packed->parameters + net->patch_bias,
                                       .factor = 1.0F};
    pass->compute->product(&stem);
    for (uint32_t i = 0; i < net->conv_count; i++) {
        forward(pass, i);
        if (net->convs[i].role == VIT158_TRAIN_CONV_WIDEN)
            pool(pass, i, w->conv->saved[i].pooled, NULL);
    }
    const uint32_t area = last_area(net);
    memset(w->last, 0, (size_t)w->images * d * sizeof *w->last);
    for (uint32_t i = 0; i < w->images; i++)
        pass->compute->column_sums(w->last + (size_t)i * d,
                                   w->conv->saved[net->conv_count - 1].out + (size_t)i * area * d,
                                   d, area, d, 1.0F / (float)area);
}

static void backward_all(const vit158_train_pass *pass)
{
    const vit158_train_net *net = pass->net;
    vit158_train_workspace *w = pass->workspace;
    float *g = w->conv->g, *g2 = w->conv->g2;
    const uint32_t width = net->stem_width, d = net->config.dim, area = last_area(net);
    for (uint32_t row = 0; row < w->images * area; row++)
        for (uint32_t c = 0; c < d; c++)
            g[(size_t)row * d + c] = w->g[(size_t)(row / area) * d + c] / (float)area;
    for (uint32_t i = net->conv_count; i-- > 0;) {
        switch (net->convs[i].role) {
        case VIT158_TRAIN_CONV_SECOND:
            backward(pass, i, g2, false, g);
            break;
        case VIT158_TRAIN_CONV_FIRST:
            backward(pass, i, g, true, g2);
            break;
        default:
            pool(pass, i, g2, g);
            backward(pass, i, g, false, g2);
        }
    }
    const uint32_t rows = w->images * (net->tokens - 1);
    float *dw = w->gradient + net->patch_weight;
    const vit158_train_product stem = {.y = dw,
                                       .ldy = net->patch_inputs,
                                       .a = g,
                                       .a_row = 1,
                                       .a_step = width,
                                       .b = w->patches,
                                       .ldb = w->patch_ld,
                                       .rows = width,
                                       .cols = net->patch_inputs,
                                       .depth = rows,
                                       .factor = 1.0F,
                                       .base = dw,
                                       .base_ld = net->patch_inputs};
    pass->compute->product(&stem);
    pass->compute->column_sums(w->gradient + net->patch_bias, g, width, rows, width, 1.0F);
}

const vit158_train_network vit158_train_conv_network = {.name = "conv",
                                                        .half_validation = true,
                                                        .check = check,
                                                        .describe = describe,
                                                        .plan = plan,
                                                        .forward = forward_all,
                                                        .backward = backward_all};
