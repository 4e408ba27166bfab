/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "base/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

bool vit158_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

vit158_status vit158_make_folder(const char *path, vit158_error *error)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return VIT158_OK;
    return vit158_fail(error, VIT158_E_IO, "cannot create %s: %s", path, strerror(errno));
}
