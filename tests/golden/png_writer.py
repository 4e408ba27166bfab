# SPDX-License-Identifier: MIT
"""A PNG encoder with all the variety of the format: every colour type and depth, interlace, any
filter per row, data cut into any chunks. For making test pictures."""
import struct
import zlib

import numpy

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, data=b""):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def pack_rows(samples, depth):
    """[height][width * channels] integers to [height][bytes]."""
    if depth == 16:
        return samples.astype(">u2").view(numpy.uint8)
    if depth == 8:
        return samples.astype(numpy.uint8)
    height, width = samples.shape
    per_byte = 8 // depth
    padded = numpy.zeros((height, -(-width // per_byte) * per_byte), numpy.uint8)
    padded[:, :width] = samples
    packed = numpy.zeros((height, padded.shape[1] // per_byte), numpy.uint8)
    for i in range(per_byte):
        packed |= padded[:, i::per_byte] << (8 - depth * (i + 1))
    return packed


def predict(name, row, above, step):
    """The predictor of filter type `name` for each byte, from the unfiltered bytes."""
    left = numpy.concatenate([numpy.zeros(step, numpy.int32), row])[:len(row)]
    corner = numpy.concatenate([numpy.zeros(step, numpy.int32), above])[:len(row)]
    if name == 0:
        return numpy.zeros_like(row)
    if name == 1:
        return left
    if name == 2:
        return above
    if name == 3:
        return (left + above) // 2
    p = left + above - corner
    a, b, c = abs(p - left), abs(p - above), abs(p - corner)
    return numpy.where((a <= b) & (a <= c), left, numpy.where(b <= c, above, corner))


def filtered(samples, depth, channels, rng):
    rows = pack_rows(samples, depth).astype(numpy.int32)
    step = max(1, channels * depth // 8)
    above = numpy.zeros(rows.shape[1], numpy.int32)
    out = bytearray()
    for row in rows:
        name = rng.randrange(5)
        out.append(name)
        out += ((row - predict(name, row, above, step)) & 255).astype(numpy.uint8).tobytes()
        above = row
    return bytes(out)


def write_png(samples, color_type, depth, rng, interlaced=False, palette=None, before=(), after=(),
              pieces=1, extra=b""):
    """samples: [height][width][channels] integers of `depth` bits. `before` and `after`: chunks
    beside the image data, which are cut into `pieces` IDATs; `extra` follows the pixels inside
    the compressed stream."""
    height, width, channels = samples.shape
    assert channels == CHANNELS[color_type]
    raw = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size > 0:
            raw += filtered(part.reshape(part.shape[0], -1), depth, channels, rng)
    data = zlib.compress(raw + extra, rng.choice([0, 1, 6, 9]))
    out = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0,
                                                 int(interlaced)))
    if palette is not None:
        out += chunk(b"PLTE", bytes(palette))
    out += b"".join(before)
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(pieces - 1))
    for begin, end in zip([0] + cuts, cuts + [len(data)]):
        out += chunk(b"IDAT", data[begin:end])
    return out + b"".join(after) + chunk(b"IEND")
