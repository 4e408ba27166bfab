/* SPDX-License-Identifier: MIT
 *
 * See confusion.h.
 */
#include "cli/confusion.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file_problem.h"
#include "base/shortest.h"
#include "cli/console.h"
#include "cli/files.h"
#include "cli/json_file.h"

/* So many wrong classes are shown in a line; the JSON has all. */
#define MOST_SHOWN 3

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path);
    const size_t m = strlen(ending);
    return n >= m && strcmp(path + n - m, ending) == 0;
}

bool vit158_is_wrong_list(const char *path)
{
    return ends_in(path, ".csv") || ends_in(path, ".json");
}

static const char *name_of(char room[32], const vit158_class_labels *labels, uint32_t index)
{
    const char *const label = labels->values[index];
    if (*label != '\0')
        return label;
    snprintf(room, 32, "class %u", index);
    return room;
}

/* A field as RFC 4180 has it. */
static void write_csv(FILE *out, const char *text)
{
    if (strpbrk(text, "\",\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_row(FILE *out, const vit158_judged *one, const vit158_class_labels *labels)
{
    char a[32], b[32], score[48];
    vit158_number_text(score, (double)one->score);
    write_csv(out, one->path);
    fputc(',', out);
    write_csv(out, name_of(a, labels, one->truth));
    fputc(',', out);
    write_csv(out, name_of(b, labels, one->predicted));
    fprintf(out, ",%s\n", score);
}

static void write_object(FILE *out, const vit158_judged *one, const vit158_class_labels *labels)
{
    char a[32], b[32];
    vit158_json json = vit158_json_to(out);
    vit158_json_open(&json, NULL, '{');
    vit158_json_text(&json, "file", one->path);
    vit158_json_text(&json, "class", name_of(a, labels, one->truth));
    vit158_json_text(&json, "predicted", name_of(b, labels, one->predicted));
    vit158_json_number(&json, "score", one->score);
    vit158_json_close(&json, '}');
}

vit158_status vit158_write_wrong(const char *path, const vit158_judged *judged, size_t count,
                                 const vit158_class_labels *labels, vit158_error *error)
{
    const bool json = ends_in(path, ".json");
    FILE *const out = fopen(path, "w");
    if (out == NULL)
        return vit158_fail(error, VIT158_E_IO, "cannot be written: %s",
                           vit158_write_problem(errno));
    fputs(json ? "[" : "file,class,predicted,score\n", out);
    bool comma = false;
    for (size_t i = 0; i < count; i++) {
        if (judged[i].truth == judged[i].predicted)
            continue;
        if (json) {
            fputs(comma ? ",\n" : "\n", out);
            write_object(out, &judged[i], labels);
            comma = true;
        } else {
            write_row(out, &judged[i], labels);
        }
    }
    if (json)
        fputs("\n]\n", out);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return vit158_fail(error, VIT158_E_IO, "cannot be written: %s",
                           vit158_write_problem(errno));
    return VIT158_OK;
}

static int compare_judged(const void *a, const void *b)
{
    const vit158_judged *const x = a;
    const vit158_judged *const y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

void vit158_sort_judged(vit158_judged *judged, size_t count)
{
    if (count > 1)
        qsort(judged, count, sizeof *judged, compare_judged);
}

/* The images from `first` that are of one class and were taken for one class. */
static size_t run_length(const vit158_judged *judged, size_t count, size_t first)
{
    size_t n = 1;
    while (first + n < count && compare_judged(&judged[first], &judged[first + n]) == 0)
        n++;
    return n;
}

typedef struct class_sum {
    size_t images;
    size_t correct;
    size_t kinds; /* wrong classes */
} class_sum;

static class_sum sum_class(const vit158_judged *judged, size_t count, size_t first)
{
    class_sum sum = {0};
    for (size_t i = first; i < count && judged[i].truth == judged[first].truth;) {
        const size_t n = run_length(judged, count, i);
        sum.images += n;
        if (judged[i].predicted == judged[i].truth)
            sum.correct += n;
        else
            sum.kinds++;
        i += n;
    }
    return sum;
}

/* Start of the `rank`-th most frequent wrong run of a class of `images` images: few are asked
 * for, and classes have few kinds of mistakes, so that looking each up is quick enough. */
static size_t wrong_run(const vit158_judged *judged, size_t first, size_t images, size_t rank)
{
    const size_t end = first + images;
    for (size_t i = first; i < end; i += run_length(judged, end, i)) {
        const size_t n = run_length(judged, end, i);
        size_t before = 0;
        if (judged[i].predicted == judged[i].truth)
            continue;
        for (size_t j = first; j < end; j += run_length(judged, end, j)) {
            const size_t m = run_length(judged, end, j);
            before += judged[j].predicted != judged[j].truth && (m > n || (m == n && j < i));
        }
        if (before == rank)
            return i;
    }
    return end;
}

void vit158_print_classes(FILE *out, const vit158_judged *judged, size_t count,
                          const vit158_class_labels *labels)
{
    char room[32];
    for (size_t i = 0; i < count;) {
        const class_sum sum = sum_class(judged, count, i);
        fprintf(out, "  %6.2f %% of %zu  ", 100.0 * (double)sum.correct / (double)sum.images,
                sum.images);
        vit158_print_safely(out, name_of(room, labels, judged[i].truth));
        for (size_t k = 0; k < sum.kinds && k < MOST_SHOWN; k++) {
            const size_t at = wrong_run(judged, i, sum.images, k);
            fputs(k > 0 ? ", " : "  (taken for ", out);
            vit158_print_safely(out, name_of(room, labels, judged[at].predicted));
            fprintf(out, " %zu", run_length(judged, i + sum.images, at));
        }
        fputs(sum.kinds > MOST_SHOWN ? ", ...)\n" : sum.kinds > 0 ? ")\n" : "\n", out);
        i += sum.images;
    }
}

static void json_class(vit158_json *json, const vit158_class_labels *labels, uint32_t index,
                       size_t images)
{
    vit158_json_open(json, NULL, '{');
    vit158_json_text(json, "label", labels->values[index]);
    vit158_json_number(json, "index", index);
    vit158_json_number(json, "images", (double)images);
}

void vit158_json_classes(vit158_json *json, const vit158_judged *judged, size_t count,
                         const vit158_class_labels *labels)
{
    vit158_json_open(json, "classes", '[');
    for (size_t i = 0; i < count;) {
        const class_sum sum = sum_class(judged, count, i);
        json_class(json, labels, judged[i].truth, sum.images);
        vit158_json_number(json, "top1", (double)sum.correct / (double)sum.images);
        vit158_json_open(json, "taken_for", '[');
        for (size_t k = 0; k < sum.kinds; k++) {
            const size_t at = wrong_run(judged, i, sum.images, k);
            json_class(json, labels, judged[at].predicted, run_length(judged, i + sum.images, at));
            vit158_json_close(json, '}');
        }
        vit158_json_close(json, ']');
        vit158_json_close(json, '}');
        i += sum.images;
    }
    vit158_json_close(json, ']');
}
