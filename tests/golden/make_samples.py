#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The sample pictures of models/samples, from Debian packages (see models/samples/README.md).

  make_samples.py models/samples

Fetches the packages with `apt-get download` into a temporary folder and unpacks them there; nothing
is installed. Needs python3-pil, python3-numpy and librsvg2-bin (rsvg-convert).
"""
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy
from PIL import Image

STAMPS = "usr/share/tuxpaint/stamps/"
GCOMPRIS = "usr/share/gcompris-qt/rcc/"


def unpack(package, folder):
    subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
    archive = next(folder.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", archive, folder / package], check=True)
    archive.unlink()


def qt_resource(path, wanted):
    """One file out of a Qt binary resource: a tree of nodes, names in UTF-16, data blocks."""
    data = path.read_bytes()
    version, tree, blocks, names = struct.unpack(">4I", data[4:20])
    node_bytes = 14 if version < 2 else 22

    def name_of(node):
        at = names + struct.unpack(">I", data[node:node + 4])[0]
        length = struct.unpack(">H", data[at:at + 2])[0]
        return data[at + 6:at + 6 + 2 * length].decode("utf-16-be")

    pending = [0]
    while pending:
        node = tree + pending.pop() * node_bytes
        flags, first, second = struct.unpack(">HII", data[node + 4:node + 14])
        if flags & 2:  # a folder: number of children, first child
            pending += range(second, second + first)
        elif name_of(node) == wanted:
            at = blocks + second
            size = struct.unpack(">I", data[at:at + 4])[0]
            block = data[at + 4:at + 4 + size]
            return zlib.decompress(block[4:]) if flags & 1 else block
    raise FileNotFoundError(f"{wanted} in {path}")


def crop(image, box):
    """The part of the picture within a box of fractions (left, top, right, bottom)."""
    width, height = image.size
    return image.crop((round(box[0] * width), round(box[1] * height), round(box[2] * width),
                       round(box[3] * height)))


def ground(width, height, sky, earth, horizon):
    """A plain background: a sky that pales towards the horizon, and something below it."""
    y = numpy.arange(height, dtype=float)[:, None, None] / height
    above = numpy.array(sky) + (235 - numpy.array(sky)) * (0.6 * y / max(horizon, 1e-9))
    below = numpy.array(earth) * (1.1 - 0.35 * y)
    pixels = numpy.where(y < horizon, above, below).clip(0, 255)
    return Image.fromarray(numpy.broadcast_to(pixels, (height, width, 3)).astype(numpy.uint8))


def place(stamp, background, width_share, left, top):
    """The stamp on the background, `width_share` of its width, left top corner in fractions."""
    width = round(background.width * width_share)
    height = round(stamp.height * width / stamp.width)
    stamp = stamp.convert("RGBA").resize((width, height), Image.LANCZOS)
    background.paste(stamp, (round(left * background.width), round(top * background.height)), stamp)
    return background


def svg(path, width):
    run = subprocess.run(["rsvg-convert", "-w", str(width), path], stdout=subprocess.PIPE, check=True)
    return Image.open(io.BytesIO(run.stdout))


def pictures(folder):
    """Name and picture, 320 pixels wide."""
    stamps = folder / "tuxpaint-stamps-default" / STAMPS
    gcompris = folder / "gcompris-qt-data" / GCOMPRIS

    def photo(resource, name, box):
        image = Image.open(io.BytesIO(qt_resource(gcompris / resource, name))).convert("RGB")
        return crop(image, box)

    yield "airplane.jpg", place(svg(stamps / "vehicles/flight/planes/plane.svg", 600),
                                ground(320, 270, (70, 130, 210), (0, 0, 0), 1), 0.84, 0.08, 0.16)
    yield "automobile.jpg", crop(Image.open(
        folder / "node-opencv/usr/share/doc/node-opencv/examples/files/car2.jpg"),
        (0.13, 0.05, 0.93, 1))
    yield "bird.jpg", photo("erase.rcc", "kingfisher.webp", (0.15, 0, 0.85, 1))
    yield "cat.jpg", Image.open(
        folder / "python3-skimage/usr/lib/python3/dist-packages/skimage/data/chelsea.png")
    yield "deer.jpg", photo("explore_world_animals.rcc", "moose.webp", (0, 0, 1, 1))
    yield "dog.jpg", photo("explore_farm_animals.rcc", "dog.webp", (0.4, 0, 1, 0.8))
    yield "frog.png", place(Image.open(stamps / "animals/amphibians/frog.png"),
                            ground(280, 240, (0, 0, 0), (132, 140, 96), 0), 0.84, 0.08, 0.22)
    yield "horse.jpg", photo("erase.rcc", "horse.webp", (0.08, 0, 0.76, 1))
    yield "ship.jpg", place(svg(stamps / "vehicles/ship/sail_boat1.svg", 600),
                            ground(320, 260, (90, 150, 215), (40, 90, 130), 0.72), 0.72, 0.14, 0.08)
    yield "truck.png", place(Image.open(stamps / "vehicles/emergency/firetruck.png"),
                             ground(320, 256, (150, 185, 215), (125, 122, 118), 0.66), 0.88, 0.06,
                             0.24)


def main():
    target = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for package in ("tuxpaint-stamps-default", "gcompris-qt-data", "node-opencv",
                        "python3-skimage"):
            unpack(package, folder)
        for file, image in pictures(folder):
            image = image.convert("RGB")
            if image.width > 320:
                image = image.resize((320, round(image.height * 320 / image.width)), Image.LANCZOS)
            if file.endswith(".png"):
                image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target / file,
                                                                            optimize=True)
            else:
                image.save(target / file, quality=88, optimize=True)
            print(file, image.size, (target / file).stat().st_size)


if __name__ == "__main__":
    main()
