# SPDX-License-Identifier: MIT
"""Writes the seeded tiny models of tests/data/tiny and what PyTorch computes with them.

    /usr/bin/python3 tests/golden/make_tiny_goldens.py      (Debian's python3-torch)

Six models: ternary and float matrices, each with 6, 4 or 2 norms a block. `<name>.safetensors` is
the model as vit158 reads it (trit codes packed here, from FORMAT.md alone); `latent-6.safetensors`
holds the float weights that ternary-6 was quantized from. `<name>.golden` is little-endian float32,
computed in float64: the input [3][S][S]; the residual stream [N][d] after each step (embed, then
each block's attention and MLP half); the embedding [d]; the logits [C]; the class token's attention
[L][H][N]; the attention rollout of the class token [N].

A rounding that falls on the other side is no error, but would hide one: seeds are tried until no
activation lies within MARGIN of a rounding boundary, so an exact tolerance can be tested.
"""
import json
import os
import struct

import torch
import torch.nn.functional as F

S, P, D, H, L, HIDDEN, C = 20, 4, 24, 3, 2, 44, 7
N = (S // P) ** 2 + 1
NORM_EPS, INNER_EPS = 1e-6, 1e-5
MARGIN = 2.5e-4
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "tiny")
LINEARS = {"attn.qkv": (3 * D, D), "attn.proj": (D, D), "mlp.fc1": (HIDDEN, D), "mlp.fc2": (D, HIDDEN)}


def make_weights(norms, generator):
    """Float weights by tensor name; latent ones of the ternary matrices too."""

    def normal(std, *shape):
        return torch.randn(*shape, generator=generator) * std

    def norm(weights, name, n):
        weights[name + ".weight"] = 1 + normal(0.2, n)
        weights[name + ".bias"] = normal(0.1, n)

    weights = {
        "cls_token": normal(0.5, 1, 1, D),
        "pos_embed": normal(0.5, 1, N, D),
        "patch_embed.proj.weight": normal(0.15, D, 3, P, P),
        "patch_embed.proj.bias": normal(0.1, D),
        "head.weight": normal(0.5, C, D),
        "head.bias": normal(0.1, C),
    }
    norm(weights, "norm", D)
    for block in range(L):
        prefix = f"blocks.{block}."
        if norms != 4:
            norm(weights, prefix + "norm1", D)
            norm(weights, prefix + "norm2", D)
        for name, (n_out, n_in) in LINEARS.items():
            weights[prefix + name + ".weight"] = normal(0.3, n_out, n_in)
            weights[prefix + name + ".bias"] = normal(0.1, n_out)
            if norms != 2:
                norm(weights, prefix + name + ".norm", n_in)
    return weights


def absmean(w):
    return torch.clamp(w.double().abs().mean().float(), min=1e-5)


def trits(w):
    return torch.clamp(torch.round(w * (1 / absmean(w))), -1, 1)


