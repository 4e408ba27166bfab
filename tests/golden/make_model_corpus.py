# SPDX-License-Identifier: MIT
"""Writes tests/data/fuzz/fuzz_model and fuzz_pack: the smallest model files, one of each form, as seeds
for fuzzing the model reader and the packer. Made from FORMAT.md alone, so they also check that others can write such files.

    /usr/bin/python3 tests/golden/make_model_corpus.py
"""
import json
import os
import random
import struct

FUZZ = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "fuzz")
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


def store(folder, name, header, tensors, rng):
    """Values for the tensors, and the file."""
    data = b""
    for key, dtype, shape in tensors:
        count = 1
        for side in shape:
            count *= side
        part = values(dtype, count, rng)
        if key.endswith((".scale", ".step")):
            part = struct.pack("<%d%s" % (count, "e" if dtype == "F16" else "f"), *[0.5] * count)
        if key.endswith(".rows"):
            part = bytes([2] * count)
        if dtype == "I8":
            part = bytes(129 if byte == 128 else byte for byte in part)  # -127 is the least
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    os.makedirs(os.path.join(FUZZ, folder), exist_ok=True)
    with open(os.path.join(FUZZ, folder, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


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
    store("fuzz_model", name, header, tensors, rng)


def write_newer(name, counts_shape):
    """Format version 2: two rows an output, F16 scales, steps, int8 patch, head and positions."""
    rng = random.Random(name)
    tensors = [(key, "F16", shape) for key, shape in shapes(True, True).items()]
    encodings = {}
    for key, n_out in ("patch_embed.proj", DIM), ("head", CLASSES), ("pos_embed", TOKENS):
        weight = key if key == "pos_embed" else key + ".weight"
        tensors = [(k, "I8" if k == weight else d, shape) for k, d, shape in tensors]
        tensors.append((key + ".scale", "F16", [n_out]))
        encodings[weight] = {"type": "i8", "n_in": CHANNELS * PATCH * PATCH if n_out == DIM and key[0] == "p"
                             and key != "pos_embed" else DIM, "n_out": n_out}
    for linear, (n_out, n_in) in LINEARS.items():
        prefix = f"blocks.0.{linear}"
        encodings[prefix + ".weight"] = {"type": "trit", "n_in": n_in, "n_out": n_out, "rows": 2 * n_out}
        tensors += [(prefix + ".weight", "U8", [-(-n_in // 5) * 2 * n_out]),
                    (prefix + ".scale", "F16", [2 * n_out]), (prefix + ".step", "F32", [1]),
                    (prefix + ".rows", "U8", [1 if counts_shape == "one" else n_out])]
    header = {"__metadata__": {
        "format": "vit158", "format_version": "2", "heads": str(HEADS), "mean": "0.5", "std": "0.25",
        "resize_mode": "squash", "unsure": "0.5", "encodings": json.dumps(encodings),
    }}
    store("fuzz_model", name, header, tensors, rng)


def write_uneven(name):
    """Format version 2: two blocks of other widths, heads of a size of their own."""
    rng = random.Random(name)
    head_dim, encodings = 1, {}
    tensors = [(key, "F16", shape) for key, shape in shapes(True, False).items() if not key.startswith("blocks.")]
    for block, (heads, hidden) in enumerate([(1, 5), (2, 3)]):
        width = heads * head_dim
        for norm in ("norm1", "norm2"):
            tensors += [(f"blocks.{block}.{norm}.{part}", "F16", [DIM]) for part in ("weight", "bias")]
        for linear, (n_out, n_in) in {"attn.qkv": (3 * width, DIM), "attn.proj": (DIM, width),
                                      "mlp.fc1": (hidden, DIM), "mlp.fc2": (DIM, hidden)}.items():
            prefix = f"blocks.{block}.{linear}"
            encodings[prefix + ".weight"] = {"type": "f16", "n_in": n_in, "n_out": n_out}
            tensors += [(prefix + ".weight", "F16", [n_out, n_in]), (prefix + ".bias", "F16", [n_out])]
    header = {"__metadata__": {
        "format": "vit158", "format_version": "2", "heads": "2", "head_dim": str(head_dim), "mlp_dim": "5",
        "mean": "0.5", "std": "0.25", "encodings": json.dumps(encodings),
    }}
    store("fuzz_model", name, header, tensors, rng)


def write_trained(name, inner, metadata):
    """What a trainer writes, for the packer: latent weights, or a plain float checkpoint."""
    rng = random.Random(name)
    tensors = [(key, "F32", shape) for key, shape in shapes(True, inner).items()]
    for linear, (n_out, n_in) in LINEARS.items():
        tensors.append((f"blocks.0.{linear}.weight", "F32", [n_out, n_in]))
    store("fuzz_pack", name, {"__metadata__": metadata}, tensors, rng)


write_uneven("uneven")
write("trit-6-f32", "F32", "trit", True, True)
write("trit-4-f16", "F16", "trit", False, True, row_scales=True)
write("trit-2-bf16", "BF16", "trit", True, False)
write("i8-6-f16", "F16", "i8", True, True, row_scales=True)
write("f32-4", "F32", "f32", False, True)
write("f16-2", "F16", "f16", True, False)
write("bf16-6", "BF16", "bf16", True, True)
write_newer("sums-one", "one")
write_newer("sums-each", "each")
MEAN = {"heads": "1", "mean": "0.5", "std": "0.5"}
write_trained("latent", True, dict(MEAN, architecture="vit-1.58b"))
write_trained("float", False, dict(MEAN, weights="float"))
write_trained("foreign", False, {"format": "pt"})
