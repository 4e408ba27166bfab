# SPDX-License-Identifier: MIT
# Modules that run the kernel and stage checks under Node.
