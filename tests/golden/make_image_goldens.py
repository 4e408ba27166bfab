#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Test pictures of every kind and what Pillow decodes them to, for test_image_decode.c.

  make_image_goldens.py --write tests/data/images build/native/test_image_decode
  make_image_goldens.py --check build/native/test_image_decode --count 300 --seed 5

--write makes the pictures and decode_goldens.txt, a line each: file, width, height, bytes a pixel,
SHA-256 of our pixels (for PNG and WebP it must equal Pillow's), largest difference from Pillow, and for JPEG
the file with Pillow's pixels. --check compares random pictures. Exit code 77: Pillow is missing.
"""
import argparse
import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    import numpy
    from PIL import Image, ImageOps
except ImportError as missing:
    print(f"SKIPPED: {missing} (Debian: python3-pil python3-numpy)", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

from png_writer import CHANNELS, SIGNATURE, chunk, write_png

# Inverse transform, chroma interpolation and colour matrix are stb_image's, not libjpeg's.
JPEG_TOLERANCE = 4


def scene(width, height, seed=0):
    """A smooth coloured picture without symmetry: sky, sun, hill, stripes."""
    rng = random.Random(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    picture = numpy.stack([90 + 120 * v, 130 + 60 * u, 220 - 90 * v], axis=-1)
    sun = (u - 0.25 - 0.1 * rng.random()) ** 2 + (v - 0.3) ** 2 < 0.03
    picture[sun] = [250, 220, 60]
    hill = v > 0.65 + 0.15 * numpy.sin(4 * u + rng.random())
    picture[hill] = [40, 120, 50]
    stripes = hill & ((x + 2 * y).astype(int) % 8 < 3)
    picture[stripes] = [150, 60, 40]
    return picture.astype(numpy.uint8)


def exif(orientation, big_endian=False, kind=3):
    order = ">" if big_endian else "<"
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *([orientation, 0] if kind == 3 else
                                                               [orientation]))
    entries = [struct.pack(order + "HHI", 0x0100, 3, 1) + struct.pack(order + "HH", 7, 0),
               struct.pack(order + "HHI", 0x0112, kind, 1) + value]
    head = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)


def jpeg(picture, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def cjpeg(picture, *options):
    height, width = picture.shape[:2]
    ppm = b"P6 %d %d 255\n" % (width, height) + picture.tobytes()
    return subprocess.run(["cjpeg", *options], input=ppm, stdout=subprocess.PIPE, check=True).stdout


def segment_at(data, marker):
    """Offset of the first segment of this marker after SOI."""
    at = 2
    while data[at + 1] != marker:
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return at


def as_rgb_jpeg(data):
    """A 4:4:4 YCbCr file relabelled as RGB: component ids 'R', 'G', 'B' and no JFIF segment."""
    app0 = segment_at(data, 0xE0)
    data = bytearray(data[:app0] + data[app0 + 18:])
    frame, scan = segment_at(data, 0xC0), segment_at(data, 0xDA)
    for i, letter in enumerate(b"RGB"):
        data[frame + 10 + 3 * i] = letter
        data[scan + 5 + 2 * i] = letter
    return bytes(data)


def as_ycck(data):
    """A CMYK file relabelled as YCCK by the Adobe segment's transform."""
    at = segment_at(data, 0xEE)
    return data[:at + 15] + b"\2" + data[at + 16:]


def jpeg_files():
    small, odd = scene(48, 36), scene(37, 29, 1)
    yield "baseline_444.jpg", jpeg(odd, quality=92, subsampling=0)
    yield "baseline_422.jpg", jpeg(odd, quality=92, subsampling=1)
    yield "baseline_420.jpg", jpeg(odd, quality=92, subsampling=2)
    # Colours from pixel to pixel: the last columns and narrow pictures have rules of their own.
    noise = numpy.random.default_rng(21).integers(0, 256, (16, 12, 3)).astype(numpy.uint8)
    yield "noise_422.jpg", jpeg(noise, quality=95, subsampling=1)
    for width in (2, 3, 4):
        yield f"narrow_{width}_422.jpg", jpeg(noise[:, :width], quality=95, subsampling=1)
        yield f"narrow_{width}_420.jpg", jpeg(noise[:, :width], quality=95, subsampling=2)
    yield "sampling_1x2.jpg", cjpeg(odd, "-quality", "92", "-sample", "1x2")
    yield "sampling_4x1.jpg", cjpeg(odd, "-quality", "92", "-sample", "4x1")
    yield "restarts.jpg", cjpeg(small, "-quality", "85", "-restart", "2B")
    yield "low_quality.jpg", jpeg(small, quality=12)
    yield "one_pixel.jpg", jpeg(small[:1, :1])
    yield "progressive.jpg", jpeg(odd, quality=90, progressive=True)
    yield "progressive_420.jpg", jpeg(small, quality=80, subsampling=2, progressive=True)
    yield "grey.jpg", jpeg(odd, "L", quality=90)
    yield "grey_progressive.jpg", jpeg(odd, "L", quality=90, progressive=True)
    yield "cmyk.jpg", jpeg(small, "CMYK", quality=92)
    yield "ycck.jpg", as_ycck(jpeg(small, "CMYK", quality=92))
    yield "rgb_components.jpg", as_rgb_jpeg(jpeg(small, quality=92, subsampling=0))
    for orientation in range(1, 9):
        kind = 4 if orientation == 7 else 3
        block = b"Exif\0\0" + exif(orientation, orientation % 2 == 0, kind)
        yield f"orientation_{orientation}.jpg", jpeg(scene(40, 24, 2), quality=90, exif=block)
    yield "orientation_9.jpg", jpeg(scene(40, 24, 2), quality=90, exif=b"Exif\0\0" + exif(9))
    yield "trailing_bytes.jpg", jpeg(small) + b"thumbnail and other things"
    comment = bytes([0xFF, 0xFE, 0, 6]) + b"\xff\xd9\xff\xda"
    plain = jpeg(small)
    yield "comment_padding.jpg", plain[:2] + comment + bytes(3) + plain[2:]


def random_samples(width, height, color_type, depth, rng, colors=0):
    """A scene with noise in its low bits, in the samples of a colour type."""
    picture = scene(width, height, rng.randrange(100)).astype(numpy.int64)
    noise = numpy.random.default_rng(rng.randrange(1 << 30))
    if color_type in (0, 4):
        base = picture[:, :, :1]
    elif color_type == 3:
        base = noise.integers(0, max(colors, 1), (height, width, 1))
        return base
    else:
        base = picture
    base = (base + noise.integers(-3, 4, base.shape)).clip(0, 255)
    if CHANNELS[color_type] in (2, 4):
        base = numpy.concatenate([base, noise.integers(0, 256, (height, width, 1))], axis=2)
    if depth == 16:
        return base * 256 + noise.integers(0, 256, base.shape)
    return base >> (8 - depth)


def random_palette(count, rng):
    return [rng.randrange(256) for _ in range(3 * count)]


def png_kinds():
    for color_type, depths in [(0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)),
                               (4, (8, 16)), (6, (8, 16))]:
        for depth in depths:
            yield color_type, depth


