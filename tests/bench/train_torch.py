# SPDX-License-Identifier: MIT
# The PyTorch side of bench_train.mjs: the same ViT, ternary (METHODS.md 1.1-1.4, straight-through
# quantizers) or float, AdamW, random images. Prints one JSON line.
#   train_torch.py [--threads N] [--batch N] [--steps N] [--weights ternary|float] [--dim D] [--depth N]
#                  [--heads N] [--mlp_dim N] [--patch_size N] [--image_size N]
import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = 10


class BitLinear(nn.Linear):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.norm = nn.LayerNorm(n_in)
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x):
        x = self.norm(x)
        scale = 127 / x.detach().abs().amax(-1, keepdim=True).clamp_(min=1e-5)
        x = x + ((x.detach() * scale).round_().div_(scale) - x).detach()
        w = self.weight
        inverse = 1 / w.detach().abs().mean().clamp_(min=1e-5)
        w = w + ((w.detach() * inverse).round_().clamp_(-1, 1).div_(inverse) - w).detach()
        return F.linear(x, w, self.bias)


class Block(nn.Module):
    def __init__(self, o):
        super().__init__()
        d, linear = o.dim, BitLinear if o.weights == 'ternary' else nn.Linear
        self.heads = o.heads
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.qkv, self.proj = linear(d, 3 * d), linear(d, d)
        self.fc1, self.fc2 = linear(d, o.mlp_dim), linear(o.mlp_dim, d)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1) @ v
        x = x + self.proj(a.transpose(1, 2).reshape(n, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, o):
        super().__init__()
        d, patch = o.dim, o.patch_size
        self.patch = nn.Conv2d(3, d, patch, patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))
        self.pos = nn.Parameter(torch.zeros(1, (o.image_size // patch) ** 2 + 1, d))
        self.blocks = nn.Sequential(*[Block(o) for _ in range(o.depth)])
        self.norm, self.head = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, CLASSES)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        return self.head(self.norm(self.blocks(x)[:, 0]))


def main():
    options = argparse.ArgumentParser()
    for name, value in (('threads', 2), ('batch', 128), ('steps', 5), ('dim', 192), ('depth', 6),
                        ('heads', 3), ('mlp_dim', 384), ('patch_size', 4), ('image_size', 32)):
        options.add_argument('--' + name, type=int, default=value)
    options.add_argument('--weights', choices=('ternary', 'float'), default='ternary')
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    model = ViT(o)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    x, y = torch.randn(o.batch, 3, o.image_size, o.image_size), torch.randint(0, CLASSES, (o.batch,))
    best = 0.0
    cpu = 0.0
    for step in range(o.steps + 1):
        start, start_cpu = time.perf_counter(), time.process_time()
        loss = F.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step > 0:
            best = max(best, o.batch / (time.perf_counter() - start))
            cpu += time.process_time() - start_cpu
    print(json.dumps({'bench': 'torch', 'version': torch.__version__, 'weights': o.weights,
                      'threads': torch.get_num_threads(), 'batch': o.batch, 'steps': o.steps,
                      'best_images_per_second': round(best, 1),
                      'cpu_ms_per_image': round(1e3 * cpu / (o.steps * o.batch), 3)}))


if __name__ == '__main__':
    main()
