/* SPDX-License-Identifier: MIT
 *
 * See find_model.h. The build passes VIT158_MODELS_FOLDER (the source tree's) and
 * VIT158_DEFAULT_MODEL (the "default" of models/manifest.json).
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/find_model.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/folder.h"
#include "cli/files.h"

/* The installed collection, seen from the program's own place; NULL if there is none. */
static char *installed_folder(void)
{
    char program[4096];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return NULL;
    program[n] = '\0';
    char *const slash = strrchr(program, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    char *const folder = vit158_join_path(program, "../share/vit158/models");
    if (folder != NULL && access(folder, R_OK) == 0)
        return folder;
    free(folder);
    return NULL;
}

static char *models_folder(void)
{
    const char *const chosen = getenv("VIT158_MODELS");
    if (chosen != NULL && *chosen)
        return strdup(chosen);
    char *const folder = installed_folder();
    return folder != NULL ? folder : strdup(VIT158_MODELS_FOLDER);
}

vit158_status vit158_find_model(char **path, const char *wanted, vit158_error *error)
{
    *path = NULL;
    if (wanted != NULL && (strchr(wanted, '/') != NULL || access(wanted, F_OK) == 0)) {
        *path = strdup(wanted);
        return *path != NULL ? VIT158_OK : vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    }
    char file[256];
    const char *const name = wanted != NULL ? wanted : VIT158_DEFAULT_MODEL;
    const bool complete = strstr(name, ".safetensors") != NULL;
    const int n = snprintf(file, sizeof file, "%s%s", name, complete ? "" : ".safetensors");
    char *const folder = models_folder();
    char *const found =
        folder != NULL && n < (int)sizeof file ? vit158_join_path(folder, file) : NULL;
    vit158_status status = VIT158_OK;
    if (found == NULL)
        status = vit158_fail(error, VIT158_E_MEMORY, "not enough memory");
    else if (access(found, R_OK) != 0)
        status = vit158_fail(error, VIT158_E_IO,
                             "there is no such file, and no model of that name in %s", folder);
    free(folder);
    if (status == VIT158_OK)
        *path = found;
    else
        free(found);
    return status;
}
