/* SPDX-License-Identifier: MIT
 *
 * Moved to base/ so that model/ and predict/ may use it too; include that.
 */
#include "base/numerics.h" // IWYU pragma: export
