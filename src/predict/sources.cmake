# SPDX-License-Identifier: MIT
set(VIT158_PREDICT_SOURCES
    src/predict/top_k.c)
