# SPDX-License-Identifier: MIT
set(VIT158_MODEL_SOURCES
    src/model/ternary.c)
