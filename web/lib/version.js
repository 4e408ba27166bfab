// SPDX-License-Identifier: MIT
/** The package's version; the same as in package.json and src/vit158.h, which a test checks. */
export const VERSION = '0.1.0';
