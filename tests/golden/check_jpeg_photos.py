#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Photographs in every JPEG sampling against Pillow.

  check_jpeg_photos.py build/native/test_image_decode photos.tar [--limit 250]

Every picture of the archive is written as 4:4:4, 4:2:2, 4:2:0, 4:4:0 and 4:1:1, progressive and
with restart markers, decoded by both, and compared: at most 4 levels anywhere. 250 pictures take
minutes. Exit code 77: Pillow is missing.
"""
import argparse
import io
import sys
import tarfile

from make_image_goldens import (JPEG_TOLERANCE, Image, cjpeg, compare, numpy, our_pixels,
                                pillow_pixels)

# Pillow writes no other sampling, cjpeg (Debian: libjpeg-turbo-progs) does.
PILLOW = {"4:4:4": {"subsampling": 0}, "4:2:2": {"subsampling": 1}, "4:2:0": {"subsampling": 2},
          "4:2:0 progressive": {"subsampling": 2, "progressive": True},
          "4:2:2 progressive": {"subsampling": 1, "progressive": True}}
CJPEG = {"4:4:0": ["-sample", "1x2"], "4:1:1": ["-sample", "4x1"],
         "4:2:2 restarts": ["-sample", "2x1", "-restart", "3B"],
         "4:2:0 restarts": ["-sample", "2x2", "-restart", "1"]}


def variants(picture):
    for name, options in PILLOW.items():
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90, **options)
        yield name, out.getvalue()
    pixels = numpy.asarray(picture)
    for name, options in CJPEG.items():
        yield name, cjpeg(pixels, "-quality", "90", *options)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("archive")
    parser.add_argument("--limit", type=int, default=250)
    options = parser.parse_args()
    worst, count = {}, 0
    with tarfile.open(options.archive) as archive:
        for member in archive:
            if not member.isfile() or not member.name.endswith((".jpg", ".jpeg", ".JPEG")):
                continue
            if count == options.limit:
                break
            count += 1
            picture = Image.open(archive.extractfile(member)).convert("RGB")
            for name, data in variants(picture):
                difference = compare(our_pixels(options.program, data), pillow_pixels(data))
                worst[name] = max(worst.get(name, 0), difference)
                if difference > JPEG_TOLERANCE:
                    print(f"{member.name} as {name}: differs from Pillow by {difference}")
    for name, difference in worst.items():
        print(f"{count} pictures as {name}: largest difference {difference}")
    return 1 if count == 0 or max(worst.values()) > JPEG_TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
