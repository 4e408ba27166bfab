/* SPDX-License-Identifier: MIT
 *
 * See console.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/console.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"

#define BAR_WIDTH 30
#define REDRAW_MS 100.0

/* A message that begins with the name of what it is about, without it. */
static const char *without_name(const char *message, const char *name)
{
    const size_t n = strlen(name);
    if (strncmp(message, name, n) != 0)
        return message;
    const size_t between = message[n] == ':' ? 1 : 0;
    return message[n + between] == ' ' ? message + n + between + 1 : message;
}

int vit158_complain(const char *command, const char *subject, const vit158_error *error)
{
    fprintf(stderr, "vit158 %s: ", command);
    if (subject != NULL) {
        vit158_print_safely(stderr, subject);
        fputs(": ", stderr);
    }
    vit158_print_safely(stderr,
                        subject != NULL ? without_name(error->message, subject) : error->message);
    fputc('\n', stderr);
    return VIT158_EXIT_FAILED;
}

/* The bytes of the control character at `at`, 0 if it is none: C0, DEL; in UTF-8 U+0080 to U+009F;
 * what ends lines or changes the direction of text: U+061C, U+200E, U+200F, U+2028 to U+202E,
 * U+2066 to U+2069. */
static size_t control_bytes(const unsigned char *at)
{
    if (at[0] < 0x20 || at[0] == 0x7F)
        return 1;
    if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0)
        return 2;
    if (at[0] == 0xD8 && at[1] == 0x9C)
        return 2;
    if (at[0] != 0xE2 || (at[1] != 0x80 && at[1] != 0x81))
        return 0;
    const unsigned last = at[2];
    const bool is_control = at[1] == 0x80
                                ? last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE)
                                : last >= 0xA6 && last <= 0xA9;
    return is_control ? 3 : 0;
}

void vit158_print_safely(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != 0) {
        const size_t n_bytes = control_bytes(at);
        fputc(n_bytes > 0 ? '?' : *at, out);
        at += n_bytes > 0 ? n_bytes : 1;
    }
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
