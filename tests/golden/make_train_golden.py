# SPDX-License-Identifier: MIT
# Makes tests/data/train_tiny.safetensors: a tiny ternary ViT's parameters, two pictures, and what
# PyTorch gives for them: logits and gradients in double precision, and per tensor the distance of
# PyTorch's own float32 gradient from it, the size of rounding flips any implementation shares. And
# tests/data/train_hints.safetensors: what hints of a teacher cost a float student of that shape, and
# their gradients.
#   /usr/bin/python3 tests/golden/make_train_golden.py
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

D, HEADS, DEPTH, HIDDEN, CLASSES, SIDE, PATCH, EPS, INNER_EPS = 32, 2, 2, 48, 4, 8, 4, 1e-6, 1e-5
TOKENS = (SIDE // PATCH) ** 2 + 1


def linear(p, name, x, ternary):
    """A norm of its own, then, if ternary, both quantizers straight through."""
    n = x.shape[-1]
    x = F.layer_norm(x, (n,), p[name + '.norm.weight'], p[name + '.norm.bias'], INNER_EPS)
    if not ternary:
        return F.linear(x, p[name + '.weight'], p[name + '.bias'])
    scale = 127 / x.detach().abs().amax(-1, keepdim=True).clamp(min=1e-5)
    x = x + ((x.detach() * scale).round() / scale - x.detach())
    w = p[name + '.weight']
    inverse = 1 / w.detach().abs().mean().clamp(min=1e-5)
    w = w + ((w.detach() * inverse).round().clamp(-1, 1) / inverse - w.detach())
    return F.linear(x, w, p[name + '.bias'])


def forward(p, x, ternary=True):
    """Logits, the blocks' outputs and their attentions [image][head][query][token]."""
    outputs, attentions = [], []
    x = F.conv2d(x, p['patch_embed.proj.weight'], p['patch_embed.proj.bias'], PATCH)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([p['cls_token'].expand(len(x), -1, -1), x], 1) + p['pos_embed']
    for b in range(DEPTH):
        n = f'blocks.{b}.'
        y = F.layer_norm(x, (D,), p[n + 'norm1.weight'], p[n + 'norm1.bias'], EPS)
        q, k, v = linear(p, n + 'attn.qkv', y, ternary).reshape(len(x), TOKENS, 3, HEADS, -1) \
            .permute(2, 0, 3, 1, 4)
        attentions.append((q @ k.transpose(-2, -1) / (D // HEADS) ** 0.5).softmax(-1))
        a = attentions[-1] @ v
        x = x + linear(p, n + 'attn.proj', a.transpose(1, 2).reshape(len(x), TOKENS, D), ternary)
        y = F.layer_norm(x, (D,), p[n + 'norm2.weight'], p[n + 'norm2.bias'], EPS)
        y = F.gelu(linear(p, n + 'mlp.fc1', y, ternary))
        x = x + linear(p, n + 'mlp.fc2', y, ternary)
        outputs.append(x)
    x = F.layer_norm(x, (D,), p['norm.weight'], p['norm.bias'], EPS)
    return F.linear(x[:, 0], p['head.weight'], p['head.bias']), outputs, attentions


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
    logits, _, _ = forward(p, ((pictures.to(dtype) / 255 - 0.5) / 0.5))
    F.cross_entropy(logits, labels).backward()
    return logits.detach(), {k: v.grad for k, v in p.items()}


def token_hint(student, teacher):
    """Mean squared difference of the blocks' outputs but the last's, by the teacher's variance a
    channel and a tenth of the channels' mean."""
    loss = 0
    for s, t in zip(student[:-1], teacher[:-1]):
        v = t.reshape(-1, D).var(0, unbiased=False)
        loss = loss + ((s - t) ** 2 / (v + 0.1 * v.mean())).mean()
    return loss / (DEPTH - 1)


def attention_hint(student, teacher):
    """Mean divergence of the attentions from the teacher's; of the last block the class token's."""
    loss = 0
    for b, (s, t) in enumerate(zip(student, teacher)):
        if b == DEPTH - 1:
            s, t = s[:, :, :1], t[:, :, :1]
        loss = loss + (t * (t / s).log()).sum(-1).mean()
    return loss / DEPTH


def run_hints(parameters, others, pictures, kind):
    x = (pictures.double() / 255 - 0.5) / 0.5
    p = {k: v.double().requires_grad_() for k, v in parameters.items()}
    with torch.no_grad():
        _, outputs, attentions = forward({k: v.double() for k, v in others.items()}, x, False)
    _, mine, looked = forward(p, x, False)
    loss = token_hint(mine, outputs) if kind == 'tokens' else attention_hint(looked, attentions)
    grads = torch.autograd.grad(loss, list(p.values()), allow_unused=True)
    return loss.detach(), {k: torch.zeros_like(v) if g is None else g
                           for (k, v), g in zip(p.items(), grads)}


def random_parameters():
    made = {}
    for name, shape in shapes().items():
        x = 0.15 * torch.randn(shape)
        made[name] = x + 1 if 'norm' in name and name.endswith('weight') else x
    return made


def write(name, tensors):
    header, data = {}, b''
    for k, v in tensors.items():
        raw = v.detach().numpy().astype('<f4').tobytes()
        header[k] = {'dtype': 'F32', 'shape': list(v.shape),
                     'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path = os.path.join(os.path.dirname(__file__), '..', 'data', name)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)
    print(name, len(data), 'bytes')


def main():
    torch.manual_seed(0)
    parameters = random_parameters()
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
    write('train_tiny.safetensors', tensors)
    print('largest noise', max(float(v) for k, v in tensors.items() if k.startswith('noise.')))

    others = random_parameters()
    tensors = {'teacher.' + k: v for k, v in others.items()}
    for kind in ('tokens', 'attention'):
        loss, grads = run_hints(parameters, others, pictures, kind)
        tensors['loss.' + kind] = loss.reshape(1)
        tensors |= {kind + '.' + k: v for k, v in grads.items()}
    write('train_hints.safetensors', tensors)


if __name__ == '__main__':
    main()
