#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes one Vision Transformer in every layout that `vit158 import` reads, by PyTorch.

    make_import_layouts.py OUT              a small seeded model: tests/data/import was made so
    make_import_layouts.py OUT CHECKPOINT   a safetensors file with timm's names and metadata

OUT/reference.safetensors has the F32 tensors by timm's names, OUT/verify.safetensors pixel_values and
PyTorch's logits. Debian: python3-torch, libopenblas0-pthread.
"""
import json
import os
import struct
import sys
from collections import OrderedDict

import torch
import torch.nn.functional as F

TYPES = {torch.float64: 'F64', torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64'}



def as_bytes(tensor):
    flat = tensor.detach().contiguous().flatten()
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def write_safetensors(path, tensors, metadata=None):
    header, data = {}, b''
    if metadata:
        header['__metadata__'] = metadata
    for name, tensor in tensors.items():
        piece = as_bytes(tensor)
        header[name] = {'dtype': TYPES[tensor.dtype], 'shape': list(tensor.shape),
                        'data_offsets': [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)


def read_safetensors(path):
    data = open(path, 'rb').read()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop('__metadata__', {})
    tensors = OrderedDict()
    for name, entry in header.items():
        start, end = entry['data_offsets']
        values = torch.frombuffer(bytearray(data[8 + length + start:8 + length + end]), dtype=torch.float32)
        tensors[name] = values.reshape(entry['shape']).clone()
    return tensors, metadata


def small_model():
    torch.manual_seed(158)
    dim, depth, mlp, classes, size, patch = 16, 2, 32, 5, 16, 4
    t = OrderedDict()
    t['cls_token'] = torch.randn(1, 1, dim) * 0.5
    t['pos_embed'] = torch.randn(1, (size // patch) ** 2 + 1, dim) * 0.5
    t['patch_embed.proj.weight'] = torch.randn(dim, 3, patch, patch) * 0.2
    t['patch_embed.proj.bias'] = torch.randn(dim) * 0.2
    for i in range(depth):
        b = f'blocks.{i}.'
        for norm in ('norm1', 'norm2'):
            t[b + norm + '.weight'] = 1 + torch.randn(dim) * 0.2
            t[b + norm + '.bias'] = torch.randn(dim) * 0.2
        for name, rows, columns in (('attn.qkv', 3 * dim, dim), ('attn.proj', dim, dim),
                                    ('mlp.fc1', mlp, dim), ('mlp.fc2', dim, mlp)):
            t[b + name + '.weight'] = torch.randn(rows, columns) * 0.3
            t[b + name + '.bias'] = torch.randn(rows) * 0.2
    t['norm.weight'] = 1 + torch.randn(dim) * 0.2
    t['norm.bias'] = torch.randn(dim) * 0.2
    t['head.weight'] = torch.randn(classes, dim)
    t['head.bias'] = torch.randn(classes) * 0.2
    labels = ['apple', 'pear "green"', 'lemon', 'd\u00e4tyl', 'fig']
    return t, {'heads': '2', 'mean': '0.5,0.5,0.5', 'std': '0.5,0.5,0.5', 'crop_pct': '0.9',
               'interpolation': 'bicubic', 'norm_eps': '1e-6', 'labels': json.dumps(labels)}


def forward(t, x, heads, eps, scales=None):
    """Logits of a plain Vision Transformer: pre-norm, exact GELU, class token."""
    dim = t['cls_token'].shape[-1]
    patch = t['patch_embed.proj.weight'].shape[-1]
    x = F.conv2d(x, t['patch_embed.proj.weight'], t['patch_embed.proj.bias'], stride=patch).flatten(2).transpose(1, 2)
    x = torch.cat([t['cls_token'].expand(x.shape[0], -1, -1), x], 1) + t['pos_embed']
    for i in range(depth_of(t)):
        b = f'blocks.{i}.'
        h = F.layer_norm(x, (dim,), t[b + 'norm1.weight'], t[b + 'norm1.bias'], eps)
        qkv = F.linear(h, t[b + 'attn.qkv.weight'], t[b + 'attn.qkv.bias'])
        q, k, v = qkv.reshape(x.shape[0], x.shape[1], 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (dim // heads) ** -0.5).softmax(-1)
        h = F.linear((a @ v).transpose(1, 2).reshape(x.shape), t[b + 'attn.proj.weight'], t[b + 'attn.proj.bias'])
        x = x + (h * scales[b + 'ls1.gamma'] if scales else h)
        h = F.layer_norm(x, (dim,), t[b + 'norm2.weight'], t[b + 'norm2.bias'], eps)
        h = F.gelu(F.linear(h, t[b + 'mlp.fc1.weight'], t[b + 'mlp.fc1.bias']))
        h = F.linear(h, t[b + 'mlp.fc2.weight'], t[b + 'mlp.fc2.bias'])
        x = x + (h * scales[b + 'ls2.gamma'] if scales else h)
    x = F.layer_norm(x[:, 0], (dim,), t['norm.weight'], t['norm.bias'], eps)
    return F.linear(x, t['head.weight'], t['head.bias'])


def depth_of(t):
    return 1 + max(int(name.split('.')[1]) for name in t if name.startswith('blocks.'))


HF = {'cls_token': 'vit.embeddings.cls_token', 'pos_embed': 'vit.embeddings.position_embeddings',
      'patch_embed.proj': 'vit.embeddings.patch_embeddings.projection', 'norm': 'vit.layernorm', 'head': 'classifier'}
HF4 = {'norm1': 'layernorm_before', 'norm2': 'layernorm_after', 'attn.proj': 'attention.output.dense',
       'mlp.fc1': 'intermediate.dense', 'mlp.fc2': 'output.dense', 'qkv': 'attention.attention.', 'q': 'query', 'k': 'key', 'v': 'value'}
HF5 = {'norm1': 'layernorm_before', 'norm2': 'layernorm_after', 'attn.proj': 'attention.o_proj',
       'mlp.fc1': 'mlp.fc1', 'mlp.fc2': 'mlp.fc2', 'qkv': 'attention.', 'q': 'q_proj', 'k': 'k_proj', 'v': 'v_proj'}
TV = {'cls_token': 'class_token', 'pos_embed': 'encoder.pos_embedding', 'patch_embed.proj': 'conv_proj',
      'norm': 'encoder.ln', 'head': 'heads.head', 'norm1': 'ln_1', 'norm2': 'ln_2', 'attn.qkv': 'self_attention.in_proj_',
      'attn.proj': 'self_attention.out_proj', 'mlp.fc1': 'mlp.0', 'mlp.fc2': 'mlp.3'}


def rename(t, whole, block, parts):
    out = OrderedDict()
    for name, tensor in t.items():
        base, _, kind = name.rpartition('.') if name.endswith(('.weight', '.bias')) else (name, '', '')
        if not base.startswith('blocks.'):
            out[whole[base] + ('.' + kind if kind else '')] = tensor
            continue
        _, i, part = base.split('.', 2)
        prefix = block % int(i)
        if part == 'attn.qkv' and 'qkv' in parts:
            for letter, piece in zip('qkv', tensor.chunk(3)):
                out[f'{prefix}{parts["qkv"]}{parts[letter]}.{kind}'] = piece.clone()
        elif parts[part].endswith('_'):
            out[prefix + parts[part] + kind] = tensor
        else:
            out[f'{prefix}{parts[part]}.{kind}'] = tensor
    return out


def write_json(path, value):
    with open(path, 'w') as file:
        json.dump(value, file, indent=2)
        file.write('\n')


def hf_folder(out, name, t, m, version, save):
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    dim = t['cls_token'].shape[-1]
    patch = t['patch_embed.proj.weight'].shape[-1]
    size = int((t['pos_embed'].shape[1] - 1) ** 0.5) * patch
    labels = json.loads(m['labels'])
    order = list(range(len(labels)))[::-1]
    config = {'architectures': ['ViTForImageClassification'], 'model_type': 'vit', 'hidden_size': dim,
              'num_hidden_layers': depth_of(t), 'num_attention_heads': int(m['heads']),
              'intermediate_size': t['blocks.0.mlp.fc1.weight'].shape[0], 'hidden_act': 'gelu',
              'layer_norm_eps': float(m['norm_eps']), 'image_size': size, 'patch_size': patch, 'num_channels': 3,
              'qkv_bias': True, 'hidden_dropout_prob': 0.0, 'attention_probs_dropout_prob': 0.0,
              'initializer_range': 0.02, 'id2label': {str(i): labels[i] for i in order},
              'label2id': {labels[i]: i for i in order}, 'transformers_version': version}
    numbers = [float(x) for x in m['mean'].split(',')], [float(x) for x in m['std'].split(',')]
    write_json(os.path.join(folder, 'config.json'), config)
    write_json(os.path.join(folder, 'preprocessor_config.json'), {
        'do_resize': True, 'size': {'shortest_edge': int(size / float(m['crop_pct']))}, 'do_center_crop': True,
        'crop_size': {'height': size, 'width': size}, 'resample': 3, 'do_rescale': True,
        'rescale_factor': 1 / 255, 'do_normalize': True, 'image_mean': numbers[0], 'image_std': numbers[1],
        'image_processor_type': 'ViTImageProcessor'})
    names = rename(t, HF, 'vit.layers.%d.' if version[0] == '5' else 'vit.encoder.layer.%d.',
                   HF5 if version[0] == '5' else HF4)
    save(folder, names)


def save_whole(folder, names):
    write_safetensors(os.path.join(folder, 'model.safetensors'), names, {'format': 'pt'})


def save_shards(folder, names):
    keys = list(names)
    parts = [keys[i::3] for i in range(3)]
    weight_map = {}
    for i, part in enumerate(parts):
        shard = f'model-{i + 1:05}-of-{len(parts):05}.safetensors'
        write_safetensors(os.path.join(folder, shard), {key: names[key] for key in part}, {'format': 'pt'})
        weight_map.update({key: shard for key in part})
    write_json(os.path.join(folder, 'model.safetensors.index.json'),
               {'metadata': {'total_size': sum(t.numel() * 4 for t in names.values())}, 'weight_map': weight_map})


def save_bin(folder, names):
    torch.save(names, os.path.join(folder, 'pytorch_model.bin'))


def timm_folder(out, name, t, m, wrapper=False):
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    dim = t['cls_token'].shape[-1]
    patch = t['patch_embed.proj.weight'].shape[-1]
    size = int((t['pos_embed'].shape[1] - 1) ** 0.5) * patch
    labels = json.loads(m['labels'])
    numbers = [float(x) for x in m['mean'].split(',')], [float(x) for x in m['std'].split(',')]
    config = {'architecture': f'vit_test_patch{patch}_{size}', 'num_classes': len(labels), 'num_features': dim,
              'global_pool': 'token', 'label_names': labels, 'model_args': {'num_heads': int(m['heads'])},
              'pretrained_cfg': {'tag': 'test', 'custom_load': False, 'input_size': [3, size, size],
                                 'fixed_input_size': True, 'interpolation': m['interpolation'],
                                 'crop_pct': float(m['crop_pct']), 'crop_mode': 'center', 'mean': numbers[0],
                                 'std': numbers[1], 'num_classes': len(labels), 'pool_size': None,
                                 'first_conv': 'patch_embed.proj', 'classifier': 'head', 'license': 'mit'}}
    if wrapper:
        config.update(model_type='timm_wrapper', architectures=['TimmWrapperForImageClassification'],
                      initializer_range=0.02, do_pooling=True, transformers_version='4.57.0')
        t = OrderedDict(('timm_model.' + key, value) for key, value in t.items())
    write_json(os.path.join(folder, 'config.json'), config)
    write_safetensors(os.path.join(folder, 'model.safetensors'), t, {'format': 'pt'})


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    t, m = read_safetensors(sys.argv[2]) if len(sys.argv) > 2 else small_model()
    path = lambda name: os.path.join(out, name)
    heads, eps = int(m['heads']), float(m['norm_eps'])
    dim, grid = t['cls_token'].shape[-1], int((t['pos_embed'].shape[1] - 1) ** 0.5)
    torch.manual_seed(17)
    pixels = torch.randn(3, 3, *[grid * t['patch_embed.proj.weight'].shape[-1]] * 2)
    write_safetensors(path('reference.safetensors'), t)
    write_safetensors(path('verify.safetensors'), {'pixel_values': pixels, 'logits': forward(t, pixels, heads, eps)})

    hf_folder(out, 'hf4', t, m, '4.40.0', save_whole)
    hf_folder(out, 'hf5', t, m, '5.1.0', save_whole)
    hf_folder(out, 'hf4-sharded', t, m, '4.40.0', save_shards)
    hf_folder(out, 'hf4-bin', t, m, '4.20.0', save_bin)
    timm_folder(out, 'timm', t, m)
    timm_folder(out, 'timm-wrapper', t, m, wrapper=True)
    write_safetensors(path('bare-timm.safetensors'), t)
    write_safetensors(path('bare-f64.safetensors'), {k: v.double() for k, v in t.items()})
    write_safetensors(path('bare-f16.safetensors'), {k: v.half() for k, v in t.items()})
    write_safetensors(path('bare-bf16.safetensors'), {k: v.bfloat16() for k, v in t.items()})
    write_safetensors(path('torchvision.safetensors'),
                      rename(t, TV, 'encoder.layers.encoder_layer_%d.', TV))
    torch.save(t, path('plain.pth'))
    torch.save({'model': dict(t), 'epoch': 3}, path('model-key.pth'))
    torch.save({'state_dict': OrderedDict(('module.' + k, v) for k, v in t.items()), 'epoch': 3, 'lr': 0.1},
               path('state-dict-module.pth'))
    if len(sys.argv) > 2:
        return
    # What is folded: LayerScale, no qkv bias, no position for the class token; another size.
    scales = {f'blocks.{i}.ls{n}.gamma': torch.randn(dim) * 0.3 for i in range(depth_of(t)) for n in (1, 2)}
    folded = OrderedDict(t)
    for i in range(depth_of(t)):
        folded[f'blocks.{i}.attn.qkv.bias'] = torch.zeros(3 * dim)
    folded['pos_embed'] = torch.cat([torch.zeros(1, 1, dim), t['pos_embed'][:, 1:]], 1)
    write_safetensors(path('folded-verify.safetensors'),
                      {'pixel_values': pixels, 'logits': forward(folded, pixels, heads, eps, scales)})
    source = OrderedDict((k, v) for k, v in t.items() if 'qkv.bias' not in k)
    source['pos_embed'] = t['pos_embed'][:, 1:].clone()
    source.update(scales)
    write_safetensors(path('folded.safetensors'), source)
    # Positions as timm's resample_abs_pos_embed gives them for pictures of 24 and 12 pixels.
    square = t['pos_embed'][:, 1:].reshape(1, grid, grid, dim).permute(0, 3, 1, 2)
    resized = {}
    for side in (6, 3, 7):
        image = F.interpolate(square, size=(side, side), mode='bicubic', antialias=True)
        resized[f'pos{side}'] = torch.cat([t['pos_embed'][:, :1], image.permute(0, 2, 3, 1).reshape(1, -1, dim)], 1)
    write_safetensors(path('positions.safetensors'), resized)
    # Weights that are ternary already, one scale a row.
    ternary = OrderedDict(t)
    for name in t:
        if name.startswith('blocks.') and name.endswith('.weight') and t[name].dim() == 2:
            scale = t[name].abs().mean(1, keepdim=True)
            ternary[name] = (t[name] / scale).round().clamp(-1, 1) * scale
    write_safetensors(path('ternary.safetensors'), ternary)


main()
