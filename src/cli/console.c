/* SPDX-License-Identifier: MIT
 *
 * See console.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/console.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"

#define BAR_WIDTH 30
#define REDRAW_MS 100.0

int vit158_complain(const char *command, const char *subject, const vit158_error *error)
{
    fprintf(stderr, "vit158 %s: %s%s%s\n", command, subject ? subject : "", subject ? ": " : "",
            error->message);
    return VIT158_EXIT_FAILED;
}

vit158_progress vit158_progress_start(size_t total)
{
    return (vit158_progress){.total = total,
                             .start_ms = vit158_now_ms(),
                             .drawn_ms = -REDRAW_MS,
                             .shown = total > 1 && isatty(STDERR_FILENO)};
}

void vit158_progress_update(vit158_progress *progress, size_t done)
{
    const double now = vit158_now_ms();
    if (!progress->shown || (now - progress->drawn_ms < REDRAW_MS && done < progress->total))
        return;
    progress->drawn_ms = now;
    char bar[BAR_WIDTH + 1];
    const size_t filled = done * BAR_WIDTH / progress->total;
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    const double seconds = (now - progress->start_ms) / 1000.0;
    const double left = done ? seconds * (double)(progress->total - done) / (double)done : 0.0;
    fprintf(stderr, "\r[%s] %zu/%zu, %.0f s left \033[K", bar, done, progress->total, left);
    fflush(stderr);
}

void vit158_progress_clear(vit158_progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}
