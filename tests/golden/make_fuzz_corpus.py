# SPDX-License-Identifier: MIT
"""Writes the seeds in tests/data/fuzz that are no models: golden files, files of own classes, JSON,
recipes, training images, and JPEGs whose faults decoders look past.

    /usr/bin/python3 tests/golden/make_fuzz_corpus.py
"""
import gzip
import io
import json
import os
import struct

from PIL import Image

FUZZ = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "fuzz")
HASH = "0123456789abcdef" * 4


def write(target, name, content):
    os.makedirs(os.path.join(FUZZ, target), exist_ok=True)
    with open(os.path.join(FUZZ, target, name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def golden(steps, logits):
    image = {"file": "a.png", "sha256": HASH, "top1": {"index": 1, "label": "b \u00e4 \"c\""},
             "logits_sha256": HASH, "steps": {step: HASH for step in steps}, "logits": logits}
    return json.dumps({"format": "vit158-golden", "format_version": 1, "numerics_version": 1,
                       "model": {"file": "m.safetensors", "sha256": HASH}, "pictures": [image, image]})


write("fuzz_golden", "two", golden(["preprocess", "embed", "blocks.0.attn", "blocks.0.mlp"], [0.5, -1.25e-3]))
write("fuzz_golden", "numbers", golden(["preprocess"], [0, 1e30, -0.0, 3.4028235e38, 1e-45]))


def classes(method, **more):
    return json.dumps({"format": "vit158-classes", "format_version": 2, "model": {"name": "m", "sha256": HASH},
                       "dim": 3, "method": method, **more, "classes": [
                           {"name": "a", "vectors": [[1, 0, 0.5], [0.5, -1e-3, 2]]},
                           {"name": "\u00e4\"", "vectors": []},
                           {"name": "c", "vectors": [[0, 1, 0]], "thumbnails": ["AAAA"]}]})


write("fuzz_classes", "centroid", classes("centroid"))
write("fuzz_classes", "neighbours", classes("neighbours", unlike=0.25))

write("fuzz_json", "values", '{"a":[1,-2.5e+10,0.1E-7,true,false,null,"\\u00e4\\ud83d\\ude00\\n"],"":{}}')
write("fuzz_json", "numbers", "[0,-0,1e22,1e23,9007199254740993,4.9e-324,1.7976931348623157e308,0.30000000000000004]")
write("fuzz_json", "nested", "[" * 12 + "]" * 12)
write("fuzz_json", "text", '"\u0000\u00e9\u20ac\U0001f600"'.replace("\u0000", "\\u0001"))

write("fuzz_recipe", "small", "name = a\ntrain_data = t\ndim = 64\nmean = 0.5 0.25\nlr = 1e-3 # rate\nseed = 7\n"
      "optimiser = adamw\nbatch = 8\nmicrobatch = 4\nepochs = 2\n")
write("fuzz_recipe", "teacher", "train_data=t\nteacher = a,b\nteacher_epochs = 2\nteacher_shift = 1\nlabels = a,b\n")

images = struct.pack(">IIII", 0x803, 2, 2, 2) + bytes(range(8))
labels = struct.pack(">II", 0x801, 2) + bytes([1, 0])
write("fuzz_data", "idx", b"\x00" + struct.pack("<H", len(labels)) + labels + images)
packed = gzip.compress(labels, mtime=0)
write("fuzz_data", "idx-gzip", b"\x00" + struct.pack("<H", len(packed)) + packed + gzip.compress(images, mtime=0))
write("fuzz_data", "cifar", b"\x01" + bytes([9]) + bytes(3072))
write("fuzz_data", "cache", b"\x02" + b"VIT158DS" + struct.pack("<6I", 1, 2, 1, 2, 2, 4) + b"a\0b\0"
      + struct.pack("<2H", 1, 0) + bytes(range(8)))


def jpeg(mode="RGB", size=(17, 9), **options):
    image = Image.new(mode, size)
    image.putdata([tuple((x * 7 + c * 80) % 256 for c in range(len(mode))) if len(mode) > 1 else x % 256
                   for x in range(size[0] * size[1])])
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def without(data, marker):
    """The JPEG without its segments of that marker."""
    out, at = data[:2], 2
    while data[at + 1] != 0xDA:
        length = 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        out += b"" if data[at + 1] == marker else data[at:at + length]
        at += length
    return out + data[at:]


small = jpeg(quality=50)
table = small.index(b"\xff\xdb")
write("fuzz_image", "no-tables.jpg", without(small, 0xC4))
write("fuzz_image", "ff00.jpg", small[:table] + b"\xff\x00" + small[table:])
write("fuzz_image", "zeros.jpg", small[:table] + b"\0\0\0" + small[table:])
write("fuzz_image", "trailer.jpg", small + b"trailer")
write("fuzz_image", "cmyk-no-adobe.jpg", without(jpeg("CMYK"), 0xEE))
write("fuzz_image", "422.jpg", jpeg(subsampling=1, quality=30))
write("fuzz_image", "progressive.jpg", jpeg(progressive=True, quality=40))
write("fuzz_image", "restarts.jpg", jpeg(quality=40, size=(33, 17), restart_marker_blocks=1))
