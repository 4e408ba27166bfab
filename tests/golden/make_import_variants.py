#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes small seeded models of every variant that `vit158 import` takes, as timm and Hugging Face store them.

    make_import_variants.py OUT

OUT/NAME is the source: a folder, or NAME.safetensors for a bare file; OUT/NAME.verify.safetensors has
pixel_values and PyTorch's logits (of a model without a head: its embeddings). OUT/cases.json lists them:
[{"name", "file" (of a bare one), "args", "says"}], `says` being what the report must contain.
OUT/squashed.json is an image and what Pillow squashes it to. Debian: python3-torch, python3-pil.
"""
import json
import os
import sys
from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from make_import_layouts import HF, HF4, HF5, rename, write_json, write_safetensors

DIM, HEADS, DEPTH, MLP, CLASSES, PATCH, SIZE = 16, 2, 2, 32, 5, 4, 16
PLAIN = {'cls': True, 'dist': False, 'registers': 0, 'embed_prefix': True, 'average': False, 'norms': ('norm',),
         'head': True, 'both_heads': False, 'activation': 'gelu', 'eps': 1e-6, 'scale_norms': False, 'patch_bias': True}


def weights_of(v):
    """timm's names."""
    t = OrderedDict()

    def normal(name, std, *shape, mean=0.0):
        t[name] = mean + torch.randn(*shape) * std

    def norm(name, n):
        normal(name + '.weight', 0.2, n, mean=1.0)
        normal(name + '.bias', 0.2, n)

    tokens = [('cls_token', int(v['cls'])), ('dist_token', int(v['dist'])), ('reg_token', v['registers'])]
    for name, count in tokens:
        if count:
            normal(name, 0.5, 1, count, DIM)
    prefix = sum(count for _, count in tokens) if v['embed_prefix'] else 0
    normal('pos_embed', 0.5, 1, (SIZE // PATCH) ** 2 + prefix, DIM)
    normal('patch_embed.proj.weight', 0.2, DIM, 3, PATCH, PATCH)
    if v['patch_bias']:
        normal('patch_embed.proj.bias', 0.2, DIM)
    for name in v['norms']:
        norm(name, DIM)
    for i in range(DEPTH):
        b = f'blocks.{i}.'
        norm(b + 'norm1', DIM)
        norm(b + 'norm2', DIM)
        for name, rows, columns in (('attn.qkv', 3 * DIM, DIM), ('attn.proj', DIM, DIM), ('mlp.fc1', MLP, DIM),
                                    ('mlp.fc2', DIM, MLP)):
            normal(b + name + '.weight', 0.3, rows, columns)
            normal(b + name + '.bias', 0.2, rows)
        if v['scale_norms']:
            norm(b + 'attn.norm', DIM)
            norm(b + 'mlp.norm', MLP)
    for name, there in (('head', v['head']), ('head_dist', v['both_heads'])):
        if there:
            normal(name + '.weight', 1.0, CLASSES, DIM)
            normal(name + '.bias', 0.2, CLASSES)
    return t


def forward(t, v, x):
    def norm(x, name):
        weight = t.get(name + '.weight')
        return x if weight is None else F.layer_norm(x, weight.shape, weight, t[name + '.bias'], v['eps'])

    def linear(x, name):
        return F.linear(x, t[name + '.weight'], t[name + '.bias'])

    def activate(x):
        if v['activation'] == 'quick_gelu':
            return x * torch.sigmoid(1.702 * x)
        return F.gelu(x, approximate='tanh' if v['activation'] == 'gelu_tanh' else 'none')

    images = x.shape[0]
    x = F.conv2d(x, t['patch_embed.proj.weight'], t.get('patch_embed.proj.bias'), stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    before = [t[name].expand(images, -1, -1) for name in ('cls_token', 'dist_token', 'reg_token') if name in t]
    prefix = sum(part.shape[1] for part in before)
    x = torch.cat(before + [x], 1) + t['pos_embed'] if v['embed_prefix'] else torch.cat(before + [x + t['pos_embed']], 1)
    x = norm(x, 'norm_pre')
    for i in range(DEPTH):
        b = f'blocks.{i}.'
        q, k, value = linear(norm(x, b + 'norm1'), b + 'attn.qkv').reshape(
            images, x.shape[1], 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (DIM // HEADS) ** -0.5).softmax(-1)
        x = x + linear(norm((a @ value).transpose(1, 2).reshape(x.shape), b + 'attn.norm'), b + 'attn.proj')
        h = activate(linear(norm(x, b + 'norm2'), b + 'mlp.fc1'))
        x = x + linear(norm(h, b + 'mlp.norm'), b + 'mlp.fc2')
    x = norm(x, 'norm')
    if v['both_heads']:
        return (linear(x[:, 0], 'head') + linear(x[:, 1], 'head_dist')) / 2
    x = norm(x[:, prefix:].mean(1) if v['average'] else x[:, 0], 'fc_norm')
    return linear(x, 'head') if v['head'] else x


# Name: the variant, how it is stored, arguments of the command, what it must say.
CASES = [
    ('average', {'average': True, 'norms': ('fc_norm',)}, 'timm', [], 'the mean of the patches, normalised (fc_norm)'),
    ('average-bare', {'average': True, 'norms': ('fc_norm',)}, 'bare', [], 'the mean of the patches'),
    ('average-of-normed', {'average': True}, 'timm', [], 'the mean of the patches;'),
    ('gap', {'average': True, 'cls': False}, 'bare', [], 'no class token'),
    ('gap-registers', {'average': True, 'cls': False, 'registers': 4, 'embed_prefix': False}, 'timm', [],
     '4 tokens before the patches'),
    ('registers', {'registers': 4, 'embed_prefix': False}, 'timm', [], '5 tokens before the patches'),
    ('registers-embedded', {'registers': 3}, 'bare', [], '4 tokens before the patches'),
    ('token-fc-norm', {'norms': ('fc_norm',)}, 'timm', [], 'made'),
    ('clip', {'norms': ('norm_pre', 'norm'), 'eps': 1e-5, 'patch_bias': False}, 'bare', [], 'a norm before the first block'),
    ('vit_test_clip_quickgelu', {'norms': ('norm_pre', 'norm'), 'eps': 1e-5, 'activation': 'quick_gelu'}, 'timm', [],
     'activation quick_gelu'),
    ('vit_test_siglip_gap', {'average': True, 'cls': False, 'norms': ('fc_norm',), 'activation': 'gelu_tanh'}, 'bare', [],
     'activation gelu_tanh'),
    ('embedding', {'head': False}, 'timm', [], 'no head: it gives embeddings'),
    ('scale-norms', {'scale_norms': True}, 'timm', [], 'norms before proj and fc2'),
    ('deit-distilled', {'dist': True, 'both_heads': True}, 'bare', [], 'two heads made one'),
    ('hf-deit', {'dist': True, 'eps': 1e-12}, 'hf4', [], '2 tokens before the patches'),
    ('hf-deit-teacher', {'dist': True, 'both_heads': True, 'eps': 1e-12}, 'hf4', [], 'two heads made one'),
    ('hf5-deit-teacher', {'dist': True, 'both_heads': True, 'eps': 1e-12}, 'hf5', [], 'two heads made one'),
    ('hf-model', {'head': False, 'eps': 1e-12}, 'hf4', [], 'no head: it gives embeddings'),
    ('hf-gelu-tanh', {'activation': 'gelu_tanh', 'eps': 1e-12}, 'hf5', [], 'activation gelu_tanh'),
    ('resized', {'registers': 4, 'embed_prefix': False}, 'timm', ['--size', '24'], 'positions resized from 4 x 4 to 6 x 6'),
]
HF_ACT = {'gelu': 'gelu', 'gelu_tanh': 'gelu_pytorch_tanh', 'quick_gelu': 'quick_gelu'}


def save_timm(folder, name, t, v):
    os.makedirs(folder, exist_ok=True)
    classes = CLASSES if v['head'] else 0
    write_json(os.path.join(folder, 'config.json'), {
        'architecture': name, 'num_classes': classes, 'num_features': DIM,
        'global_pool': 'avg' if v['average'] else 'token', 'model_args': {'num_heads': HEADS},
        'pretrained_cfg': {'input_size': [3, SIZE, SIZE], 'interpolation': 'bicubic', 'crop_pct': 0.9,
                           'crop_mode': 'center', 'mean': [0.5] * 3, 'std': [0.5] * 3, 'num_classes': classes}})
    write_safetensors(os.path.join(folder, 'model.safetensors'), t, {'format': 'pt'})


def save_hf(folder, t, v, version):
    os.makedirs(folder, exist_ok=True)
    deit = v['dist']
    kind = 'DeiT' if deit else 'ViT'
    task = 'Model' if not v['head'] else 'ForImageClassification' + ('WithTeacher' if v['both_heads'] else '')
    write_json(os.path.join(folder, 'config.json'), {
        'architectures': [kind + task], 'model_type': kind.lower(), 'hidden_size': DIM, 'num_hidden_layers': DEPTH,
        'num_attention_heads': HEADS, 'intermediate_size': MLP, 'hidden_act': HF_ACT[v['activation']],
        'layer_norm_eps': v['eps'], 'image_size': SIZE, 'patch_size': PATCH, 'num_channels': 3, 'qkv_bias': True,
        'transformers_version': version,
        'id2label': {str(i): f'label {i}' for i in range(CLASSES if v['head'] else 2)}})
    write_json(os.path.join(folder, 'preprocessor_config.json'), {
        'do_resize': True, 'size': {'height': SIZE, 'width': SIZE}, 'resample': 3, 'do_rescale': True,
        'rescale_factor': 1 / 255, 'do_normalize': True, 'image_mean': [0.5] * 3, 'image_std': [0.5] * 3})
    prefix = '' if not v['head'] else 'deit.' if deit else 'vit.'
    whole = {key: value.replace('vit.', prefix) for key, value in HF.items()}
    whole['dist_token'] = prefix + 'embeddings.distillation_token'
    if v['both_heads']:
        whole.update(head='cls_classifier', head_dist='distillation_classifier')
    five = version[0] == '5'
    names = rename(t, whole, prefix + ('layers.%d.' if five else 'encoder.layer.%d.'), HF5 if five else HF4)
    write_safetensors(os.path.join(folder, 'model.safetensors'), names, {'format': 'pt'})


def resized(t, side):
    """Positions for another grid, as timm's resample_abs_pos_embed gives them."""
    grid = SIZE // PATCH
    image = t['pos_embed'].reshape(1, grid, grid, DIM).permute(0, 3, 1, 2)
    image = F.interpolate(image, size=(side, side), mode='bicubic', antialias=True)
    return {**t, 'pos_embed': image.permute(0, 2, 3, 1).reshape(1, -1, DIM)}


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    torch.set_grad_enabled(False)
    listed = []
    for number, (name, changes, layout, args, says) in enumerate(CASES):
        torch.manual_seed(100 + number)
        v = {**PLAIN, **changes}
        t = weights_of(v)
        size = int(args[1]) if args else SIZE
        pixels = torch.randn(3, 3, size, size)
        logits = forward(resized(t, size // PATCH) if args else t, v, pixels)
        write_safetensors(os.path.join(out, name + '.verify.safetensors'), {'pixel_values': pixels, 'logits': logits})
        source = name if layout != 'bare' else name + '.safetensors'
        path = os.path.join(out, source)
        if layout == 'bare':
            write_safetensors(path, t)
            args = args + ['--heads', str(HEADS)]
        elif layout == 'timm':
            save_timm(path, name, t, v)
        else:
            save_hf(path, t, v, '5.1.0' if layout == 'hf5' else '4.40.0')
        listed.append({'name': name, 'source': source, 'args': args, 'says': says})
    write_json(os.path.join(out, 'cases.json'), listed)
    # The folders of Hugging Face squash images to a square: what Pillow makes of one.
    generator = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (37, 61, 3), dtype=torch.uint8, generator=generator)
    small = Image.fromarray(image.numpy()).resize((SIZE, SIZE), Image.BICUBIC)
    pixels = (torch.tensor(np.array(small)).permute(2, 0, 1).float() / 255 - 0.5) / 0.5
    write_json(os.path.join(out, 'squashed.json'), {
        'width': 61, 'height': 37, 'data': image.flatten().tolist(), 'pixels': pixels.flatten().tolist()})


main()