def transparency(color_type, depth):
    """A tRNS chunk that makes some of the pixels transparent; it must change nothing."""
    if color_type == 3:
        return chunk(b"tRNS", bytes([0, 128]))
    return chunk(b"tRNS", struct.pack(">H", (1 << depth) - 1) * CHANNELS[color_type])


def png_files():
    rng = random.Random(4)
    names = {0: "grey", 2: "rgb", 3: "indexed", 4: "grey_alpha", 6: "rgba"}
    for color_type, depth in png_kinds():
        for interlaced in (False, True):
            colors = min(1 << depth, 200) if color_type == 3 else 0
            samples = random_samples(19, 17, color_type, depth, rng, colors)
            palette = random_palette(colors, rng) if colors else None
            before = [transparency(color_type, depth)] if color_type in (0, 2, 3) else []
            name = f"{names[color_type]}_{depth}{'_interlaced' if interlaced else ''}.png"
            yield name, write_png(samples, color_type, depth, rng, interlaced, palette, before)
    picture = scene(31, 22, 5).astype(numpy.int64)
    yield "many_idats.png", write_png(picture, 2, 8, rng, pieces=40)
    yield "extra_data.png", write_png(picture, 2, 8, rng, extra=bytes(300))
    text = [chunk(b"tEXt", b"Comment\0IDAT and IEND"), chunk(b"gAMA", struct.pack(">I", 45455)),
            chunk(b"zzZz", bytes(5))]
    yield "other_chunks.png", write_png(picture, 2, 8, rng, before=text, after=text[:1],
                                        palette=random_palette(3, rng))
    frames = [chunk(b"fcTL", struct.pack(">IIIIIHHBB", i, 31, 22, 0, 0, 1, 10, 0, 0))
              for i in range(2)]
    second = struct.pack(">I", 2) + zlib.compress(bytes((1 + 31 * 3) * 22))
    yield "animated.png", write_png(
        picture, 2, 8, rng, before=[chunk(b"acTL", struct.pack(">II", 2, 0)), frames[0]],
        after=[frames[1], chunk(b"fdAT", second)])
    for orientation in (3, 6, 8):
        block = chunk(b"eXIf", exif(orientation, orientation == 6))
        yield f"orientation_{orientation}.png", write_png(picture, 2, 8, rng, before=[block])
    for width, height in [(1, 1), (1, 9), (9, 1), (3, 2)]:
        yield f"size_{width}x{height}.png", write_png(
            random_samples(width, height, 2, 8, rng), 2, 8, rng, interlaced=True)
    yield "trailing_bytes.png", write_png(picture[:9], 2, 8, rng) + b"\0\0\0\1what"


