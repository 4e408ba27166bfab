#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The photos among the sample pictures, from Debian packages (see models/samples/README.md).

  make_samples.py models/samples

Fetches the packages with `apt-get download` into a temporary folder and unpacks them there; nothing
is installed. Needs python3-pil.
"""
import io
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image

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


def pictures(folder):
    """Name and picture."""
    gcompris = folder / "gcompris-qt-data" / GCOMPRIS
    yield "automobile.jpg", crop(Image.open(
        folder / "node-opencv/usr/share/doc/node-opencv/examples/files/car2.jpg"),
        (0.13, 0.05, 0.93, 1))
    yield "cat.jpg", Image.open(
        folder / "python3-skimage/usr/lib/python3/dist-packages/skimage/data/chelsea.png")
    yield "deer.jpg", Image.open(io.BytesIO(
        qt_resource(gcompris / "explore_world_animals.rcc", "moose.webp")))


def main():
    target = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for package in ("gcompris-qt-data", "node-opencv", "python3-skimage"):
            unpack(package, folder)
        for file, image in pictures(folder):
            image = image.convert("RGB")
            if image.width > 320:
                image = image.resize((320, round(image.height * 320 / image.width)), Image.LANCZOS)
            image.save(target / file, quality=88, optimize=True)
            print(file, image.size, (target / file).stat().st_size)


if __name__ == "__main__":
    main()
