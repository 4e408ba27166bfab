# SPDX-License-Identifier: MIT
set(VIT158_IMAGE_SOURCES
    src/image/preprocess.c
    src/image/resample.c
    src/image/resample_scalar.c)
set(VIT158_IMAGE_SIMD128_SOURCES
    src/image/resample_simd128.c)
set(VIT158_DECODE_SOURCES
    src/image/decode.c
    src/image/decoded.c
    src/image/exif.c
    src/image/jpeg_check.c
    src/image/jpeg_repair.c
    src/image/jpeg_tables.c
    src/image/orient.c
    src/image/png_check.c
    src/image/stb.c)
# Besides where libwebp is (VIT158_HAVE_WEBP); they need decoded.c, exif.c and orient.c.
set(VIT158_WEBP_SOURCES
    src/image/webp.c
    src/image/webp_check.c)
