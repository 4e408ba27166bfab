/* SPDX-License-Identifier: MIT */
#include "model/metadata.h"

#include <string.h>

#include "base/error.h"
#include "model/decimal.h"

static vit158_status malformed(const char *key, const char *value, const char *expected,
                               vit158_error *error)
{
    return vit158_fail(error, VIT158_E_METADATA, "metadata %s is not %s: %s", key, expected, value);
}

vit158_status vit158_metadata_count(uint32_t *out, const vit158_header *header, const char *key,
                                    uint32_t max, vit158_error *error)
{
    const char *value = vit158_header_metadata(header, key);
    if (value == NULL)
        return VIT158_OK;
    uint32_t count = 0;
    if (!vit158_decimal_u32(&count, value, strlen(value)) || count == 0)
        return malformed(key, value, "a positive whole number", error);
    if (count > max)
        return vit158_fail(error, VIT158_E_LIMIT, "metadata %s: %u is above the limit of %u", key,
                           count, max);
    *out = count;
    return VIT158_OK;
}

vit158_status vit158_metadata_number(double *out, const vit158_header *header, const char *key,
                                     double low, double high, vit158_error *error)
{
    const char *value = vit158_header_metadata(header, key);
    if (value == NULL)
        return VIT158_OK;
    double number = 0.0;
    if (!vit158_decimal_double(&number, value, strlen(value)) || number <= low || number > high)
        return malformed(key, value, "a number in the range that FORMAT.md gives", error);
    *out = number;
    return VIT158_OK;
}

vit158_status vit158_metadata_eps(float *out, double missing, const vit158_header *header,
                                  const char *key, vit158_error *error)
{
    double eps = missing;
    VIT158_RETURN_IF_ERROR(vit158_metadata_number(&eps, header, key, 0.0, 1.0, error));
    *out = (float)eps;
    return VIT158_OK;
}

vit158_status vit158_metadata_numbers(float *out, uint32_t count, const vit158_header *header,
                                      const char *key, double low, double high, vit158_error *error)
{
    const char *value = vit158_header_metadata(header, key);
    if (value == NULL)
        return vit158_fail(error, VIT158_E_METADATA, "metadata %s is missing", key);
    const char *here = value;
    for (uint32_t i = 0; i < count; i++) {
        while (*here == ' ')
            here++;
        size_t length = strcspn(here, ",");
        const char *after = here + length;
        while (length > 0 && here[length - 1] == ' ')
            length--;
        double number = 0.0;
        if (!vit158_decimal_double(&number, here, length) || number < low || number > high ||
            (*after == ',') != (i + 1 < count))
            return malformed(
                key, value, "one number for each channel in the range that FORMAT.md gives", error);
        out[i] = (float)number;
        here = after + 1;
    }
    return VIT158_OK;
}
