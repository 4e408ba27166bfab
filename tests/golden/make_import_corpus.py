#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Seeds of the fuzz targets fuzz_pickle and fuzz_import, from tests/data/import:

    make_import_corpus.py tests/data/import tests/data/fuzz
"""
import os
import sys
import zipfile

source, out = sys.argv[1:3]
pickles, imports = os.path.join(out, 'fuzz_pickle'), os.path.join(out, 'fuzz_import')
for folder in (pickles, imports):
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
