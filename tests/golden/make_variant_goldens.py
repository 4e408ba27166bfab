# SPDX-License-Identifier: MIT
"""Writes seeded models of every variant that FORMAT.md knows beyond the plain one, and PyTorch's results.

    /usr/bin/python3 tests/golden/make_variant_goldens.py      (Debian's python3-torch)

tests/data/variants/NAME.safetensors is the model as vit158 reads it, NAME.golden little-endian float32
computed in float64: the input [3][S][S]; the residual stream [N][d] after each step (embed, then each
block's attention and MLP half); the embedding; the logits [C]; attention [L][H][N] and rollout [N] of
what the head reads, the mean where that is several tokens.

As in make_tiny_goldens.py seeds are tried until no activation of a ternary model lies near a rounding.
"""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F

PATCH, DIM, HEADS, DEPTH, HIDDEN, CLASSES = 4, 12, 2, 2, 20, 5
MARGIN = 2.5e-4
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "variants")
LINEARS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
PLAIN = {"size": 12, "prefix": 1, "pooling": "cls", "head_tokens": 1, "head": True, "activation": "gelu",
         "norms": ("norm",), "inner": (), "rms": False, "ternary": False, "eps": 1e-6, "inner_eps": 1e-5,
         "head_dim": DIM // HEADS, "heads": (HEADS,) * DEPTH, "hidden": (HIDDEN,) * DEPTH}
VARIANTS = {
    "average": {"pooling": "avg", "norms": ("fc_norm",)},
    "average-of-normed": {"pooling": "avg", "prefix": 0},
    "average-beside-registers": {"pooling": "avg", "prefix": 3, "size": 24, "norms": ("norm", "fc_norm")},
    "registers": {"prefix": 5},
    "distilled": {"prefix": 2, "head_tokens": 2},
    "distilled-first-head": {"prefix": 2},
    "clip": {"norms": ("norm_pre", "norm"), "activation": "quick_gelu", "eps": 1e-5},
    "gelu-tanh": {"activation": "gelu_tanh", "eps": 1e-12},
    "headless": {"head": False, "eps": 0.25},
    "two-inner-norms": {"inner": ("attn.proj", "mlp.fc2"), "inner_eps": 1e-6},
    "ternary-rms": {"inner": tuple(LINEARS), "rms": True, "ternary": True},
    "ternary-two-rms": {"inner": ("attn.proj", "mlp.fc2"), "rms": True, "ternary": True, "prefix": 4,
                        "pooling": "avg", "norms": ("norm_pre", "fc_norm"), "activation": "gelu_tanh"},
    "pruned": {"head_dim": 4, "heads": (2, 1), "hidden": (9, 20)},
    "pruned-evenly": {"head_dim": 3, "heads": (3, 3), "hidden": (10, 10)},
    "pruned-ternary": {"head_dim": 4, "heads": (1, 3), "hidden": (20, 7), "inner": LINEARS, "ternary": True,
                       "size": 16},
}


def linears(v, block):
    """Outputs and inputs of a block's matrices, by name."""
    attention, hidden = v["heads"][block] * v["head_dim"], v["hidden"][block]
    return dict(zip(LINEARS, ((3 * attention, DIM), (DIM, attention), (hidden, DIM), (DIM, hidden))))


def make_weights(v, generator):
    """Values that F16 holds, by tensor name; latent ones of ternary matrices too."""
    tokens = (v["size"] // PATCH) ** 2 + v["prefix"]
    weights = {}

    def normal(name, std, *shape, mean=0.0):
        weights[name] = (mean + torch.randn(*shape, generator=generator) * std).half().float()

    def norm(name, n, bias=True):
        normal(name + ".weight", 0.2, n, mean=1.0)
        if bias:
            normal(name + ".bias", 0.1, n)

    if v["prefix"]:
        normal("cls_token", 0.5, 1, v["prefix"], DIM)
    normal("pos_embed", 0.5, 1, tokens, DIM)
    normal("patch_embed.proj.weight", 0.15, DIM, 3, PATCH, PATCH)
    normal("patch_embed.proj.bias", 0.1, DIM)
    for name in v["norms"]:
        norm(name, DIM)
    for block in range(DEPTH):
        norm(f"blocks.{block}.norm1", DIM)
        norm(f"blocks.{block}.norm2", DIM)
        for name, (n_out, n_in) in linears(v, block).items():
            normal(f"blocks.{block}.{name}.weight", 0.3, n_out, n_in)
            normal(f"blocks.{block}.{name}.bias", 0.1, n_out)
            if name in v["inner"]:
                norm(f"blocks.{block}.{name}.norm", n_in, bias=not v["rms"])
    if v["head"]:
        normal("head.weight", 0.5, CLASSES, v["head_tokens"] * DIM)
        normal("head.bias", 0.1, CLASSES)
    return weights


def absmean(w):
    return torch.clamp(w.double().abs().mean().float(), min=1e-5)


def trits(w):
    return torch.clamp(torch.round(w * (1 / absmean(w))), -1, 1)


class Forward:
    def __init__(self, variant, weights):
        self.v = variant
        self.latent = weights
        self.w = {name: tensor.double() for name, tensor in weights.items()}
        self.margin = 1.0

    def norm(self, x, name, eps, rms=False):
        if name + ".weight" not in self.w:
            return x
        weight = self.w[name + ".weight"]
        if rms:
            return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight
        return F.layer_norm(x, x.shape[-1:], weight, self.w[name + ".bias"], eps)

    def linear(self, x, name):
        x = self.norm(x, name + ".norm", self.v["inner_eps"], self.v["rms"])
        bias = self.w[name + ".bias"]
        if not self.v["ternary"]:
            return F.linear(x, self.w[name + ".weight"], bias)
        latent = self.latent[name + ".weight"]
        a = x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
        scaled = x * (127 / a)
        q = torch.round(scaled)
        self.margin = min(self.margin, (0.5 - (scaled - q).abs()).min().item())
        return F.linear(q, trits(latent).double()) * (absmean(latent).double() * a / 127) + bias

    def attention(self, x, name):
        tokens = x.shape[0]
        size = self.v["head_dim"]
        q, k, v = self.linear(x, name + ".qkv").reshape(tokens, 3, -1, size).permute(1, 2, 0, 3)
        p = (q @ k.transpose(-2, -1) * size ** -0.5).softmax(-1)
        self.probabilities.append(p)
        return self.linear((p @ v).transpose(0, 1).reshape(tokens, -1), name + ".proj")

    def activate(self, x):
        if self.v["activation"] == "quick_gelu":
            return x * torch.sigmoid(1.702 * x)
        return F.gelu(x, approximate="tanh" if self.v["activation"] == "gelu_tanh" else "none")

    def run(self, image):
        """The parts of a golden, in its order."""
        v, eps = self.v, self.v["eps"]
        self.probabilities = []
        x = F.conv2d(image[None].double(), self.w["patch_embed.proj.weight"],
                     self.w["patch_embed.proj.bias"], stride=PATCH)[0].flatten(1).T
        if v["prefix"]:
            x = torch.cat([self.w["cls_token"][0], x])
        x = self.norm(x + self.w["pos_embed"][0], "norm_pre", eps)
        parts = [image.double(), x]
        for block in range(DEPTH):
            prefix = f"blocks.{block}."
            x = x + self.attention(self.norm(x, prefix + "norm1", eps), prefix + "attn")
            parts.append(x)
            y = self.linear(self.norm(x, prefix + "norm2", eps), prefix + "mlp.fc1")
            x = x + self.linear(self.activate(y), prefix + "mlp.fc2")
            parts.append(x)
        x = self.norm(x, "norm", eps)
        read = slice(v["prefix"], None) if v["pooling"] == "avg" else slice(0, v["head_tokens"])
        pooled = x[read].mean(0) if v["pooling"] == "avg" else x[read].reshape(-1)
        embedding = self.norm(pooled, "fc_norm", eps)
        logits = F.linear(embedding, self.w["head.weight"], self.w["head.bias"]) if v["head"] else torch.zeros(0)
        tokens = x.shape[0]
        rollout = torch.eye(tokens, dtype=torch.float64)
        for p in self.probabilities:
            mixed = p.mean(0) + torch.eye(tokens, dtype=torch.float64)
            rollout = (mixed / mixed.sum(-1, keepdim=True)) @ rollout
        attention = torch.zeros(DEPTH, max(v["heads"]), tokens, dtype=torch.float64)  # 0 for heads that are not there
        for block, p in enumerate(self.probabilities):
            attention[block, :p.shape[0]] = p[:, read].mean(1)
        return parts + [embedding, logits, attention, rollout[read].mean(0)]


def pack(w):
    """Trit codes: blocks of four groups side by side, then the remaining groups."""
    n_out, n_in = w.shape
    groups = -(-n_in // 5)
    padded = torch.zeros(n_out, groups * 5, dtype=torch.int64)
    padded[:, :n_in] = trits(w).long()
    codes = ((padded + 1).reshape(n_out, groups, 5) * torch.tensor([1, 3, 9, 27, 81])).sum(-1)
    return bytes(code for first in range(0, groups, 4)
                 for code in codes[:, first:first + 4].reshape(-1).tolist())


def float_bytes(tensor, dtype=torch.float32):
    return tensor.to(dtype).numpy().tobytes()


def stored(weights, ternary):
    """(name, dtype, shape, bytes) of each tensor, and the encodings."""
    tensors, encodings = [], {}
    for name, w in weights.items():
        matrix = name.endswith(tuple(f"{linear}.weight" for linear in LINEARS))
        if matrix:
            encodings[name] = {"type": "trit" if ternary else "f16", "n_in": w.shape[1], "n_out": w.shape[0]}
        if matrix and ternary:
            codes = pack(w)
            tensors.append((name, "U8", [len(codes)], codes))
            tensors.append((name[:-len("weight")] + "scale", "F32", [1], float_bytes(absmean(w))))
        else:
            tensors.append((name, "F16", list(w.shape), float_bytes(w, torch.float16)))
    return sorted(tensors, key=lambda tensor: ["F32", "F16", "U8"].index(tensor[1])), encodings


def metadata_of(v, encodings, seed):
    metadata = {"format": "vit158", "format_version": 2, "heads": max(v["heads"]), "norm_eps": v["eps"],
                "inner_norm_eps": v["inner_eps"], "mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5",
                "encodings": json.dumps(encodings), "pooling": v["pooling"], "license": "MIT",
                "source": f"tests/golden/make_variant_goldens.py, seed {seed}"}
    said = {"prefix_tokens": v["prefix"], "head_tokens": v["head_tokens"], "activation": v["activation"],
            "head_dim": v["head_dim"]}
    plain = {"prefix_tokens": 1, "head_tokens": 1, "activation": "gelu", "head_dim": DIM // HEADS}
    metadata.update({key: value for key, value in said.items() if value != plain[key]})
    if not v["head"]:
        metadata["head"] = "none"
    if v["rms"]:
        metadata["inner_norm"] = "rms"
    return {key: str(value) for key, value in metadata.items()}


def write(name, v, weights, parts, seed):
    tensors, encodings = stored(weights, v["ternary"])
    header, offset = {"__metadata__": metadata_of(v, encodings, seed)}, 0
    for tensor, dtype, shape, data in tensors:
        header[tensor] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(os.path.join(OUT, name + ".safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            file.write(tensor[3])
    with open(os.path.join(OUT, name + ".golden"), "wb") as file:
        for part in parts:
            file.write(float_bytes(part))


def make(name, changes):
    v = {**PLAIN, **changes}
    for seed in range(100000):
        generator = torch.Generator().manual_seed(seed)
        weights = make_weights(v, generator)
        image = torch.randn(3, v["size"], v["size"], generator=generator).clamp(-2, 2)
        forward = Forward(v, weights)
        parts = forward.run(image)
        if not v["ternary"] or forward.margin > MARGIN:
            break
    assert all(math.isfinite(part.sum()) for part in parts)
    print(f"{name}: seed {seed}, margin {forward.margin:.2g}, logits {parts[-3].tolist()}")
    write(name, v, weights, parts, seed)


os.makedirs(OUT, exist_ok=True)
torch.set_grad_enabled(False)
for variant, difference in VARIANTS.items():
    make(variant, difference)
