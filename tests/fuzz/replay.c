/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over all files of the given folders, without libFuzzer: what fuzzing has found
 * and the test files themselves, in every test run.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "unit/read_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static int replay_folder(const char *folder)
{
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return 0;
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        size_t n_bytes = 0;
        uint8_t *bytes = entry->d_name[0] == '.' ? NULL : test_read_file(path, &n_bytes);
        if (bytes == NULL)
            continue;
        LLVMFuzzerTestOneInput(bytes, n_bytes);
        free(bytes);
        count++;
    }
    closedir(listing);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const int count = replay_folder(argv[i]);
        printf("%s: %d files\n", argv[i], count);
        if (count == 0)
            return 1;
    }
    return argc < 2;
}
