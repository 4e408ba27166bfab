/* SPDX-License-Identifier: MIT */
#include "base/file_problem.h"

#include <errno.h>
#include <string.h>

const char *vit158_file_problem(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "there is no such file";
    case EACCES:
    case EPERM:
        return "it may not be read";
    case EISDIR:
        return "it is a folder";
    case ELOOP:
        return "its links lead in a circle";
    case ENAMETOOLONG:
        return "the name is too long";
    case EMFILE:
    case ENFILE:
        return "too many files are open";
    default:
        return strerror(number);
    }
}

const char *vit158_write_problem(int number)
{
    if (number == ENOENT || number == ENOTDIR)
        return "there is no such folder";
    if (number == EACCES || number == EPERM || number == EROFS)
        return "it may not be written";
    return vit158_file_problem(number);
}