class Forward:
    """METHODS of the ViT-1.58b reference in float64; remembers the closest rounding."""

    def __init__(self, weights, ternary):
        self.w = {name: tensor.double() for name, tensor in weights.items()}
        self.latent = weights
        self.ternary = ternary
        self.margin = 1.0

    def layernorm(self, x, name, eps):
        if name + ".weight" not in self.w:
            return x
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], eps)

    def linear(self, x, name):
        x = self.layernorm(x, name + ".norm", INNER_EPS)
        bias = self.w[name + ".bias"]
        if not self.ternary:
            return F.linear(x, self.w[name + ".weight"], bias)
        latent = self.latent[name + ".weight"]
        a = x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
        scaled = x * (127 / a)
        q = torch.round(scaled)
        self.margin = min(self.margin, (0.5 - (scaled - q).abs()).min().item())
        return F.linear(q, trits(latent).double()) * (absmean(latent).double() * a / 127) + bias

    def attention(self, x, name):
        q, k, v = self.linear(x, name + ".qkv").reshape(N, 3, H, D // H).permute(1, 2, 0, 3)
        p = (q @ k.transpose(-2, -1) * (D // H) ** -0.5).softmax(-1)
        self.probabilities.append(p)
        return self.linear((p @ v).transpose(0, 1).reshape(N, D), name + ".proj")

    def run(self, image):
        """The parts of a golden, in its order."""
        self.probabilities = []
        patches = F.conv2d(image[None].double(), self.w["patch_embed.proj.weight"],
                           self.w["patch_embed.proj.bias"], stride=P)[0].flatten(1).T
        x = torch.cat([self.w["cls_token"][0], patches]) + self.w["pos_embed"][0]
        parts = [image.double(), x]
        for block in range(L):
            prefix = f"blocks.{block}."
            x = x + self.attention(self.layernorm(x, prefix + "norm1", NORM_EPS), prefix + "attn")
            parts.append(x)
            y = self.linear(self.layernorm(x, prefix + "norm2", NORM_EPS), prefix + "mlp.fc1")
            x = x + self.linear(F.gelu(y), prefix + "mlp.fc2")
            parts.append(x)
        embedding = self.layernorm(x, "norm", NORM_EPS)[0]
        logits = F.linear(embedding, self.w["head.weight"], self.w["head.bias"])
        rollout = torch.eye(N, dtype=torch.float64)
        for p in self.probabilities:
            mixed = p.mean(0) + torch.eye(N, dtype=torch.float64)
            rollout = (mixed / mixed.sum(-1, keepdim=True)) @ rollout
        attention = torch.stack([p[:, 0] for p in self.probabilities])
        return parts + [embedding, logits, attention, rollout[0]]


def pack(w):
    """Trit codes: blocks of four groups side by side, then the remaining groups."""
    n_out, n_in = w.shape
    groups = -(-n_in // 5)
    padded = torch.zeros(n_out, groups * 5, dtype=torch.int64)
    padded[:, :n_in] = trits(w).long()
    codes = ((padded + 1).reshape(n_out, groups, 5) * torch.tensor([1, 3, 9, 27, 81])).sum(-1)
    return bytes(code for first in range(0, groups, 4)
                 for code in codes[:, first:first + 4].reshape(-1).tolist())


def matrices(weights):
    """The four matrices of each block."""
    return [name for name in weights if name.endswith(tuple(f"{linear}.weight" for linear in LINEARS))]


def encodings(weights, kind):
    return {name: {"type": kind, "n_in": weights[name].shape[1], "n_out": weights[name].shape[0]}
            for name in matrices(weights)}


def float_tensors(weights):
    return [(name, "F32", list(w.shape), float_bytes(w)) for name, w in weights.items()]


def packed_tensors(weights):
    tensors = []
    for name, w in weights.items():
        if name in matrices(weights):
            codes = pack(w)
            tensors.append((name, "U8", [len(codes)], codes))
            tensors.append((name[:-len("weight")] + "scale", "F32", [1], float_bytes(absmean(w))))
        else:
            tensors.append((name, "F32", list(w.shape), float_bytes(w)))
    return tensors


def float_bytes(tensor):
    return tensor.float().numpy().astype("<f4").tobytes()


def write_safetensors(path, tensors, encoded, seed):
    """`tensors`: (name, dtype, shape, bytes). Floats first, so that everything is aligned."""
    metadata = {
        "image_size": S, "patch_size": P, "channels": 3, "dim": D, "depth": L, "heads": H,
        "mlp_dim": HIDDEN, "classes": C, "pooling": "cls", "norm_eps": NORM_EPS,
        "inner_norm_eps": INNER_EPS, "labels": json.dumps([f"class {i}" for i in range(C)]),
        "resize": S, "interpolation": "bicubic", "crop_pct": 1.0, "mean": "0.5,0.5,0.5",
        "std": "0.5,0.5,0.5", "license": "MIT", "source": "tests/golden/make_tiny_goldens.py",
        "seed": seed,
    }
    if encoded:
        metadata.update(format="vit158", format_version=1, encodings=json.dumps(encoded))
    header = {"__metadata__": {key: str(value) for key, value in metadata.items()}}
    offset = 0
    tensors = sorted(tensors, key=lambda tensor: tensor[1] == "U8")
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            file.write(tensor[3])


def make(name, norms, ternary):
    for seed in range(100000):
        generator = torch.Generator().manual_seed(seed)
        weights = make_weights(norms, generator)
        image = torch.randn(3, S, S, generator=generator).clamp(-2, 2)
        forward = Forward(weights, ternary)
        parts = forward.run(image)
        if not ternary or forward.margin > MARGIN:
            break
    print(f"{name}: seed {seed}, margin {forward.margin:.2g}, logits {parts[-3].tolist()}")
    tensors = packed_tensors(weights) if ternary else float_tensors(weights)
    encoded = encodings(weights, "trit" if ternary else "f32")
    write_safetensors(os.path.join(OUT, name + ".safetensors"), tensors, encoded, seed)
    if name == "ternary-6":
        write_safetensors(os.path.join(OUT, "latent-6.safetensors"), float_tensors(weights), {}, seed)
    with open(os.path.join(OUT, name + ".golden"), "wb") as file:
        for part in parts:
            file.write(float_bytes(part))


os.makedirs(OUT, exist_ok=True)
torch.set_grad_enabled(False)
for count in (6, 4, 2):
    make(f"ternary-{count}", count, True)
    make(f"float-{count}", count, False)
