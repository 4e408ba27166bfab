# SPDX-License-Identifier: MIT
"""Writes tests/data/pack/bootstrap_codes.txt: what packing the CIFAR-10 bootstrap checkpoint must
give, computed by numpy from METHODS of the ViT-1.58b weight quantizer and FORMAT.md alone.

    /usr/bin/python3 tests/golden/make_pack_goldens.py      (Debian's python3-numpy)

Reads ../shared/checkpoints/cifar10-bootstrap.safetensors, or the same below $VIT158_SHARED. One line
a matrix: name, bits of the F32 scale in hexadecimal, SHA-256 of the code bytes.
"""
import hashlib
import json
import os
import struct

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SHARED = os.environ.get("VIT158_SHARED", os.path.join(ROOT, "..", "shared"))
OUT = os.path.join(ROOT, "tests", "data", "pack", "bootstrap_codes.txt")
LINEARS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors


def absmean(w):
    """Double sums, each row by itself, rows in order; cumsum adds strictly one after the other."""
    rows = np.cumsum(np.abs(w.astype(np.float64)), axis=1)[:, -1]
    return np.float32(max(np.cumsum(rows)[-1] / w.size, 1e-5))


def codes(w, m):
    trits = np.clip(np.rint(w * (np.float32(1) / m)), -1, 1).astype(int)  # rint: half to even
    n_out, n_in = w.shape
    groups = -(-n_in // 5)
    padded = np.zeros((n_out, groups * 5), int)
    padded[:, :n_in] = trits
    by_group = ((padded + 1).reshape(n_out, groups, 5) * [1, 3, 9, 27, 81]).sum(-1)
    return b"".join(by_group[:, first:first + 4].astype(np.uint8).tobytes()
                    for first in range(0, groups, 4))


def main():
    tensors = read(os.path.join(SHARED, "checkpoints", "cifar10-bootstrap.safetensors"))
    blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as out:
        for block in range(blocks):
            for linear in LINEARS:
                name = f"blocks.{block}.{linear}.weight"
                m = absmean(tensors[name])
                digest = hashlib.sha256(codes(tensors[name], m)).hexdigest()
                out.write(f"{name} {m.view(np.uint32):08x} {digest}\n")


main()
