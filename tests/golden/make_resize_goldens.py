#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Resize and crop cases with Pillow's result, one a line, for tests/unit/test_image_resize.c.

  make_resize_goldens.py --count 160 --seed 1 > tests/data/images/resize_goldens.txt
  make_resize_goldens.py --count 2000 --seed 7 --check build/native/test_image_resize

  make_resize_goldens.py --squash --count 60 --seed 2 > tests/data/images/squash_goldens.txt

A line is: filter channels resize crop pixels width height picture-seed sha256-of-the-crop.
Pictures are made from the seed by a hash that the C test has too. --check hands the cases to the
test program. Exit code 77: Pillow or numpy is missing.
"""
import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy
    from PIL import Image
except ImportError as missing:
    print(f"SKIPPED: {missing} (Debian: python3-pil python3-numpy)", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def picture(width, height, pixels, seed):
    """Noise, black-and-white noise, or a noisy gradient."""
    index = numpy.arange(width * height * pixels, dtype=numpy.uint32)
    x = index + numpy.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    x ^= x >> numpy.uint32(16)
    x *= numpy.uint32(0x7FEB352D)
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(0x846CA68B)
    x ^= x >> numpy.uint32(16)
    if seed % 3 == 0:
        values = x & 255
    elif seed % 3 == 1:
        values = (x >> numpy.uint32(31)) * numpy.uint32(255)
    else:
        values = (index // numpy.uint32(7) + (x & 15)) & 255
    shape = (height, width) if pixels == 1 else (height, width, pixels)
    return Image.fromarray(values.astype(numpy.uint8).reshape(shape), MODES[pixels])


def pillow_crop(image, name, channels, resize, crop, squash):
    """What torchvision's Resize (of one side, or with squash of both) and CenterCrop do, by Pillow
    alone."""
    image = image.convert("L" if channels == 1 else "RGB")
    width, height = image.size
    if squash:
        size = (resize, resize)
    elif width <= height:
        size = (resize, int(resize * height / width))
    else:
        size = (int(resize * width / height), resize)
    image = image.resize(size, FILTERS[name])
    left = int(round((size[0] - crop) / 2.0))
    top = int(round((size[1] - crop) / 2.0))
    return image.crop((left, top, left + crop, top + crop))


def random_case(rng):
    name = rng.choice(["bilinear", "bicubic"])
    channels = rng.choice([1, 3, 3])
    pixels = rng.choice([1, 3, 3, 4])
    crop = rng.choice([1, 2, 7, 8, 16, 24, 32, 33, 64, 96, 224])
    resize = crop + rng.choice([0, 0, 1, 2, 3, 5, 8, 24, crop // 7])
    kind = rng.randrange(8)
    if kind == 0:  # the same size, or nearly
        width, height = resize + rng.randrange(2), resize + rng.randrange(2)
    elif kind == 1:  # thin pictures
        width, height = rng.randint(1, 3), rng.randint(1, 400)
    elif kind == 2:  # strong reduction
        width, height = rng.randint(500, 1500), rng.randint(400, 900)
    elif kind == 3:  # tiny pictures
        width, height = rng.randint(1, 9), rng.randint(1, 9)
    elif kind == 4:  # long pictures
        width, height = rng.randint(4, 40), rng.randint(300, 3000)
    else:
        width, height = rng.randint(10, 500), rng.randint(10, 500)
    if rng.random() < 0.5:
        width, height = height, width
    return name, channels, resize, crop, pixels, width, height, rng.randrange(1 << 16)


def lines(count, seed, squash):
    rng = random.Random(seed)
    while count > 0:
        case = random_case(rng)
        name, channels, resize, crop, pixels, width, height, picture_seed = case
        if resize * resize * max(width / height, height / width) > 3e7:
            continue  # Pillow, unlike us, makes the whole resized picture
        result = pillow_crop(picture(width, height, pixels, picture_seed), name, channels, resize,
                             crop, squash)
        digest = hashlib.sha256(result.tobytes()).hexdigest()
        yield " ".join(str(field) for field in case) + " " + digest
        count -= 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--check", metavar="PROGRAM")
    parser.add_argument("--squash", action="store_true")
    options = parser.parse_args()
    if options.check is None:
        for line in lines(options.count, options.seed, options.squash):
            print(line)
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as cases:
        for line in lines(options.count, options.seed, options.squash):
            print(line, file=cases)
        cases.flush()
        print(f"{options.count} cases of seed {options.seed}, Pillow {Image.__version__}")
        return subprocess.run([options.check, cases.name] + ["squash"] * options.squash, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
