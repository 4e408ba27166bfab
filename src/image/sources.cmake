# SPDX-License-Identifier: MIT
set(VIT158_IMAGE_SOURCES
    src/image/preprocess.c
    src/image/resample.c)
set(VIT158_DECODE_SOURCES)
