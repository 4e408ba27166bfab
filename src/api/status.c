/* SPDX-License-Identifier: MIT
 *
 * Names of statuses and versions.
 */
#include "base/numerics.h"
#include "vit158.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *vit158_status_name(vit158_status status)
{
    switch (status) {
    case VIT158_OK:
        return "OK";
    case VIT158_E_ARGUMENT:
        return "E_ARGUMENT";
    case VIT158_E_STATE:
        return "E_STATE";
    case VIT158_E_MEMORY:
        return "E_MEMORY";
    case VIT158_E_ABORTED:
        return "E_ABORTED";
    case VIT158_E_FORMAT:
        return "E_FORMAT";
    case VIT158_E_TRUNCATED:
        return "E_TRUNCATED";
    case VIT158_E_LIMIT:
        return "E_LIMIT";
    case VIT158_E_JSON:
        return "E_JSON";
    case VIT158_E_METADATA:
        return "E_METADATA";
    case VIT158_E_TENSOR:
        return "E_TENSOR";
    case VIT158_E_VALUE:
        return "E_VALUE";
    case VIT158_E_IMAGE:
        return "E_IMAGE";
    case VIT158_E_UNSUPPORTED:
        return "E_UNSUPPORTED";
    case VIT158_E_NUMERIC:
        return "E_NUMERIC";
    case VIT158_E_IO:
        return "E_IO";
    case VIT158_E_THREAD:
        return "E_THREAD";
    }
    return "E_UNKNOWN";
}

const char *vit158_version(void)
{
    return TEXT(VIT158_VERSION_MAJOR) "." TEXT(VIT158_VERSION_MINOR) "." TEXT(VIT158_VERSION_PATCH);
}

uint32_t vit158_numerics_version(void)
{
    return VIT158_NUMERICS_VERSION;
}
