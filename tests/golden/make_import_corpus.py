#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Seeds of the fuzz targets fuzz_pickle, fuzz_import, fuzz_config and fuzz_index, from tests/data/import:

    make_import_corpus.py tests/data/import tests/data/fuzz
"""
import json
import os
import sys
import zipfile

source, out = sys.argv[1:3]
pickles, imports, configs, indexes = (os.path.join(out, 'fuzz_' + kind) for kind in ('pickle', 'import', 'config', 'index'))
for folder in (pickles, imports, configs, indexes):
    os.makedirs(folder, exist_ok=True)


def read(*parts):
    with open(os.path.join(source, *parts), 'rb') as file:
        return file.read()


def write(folder, name, data):
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


for name in ('plain.pth', 'state-dict-module.pth'):
    with zipfile.ZipFile(os.path.join(source, name)) as archive:
        entry = next(entry for entry in archive.namelist() if entry.endswith('/data.pkl'))
        write(pickles, name + '.pkl', archive.read(entry))
write(imports, 'archive', b'\0' + read('model-key.pth'))
texts = read('hf4', 'config.json') + b'\xff' + read('hf4', 'preprocessor_config.json') + b'\xff'
write(imports, 'hugging-face', b'\2' + texts + read('hf4', 'model.safetensors'))
write(imports, 'timm', b'\2' + read('timm', 'config.json') + b'\xff{}\xff' + read('timm', 'model.safetensors'))
write(imports, 'index', b'\1' + texts + b'{"metadata":{},"weight_map":{"vit.layernorm.bias":"a"}}\xff' + b'\xff')
for name in ('hf4', 'hf5'):
    write(configs, name, read(name, 'config.json') + b'\xff' + read(name, 'preprocessor_config.json'))
for name in ('timm', 'timm-wrapper'):
    write(configs, name, read(name, 'config.json'))
squash = {'do_resize': True, 'size': {'height': 16, 'width': 16}, 'resample': 2, 'image_mean': [0.5], 'image_std': [0.5]}
write(configs, 'squash', json.dumps({
    'model_type': 'deit', 'architectures': ['DeiTForImageClassificationWithTeacher'], 'hidden_act': 'gelu_new',
    'id2label': {'1': 'b', '0': 'a'}}).encode() + b'\xff' + json.dumps(squash).encode())
write(configs, 'pooled', json.dumps({
    'architecture': 'vit', 'global_pool': 'avg', 'num_classes': 0, 'label_names': ['a', 'b\\u00e4'],
    'model_args': {'act_layer': 'gelu', 'num_heads': 3}, 'pretrained_cfg': {'input_size': [3, 16, 16]}}).encode())


def header(*tensors):
    entries = {name: {'dtype': 'F32', 'shape': [4], 'data_offsets': [16 * i, 16 * i + 16]}
               for i, name in enumerate(tensors)}
    return json.dumps({**entries, '__metadata__': {'format': 'pt'}}).encode()


shards = {'x.weight': 'a.safetensors', 'x.bias': 'b.safetensors', 'y': 'b.safetensors'}
write(indexes, 'two', json.dumps({'metadata': {'total_size': 48}, 'weight_map': shards}).encode() + b'\xff' +
      header('x.weight') + b'\xff' + header('x.bias', 'y'))
write(indexes, 'one', json.dumps({'weight_map': {'x': 'a.safetensors'}}).encode() + b'\xff' + header('x'))