def webp(picture, **options):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "WEBP", method=6, **options)
    return out.getvalue()


def with_alpha(picture, seed=0):
    alpha = numpy.random.default_rng(seed).integers(0, 256, picture.shape[:2] + (1,))
    return numpy.concatenate([picture, alpha.astype(numpy.uint8)], axis=2)


def riff(name, data):
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def webp_file(*chunks):
    return riff(b"RIFF", b"WEBP" + b"".join(chunks))


def canvas(flags, width, height):
    return riff(b"VP8X", struct.pack("<I", flags) + struct.pack("<I", width - 1)[:3] +
                struct.pack("<I", height - 1)[:3])


def frame(x, y, picture, **options):
    """An ANMF chunk with one image."""
    height, width = picture.shape[:2]
    numbers = (x // 2, y // 2, width - 1, height - 1, 100)
    place = b"".join(struct.pack("<I", number)[:3] for number in numbers) + b"\0"
    return riff(b"ANMF", place + webp(picture, **options)[12:])


def webp_files():
    odd, small = scene(37, 29, 1), scene(24, 18, 3)
    yield "lossy.webp", webp(odd, quality=80)
    yield "lossy_low.webp", webp(odd, quality=3)
    yield "lossless.webp", webp(odd, lossless=True)
    yield "lossless_few.webp", webp(odd // 128 * 100, lossless=True)
    yield "lossy_alpha.webp", webp(with_alpha(odd), quality=70, exact=True)
    yield "lossless_alpha.webp", webp(with_alpha(odd), lossless=True, exact=True)
    yield "one_pixel.webp", webp(odd[:1, :1], quality=90)
    for orientation in (3, 6, 8):
        yield f"orientation_{orientation}.webp", webp(small, lossless=True, exif=exif(orientation))
    words = b"Exif\0\0" + exif(6)
    yield "orientation_words.webp", webp_file(canvas(8, 24, 18), webp(small, lossless=True)[12:],
                                              riff(b"EXIF", words))
    yield "other_chunks.webp", webp(odd, quality=60, icc_profile=bytes(129), xmp=b"<x/>") + b"after"
    yield "animated.webp", webp_file(
        canvas(2, 41, 33), riff(b"ANIM", bytes([9, 8, 7, 255, 0, 0])),
        frame(4, 6, small, lossless=True), frame(0, 0, odd, quality=50))


def pillow_pixels(data):
    """[height][width][1 or 3]: upright, alpha dropped."""
    warnings.simplefilter("ignore")  # of transparency that convert("RGB") drops
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode in ("I", "I;16"):  # 16-bit grey: Pillow keeps 16 bits, we the high byte
        return (numpy.asarray(image.convert("I"))[:, :, None] >> 8).astype(numpy.uint8)
    pixels = numpy.asarray(image.convert("RGB"))
    png_grey = data.startswith(SIGNATURE) and data[25] in (0, 4)
    return pixels[:, :, :1] if png_grey or image.mode == "L" else pixels


def our_pixels(program, data):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
        with open(source, "wb") as file:
            file.write(data)
        subprocess.run([program, source, target], check=True)
        with open(target, "rb") as file:
            kind, width, height, _ = (file.readline() + file.readline() + file.readline()).split()
            shape = (int(height), int(width), 3 if kind == b"P6" else 1)
            return numpy.frombuffer(file.read(), numpy.uint8).reshape(shape)


def compare(ours, theirs):
    if ours.shape != theirs.shape:
        return 999
    return int(abs(ours.astype(int) - theirs.astype(int)).max(initial=0))


def write_pnm(path, pixels):
    height, width, channels = pixels.shape
    with open(path, "wb") as file:
        file.write(b"P%d\n%d %d\n255\n" % (6 if channels == 3 else 5, width, height))
        file.write(pixels.tobytes())


def write_all(folder, program):
    lines = []
    for name, data in [*jpeg_files(), *png_files(), *webp_files()]:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
        ours, theirs = our_pixels(program, data), pillow_pixels(data)
        height, width, channels = theirs.shape
        difference = compare(ours, theirs)
        print(f"{name}: largest difference {difference}")
        digest = hashlib.sha256(ours.tobytes()).hexdigest()
        reference = ""
        if name.endswith(".jpg"):
            reference = " " + name[:-4] + (".ppm" if channels == 3 else ".pgm")
            write_pnm(os.path.join(folder, reference.strip()), theirs)
        lines.append(f"{name} {width} {height} {channels} {digest} {difference}{reference}\n")
    with open(os.path.join(folder, "decode_goldens.txt"), "w", encoding="ascii") as file:
        file.writelines(lines)


def random_png(rng):
    color_type, depth = rng.choice(list(png_kinds()))
    width, height = rng.randint(1, 70), rng.randint(1, 50)
    colors = rng.randint(1, 1 << depth) if color_type == 3 else 0
    before = []
    if color_type in (0, 2, 3) and colors != 1 and rng.random() < 0.3:
        before.append(transparency(color_type, depth))
    if rng.random() < 0.3:
        before.append(chunk(b"eXIf", exif(rng.randint(1, 8), rng.random() < 0.5)))
    samples = random_samples(width, height, color_type, depth, rng, colors)
    palette = random_palette(colors, rng) if colors else None
    return write_png(samples, color_type, depth, rng, rng.random() < 0.4, palette, before,
                     pieces=rng.randint(1, 5))


def random_jpeg(rng):
    picture = scene(rng.randint(1, 120), rng.randint(1, 90), rng.randrange(1000))
    options = {"quality": rng.randint(5, 100), "progressive": rng.random() < 0.4,
               "subsampling": rng.choice([0, 1, 2])}
    if rng.random() < 0.3:
        options["exif"] = b"Exif\0\0" + exif(rng.randint(1, 8), rng.random() < 0.5)
    return jpeg(picture, rng.choice(["RGB", "RGB", "L", "CMYK"]), **options)


def random_webp(rng):
    picture = scene(rng.randint(1, 120), rng.randint(1, 90), rng.randrange(1000))
    if rng.random() < 0.4:
        picture = with_alpha(picture, rng.randrange(1000))
    options = {"lossless": rng.random() < 0.5, "quality": rng.randint(0, 100),
               "exact": rng.random() < 0.5}
    if rng.random() < 0.3:
        options["exif"] = exif(rng.randint(1, 8), rng.random() < 0.5)
    return webp(picture, **options)


def check_random(program, count, seed):
    rng = random.Random(seed)
    makers = [("PNG", random_png), ("JPEG", random_jpeg), ("WebP", random_webp)]
    worst, failures = {kind: 0 for kind, _ in makers}, 0
    for i in range(count):
        kind, make = makers[i % len(makers)]
        data = make(rng)
        difference = compare(our_pixels(program, data), pillow_pixels(data))
        worst[kind] = max(worst[kind], difference)
        if difference > (JPEG_TOLERANCE if kind == "JPEG" else 0):
            failures += 1
            print(f"picture {i} of seed {seed} ({kind}): differs from Pillow by {difference}")
    print(f"{count} pictures of seed {seed}, Pillow {Image.__version__}: largest difference "
          + ", ".join(f"{kind} {found}" for kind, found in worst.items()))
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", metavar="FOLDER")
    parser.add_argument("--check", metavar="PROGRAM")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    if options.write:
        write_all(options.write, options.program)
        return 0
    return check_random(options.check, options.count, options.seed)


if __name__ == "__main__":
    sys.exit(main())
