# SPDX-License-Identifier: MIT
# Makes tests/data/train_tiny.safetensors: a tiny ternary ViT's parameters, two pictures, and what
# PyTorch gives for them: logits and gradients in double precision, and per tensor the distance of
# PyTorch's own float32 gradient from it, the size of rounding flips any implementation shares.
#   /usr/bin/python3 tests/golden/make_train_golden.py
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

D, HEADS, DEPTH, HIDDEN, CLASSES, SIDE, PATCH, EPS, INNER_EPS = 32, 2, 2, 48, 4, 8, 4, 1e-6, 1e-5
TOKENS = (SIDE // PATCH) ** 2 + 1


def bit_linear(p, name, x):
    """METHODS.md 1.2 and 1.4: both quantizers straight through."""
    n = x.shape[-1]
    x = F.layer_norm(x, (n,), p[name + '.norm.weight'], p[name + '.norm.bias'], INNER_EPS)
    scale = 127 / x.detach().abs().amax(-1, keepdim=True).clamp(min=1e-5)
    x = x + ((x.detach() * scale).round() / scale - x.detach())
    w = p[name + '.weight']
    inverse = 1 / w.detach().abs().mean().clamp(min=1e-5)
    w = w + ((w.detach() * inverse).round().clamp(-1, 1) / inverse - w.detach())
    return F.linear(x, w, p[name + '.bias'])


def forward(p, x):
    x = F.conv2d(x, p['patch_embed.proj.weight'], p['patch_embed.proj.bias'], PATCH)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([p['cls_token'].expand(len(x), -1, -1), x], 1) + p['pos_embed']
    for b in range(DEPTH):
        n = f'blocks.{b}.'
        y = F.layer_norm(x, (D,), p[n + 'norm1.weight'], p[n + 'norm1.bias'], EPS)
        q, k, v = bit_linear(p, n + 'attn.qkv', y).reshape(len(x), TOKENS, 3, HEADS, -1) \
            .permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) / (D // HEADS) ** 0.5).softmax(-1) @ v
        x = x + bit_linear(p, n + 'attn.proj', a.transpose(1, 2).reshape(len(x), TOKENS, D))
        y = F.layer_norm(x, (D,), p[n + 'norm2.weight'], p[n + 'norm2.bias'], EPS)
        y = F.gelu(bit_linear(p, n + 'mlp.fc1', y))
        x = x + bit_linear(p, n + 'mlp.fc2', y)
    x = F.layer_norm(x, (D,), p['norm.weight'], p['norm.bias'], EPS)
    return F.linear(x[:, 0], p['head.weight'], p['head.bias'])


def shapes():
    s = {'cls_token': (1, 1, D), 'pos_embed': (1, TOKENS, D),
         'patch_embed.proj.weight': (D, 1, PATCH, PATCH), 'patch_embed.proj.bias': (D,)}
    for b in range(DEPTH):
        n = f'blocks.{b}.'
        for norm in ('norm1', 'norm2'):
            s[n + norm + '.weight'] = s[n + norm + '.bias'] = (D,)
        for name, (i, o) in {'attn.qkv': (D, 3 * D), 'attn.proj': (D, D), 'mlp.fc1': (D, HIDDEN),
                             'mlp.fc2': (HIDDEN, D)}.items():
            s[n + name + '.weight'] = (o, i)
            s[n + name + '.bias'] = (o,)
            s[n + name + '.norm.weight'] = s[n + name + '.norm.bias'] = (i,)
    s['norm.weight'] = s['norm.bias'] = (D,)
    s['head.weight'], s['head.bias'] = (CLASSES, D), (CLASSES,)
    return s


def run(parameters, pictures, labels, dtype):
    p = {k: v.to(dtype).requires_grad_() for k, v in parameters.items()}
    logits = forward(p, ((pictures.to(dtype) / 255 - 0.5) / 0.5))
    F.cross_entropy(logits, labels).backward()
    return logits.detach(), {k: v.grad for k, v in p.items()}


def main():
    torch.manual_seed(0)
    parameters = {}
    for name, shape in shapes().items():
        x = 0.15 * torch.randn(shape)
        parameters[name] = x + 1 if 'norm' in name and name.endswith('weight') else x
    pictures = torch.randint(0, 256, (2, 1, SIDE, SIDE)).float()
    labels = torch.tensor([1, 3])
    logits, grads = run(parameters, pictures, labels, torch.float64)
    logits32, grads32 = run(parameters, pictures, labels, torch.float32)
    tensors = {k: v for k, v in parameters.items()}
    tensors |= {'grad.' + k: v for k, v in grads.items()}
    for k, v in grads.items():
        distance = (grads32[k].double() - v).norm() / v.norm().clamp(min=1e-30)
        tensors['noise.' + k] = distance.reshape(1)
    tensors['pictures'], tensors['logits'] = pictures, logits
    tensors['logit_noise'] = (logits32.double() - logits).abs().max().reshape(1)
    header, data = {}, b''
    for k, v in tensors.items():
        raw = v.detach().numpy().astype('<f4').tobytes()
        header[k] = {'dtype': 'F32', 'shape': list(v.shape),
                     'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path = os.path.join(os.path.dirname(__file__), '..', 'data', 'train_tiny.safetensors')
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)
    print(len(data), 'bytes; largest noise',
          max(float(v) for k, v in tensors.items() if k.startswith('noise.')))


if __name__ == '__main__':
    main()
