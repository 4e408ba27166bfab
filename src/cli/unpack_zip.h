/* SPDX-License-Identifier: MIT
 *
 * A ZIP archive of class folders, as the page's own classes are saved or any program packs them,
 * as a folder of images.
 */
#ifndef VIT158_CLI_UNPACK_ZIP_H
#define VIT158_CLI_UNPACK_ZIP_H

#include <stdbool.h>

#include "vit158.h"

/* True if the file begins as a ZIP archive does. */
bool vit158_is_zip(const char *path);

/* Writes the images of the archive (*.jpg, *.jpeg, *.png; others are skipped) to the folder `to`,
 * which is made: CLASS/NAME, or train/CLASS/NAME and val/CLASS/NAME; one folder around all of them
 * is left away. A folder that the same archive was unpacked to already is left as it is. Every
 * entry's checksum is compared.
 * Errors: VIT158_E_FORMAT, _UNSUPPORTED, _LIMIT, _TRUNCATED (the archive), _VALUE (a name that
 * leads elsewhere, no images), _ARGUMENT (`to` holds another archive), _IO, _MEMORY. */
vit158_status vit158_unpack_zip(const char *zip, const char *to, vit158_error *error);

#endif
