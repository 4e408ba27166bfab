# SPDX-License-Identifier: MIT
"""Writes tests/data/fuzz/fuzz_model: the smallest model files, one of each form, as seeds for fuzzing
the model reader. Made from FORMAT.md alone, so they also check that others can write such files.

    /usr/bin/python3 tests/golden/make_model_corpus.py
"""
import json
import os
import random
import struct

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "fuzz", "fuzz_model")
CHANNELS, PATCH, GRID, DIM, DEPTH, HEADS, HIDDEN, CLASSES = 1, 1, 1, 2, 1, 1, 6, 2
TOKENS = GRID * GRID + 1
LINEARS = {"attn.qkv": (3 * DIM, DIM), "attn.proj": (DIM, DIM), "mlp.fc1": (HIDDEN, DIM),
           "mlp.fc2": (DIM, HIDDEN)}
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1, "I8": 1}


def shapes(outer, inner):
    """Float tensors of the model, by name."""
    result = {
        "cls_token": [1, 1, DIM], "pos_embed": [1, TOKENS, DIM],
        "patch_embed.proj.weight": [DIM, CHANNELS, PATCH, PATCH], "patch_embed.proj.bias": [DIM],
        "norm.weight": [DIM], "norm.bias": [DIM], "head.weight": [CLASSES, DIM], "head.bias": [CLASSES],
    }
    for block in range(DEPTH):
        for norm in ("norm1", "norm2") if outer else ():
            result[f"blocks.{block}.{norm}.weight"] = result[f"blocks.{block}.{norm}.bias"] = [DIM]
        for linear, (n_out, n_in) in LINEARS.items():
            result[f"blocks.{block}.{linear}.bias"] = [n_out]
            if inner:
                norm = f"blocks.{block}.{linear}.norm"
                result[norm + ".weight"] = result[norm + ".bias"] = [n_in]
    return result


def values(dtype, count, rng):
    if dtype == "U8":
        return bytes(rng.randrange(243) for _ in range(count))
    if dtype == "I8":
        return bytes(rng.randrange(256) for _ in range(count))
    numbers = [rng.choice([-1.5, -0.5, 0.25, 1.0]) for _ in range(count)]
    if dtype == "BF16":
        return b"".join(struct.pack("<f", x)[2:] for x in numbers)
    return struct.pack("<%d%s" % (count, "f" if dtype == "F32" else "e"), *numbers)


def write(name, rest, matrices, outer, inner, row_scales=False):
    rng = random.Random(name)
    tensors = [(key, rest, shape) for key, shape in shapes(outer, inner).items()]
    encodings = {}
    for block in range(DEPTH):
        for linear, (n_out, n_in) in LINEARS.items():
            prefix = f"blocks.{block}.{linear}"
            encodings[prefix + ".weight"] = {"type": matrices, "n_in": n_in, "n_out": n_out}
            if matrices == "trit":
                tensors.append((prefix + ".weight", "U8", [-(-n_in // 5) * n_out]))
            else:
                tensors.append((prefix + ".weight", matrices.upper(), [n_out, n_in]))
            if matrices in ("trit", "i8"):
                tensors.append((prefix + ".scale", "F32", [n_out if row_scales else 1]))
    header = {"__metadata__": {
        "format": "vit158", "format_version": "1", "heads": str(HEADS), "mean": "0.5", "std": "0.25",
        "labels": json.dumps(["a", "\u00e4"]), "encodings": json.dumps(encodings),
    }}
    data = b""
    for key, dtype, shape in tensors:
        count = 1
        for side in shape:
            count *= side
        part = values(dtype, count, rng)
        if key.endswith(".scale"):
            part = struct.pack("<%df" % count, *[0.5] * count)
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


os.makedirs(OUT, exist_ok=True)
write("trit-6-f32", "F32", "trit", True, True)
write("trit-4-f16", "F16", "trit", False, True, row_scales=True)
write("trit-2-bf16", "BF16", "trit", True, False)
write("i8-6-f16", "F16", "i8", True, True, row_scales=True)
write("f32-4", "F32", "f32", False, True)
write("f16-2", "F16", "f16", True, False)
write("bf16-6", "BF16", "bf16", True, True)
