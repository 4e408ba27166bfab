/* SPDX-License-Identifier: MIT
 *
 * See nearest.h: the edit distance of Damerau, adjacent letters exchanged counting as one edit.
 */
#include "cli/nearest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define MAX_LETTERS 40

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int letter(char c)
{
    return tolower((unsigned char)c);
}

/* SIZE_MAX for words too long to be meant. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[MAX_LETTERS + 1][MAX_LETTERS + 1];
    const size_t n = strlen(a);
    const size_t m = strlen(b);
    if (n > MAX_LETTERS || m > MAX_LETTERS)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        rows[i][0] = i;
        for (size_t j = 1; j <= m; j++) {
            const int x = letter(a[i - 1]);
            const int y = letter(b[j - 1]);
            size_t least = smaller(rows[i - 1][j], rows[i][j - 1]) + 1;
            least = smaller(least, rows[i - 1][j - 1] + (x != y));
            if (i > 1 && j > 1 && x == letter(b[j - 2]) && letter(a[i - 2]) == y)
                least = smaller(least, rows[i - 2][j - 2] + 1);
            rows[i][j] = least;
        }
    }
    return rows[n][m];
}

const char *vit158_nearest(const char *word, const char *(*name)(const void *table, size_t i),
                           const void *table, size_t count)
{
    const size_t letters = strlen(word);
    const char *best = NULL;
    size_t least = (letters > 3 ? letters : 3) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        const char *const candidate = name(table, i);
        const size_t far = distance(word, candidate);
        if (far < least) {
            least = far;
            best = candidate;
        }
    }
    return best;
}
