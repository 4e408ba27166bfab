/* SPDX-License-Identifier: MIT
 *
 * vit158 bench --profile: a model's time by operation. Patch embedding and head are steps of their
 * own; the blocks are told apart by kernel, and what no kernel accounts for is the rest.
 */
#include "cli/bench_profile.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/json_file.h"
#include "cli/profile.h"
#include "cli/statistics.h"

enum { EMBED = VIT158_OPERATION_COUNT, HEAD, REST, TOTAL, ROWS };

typedef struct rows {
    double ms[ROWS][VIT158_PROFILE_MAX_RUNS];
} rows;

void vit158_bench_tensor(float *tensor, size_t count)
{
    vit158_rng rng = vit158_rng_seed(158);
    for (size_t i = 0; i < count; i++)
        tensor[i] = vit158_rng_normal(&rng);
}

/* One pass; the operations of the embedding and the head count with their step. */
static vit158_status profile_run(rows *out, uint32_t run, vit158_session *session,
                                 const float *tensor, size_t count, vit158_error *error)
{
    const uint32_t last = vit158_session_step_count(session) - 1;
    VIT158_RETURN_IF_ERROR(vit158_session_set_tensor(session, tensor, count, error));
    double total = 0, blocks = 0;
    for (uint32_t step = 0; step <= last; step++) {
        VIT158_RETURN_IF_ERROR(vit158_session_step(session, error));
        const double ms = vit158_session_step_ms(session)[step];
        total += ms;
        if (step == 0 || step == last)
            out->ms[step == 0 ? EMBED : HEAD][run] = ms;
        else
            blocks += ms;
        for (uint32_t i = 0; i < VIT158_OPERATION_COUNT; i++) {
            const double part = vit158_profile_take(i);
            if (step > 0 && step < last)
                out->ms[i][run] += part;
        }
    }
    for (uint32_t i = 0; i < VIT158_OPERATION_COUNT; i++)
        blocks -= out->ms[i][run];
    out->ms[REST][run] = blocks;
    out->ms[TOTAL][run] = total;
    return VIT158_OK;
}

static const char *name_of(uint32_t row)
{
    return row == EMBED   ? "patch embedding"
           : row == HEAD  ? "head"
           : row == REST  ? "rest of the blocks"
           : row == TOTAL ? "total"
                          : vit158_profile_name(row);
}

static void print_rows(rows *r, uint32_t runs, const vit158_classifier *c, bool json)
{
    const double total = vit158_median(r->ms[TOTAL], runs);
    for (uint32_t i = 0; i < ROWS; i++) {
        const double ms = vit158_median(r->ms[i], runs);
        if (ms <= 0)
            continue;
        if (!json) {
            printf("  %-32s %9.3f ms %5.1f %%\n", name_of(i), ms, 100 * ms / total);
            continue;
        }
        vit158_json line = vit158_json_to(stdout);
        vit158_json_open(&line, NULL, '{');
        vit158_json_text(&line, "kind", "profile");
        vit158_json_text(&line, "system", "vit158");
        vit158_json_text(&line, "model", c->name);
        vit158_json_text(&line, "env", "native");
        vit158_json_text(&line, "operation", name_of(i));
        vit158_json_number(&line, "ms", vit158_round_ms(ms));
        vit158_json_number(&line, "share", vit158_round_ms(ms / total));
        vit158_json_close(&line, '}');
        putchar('\n');
    }
}

int vit158_bench_profile(vit158_classifier *c, uint32_t runs, bool json)
{
    const size_t count = (size_t)c->info.channels * c->info.image_size * c->info.image_size;
    float *const tensor = malloc(count * sizeof *tensor);
    rows *const r = calloc(1, sizeof *r);
    vit158_error error;
    vit158_status status = VIT158_OK;
    if (runs > VIT158_PROFILE_MAX_RUNS)
        runs = VIT158_PROFILE_MAX_RUNS;
    if (tensor != NULL && r != NULL) {
        vit158_bench_tensor(tensor, count);
        vit158_profile_attach(c->session, vit158_now_ms);
        for (uint32_t run = 0; run < runs && status == VIT158_OK; run++)
            status = profile_run(r, run, c->session, tensor, count, &error);
        if (status == VIT158_OK)
            print_rows(r, runs, c, json);
    } else {
        status = vit158_fail(&error, VIT158_E_MEMORY, "not enough memory for the profile");
    }
    free(tensor);
    free(r);
    return status == VIT158_OK ? VIT158_EXIT_OK : vit158_complain("bench", c->path, &error);
}
