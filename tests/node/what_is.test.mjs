// SPDX-License-Identifier: MIT
// What people give as a model and is none: the library and the native command call it by the same
// words and name the command that helps.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, temporaryFolder } from './shared.mjs';

const folder = temporaryFolder();
const DATA = join(ROOT, 'tests/data/import');
const zeros = Buffer.alloc(3000);
const none = Buffer.alloc(0);

/** @param {string} start @param {Buffer} [rest] */
const bytes = (start, rest = zeros) => Buffer.concat([Buffer.from(start, 'latin1'), rest]);

/** A file with these tensors, of no use. @param {string[]} names */
function tensors(...names) {
  const entries = names.map((name, i) => [name, { dtype: 'F32', shape: [1], data_offsets: [4 * i, 4 * i + 4] }]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4 * names.length)]);
}

/** @type {[string, Buffer, RegExp][]} */
const CASES = [
  ['pointer', bytes('version https://git-lfs.github.com/spec/v1\noid sha256:4d\n', none), /run git lfs pull/],
  ['marked-pointer', bytes('\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\r\n', none), /run git lfs pull/],
  ['archive', readFileSync(join(DATA, 'plain.pth')), /torch\.save.*run vit158 import FILE/],
  ['other-archive', bytes(`PK\x03\x04${'.'.repeat(22)}\x0d\0..metadata.json`), /is a ZIP archive: unpack it/],
  ['no-entry', bytes('PK\x03\x04', none), /is a ZIP archive: unpack it/],
  ['npz', bytes(`PK\x03\x04${'.'.repeat(22)}\x07\0..cls.npy`), /holds NumPy arrays/],
  ['npy', bytes('\x93NUMPY\x01\0v\0'), /holds NumPy arrays/],
  ['legacy', bytes('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'), /PyTorch's old format/],
  ['onnx', bytes('\x08\x08\x12\x07pytorch\x1a\x052.1.0:'), /ONNX.*vit158 import/],
  ['gguf', bytes('GGUF\x03\0\0\0'), /GGUF/],
  ['tflite', bytes('\x1c\0\0\0TFL3'), /TensorFlow Lite/],
  ['hdf5', bytes('\x89HDF\r\n\x1a\n'), /HDF5/],
  ['gzip', gzipSync(readFileSync(join(DATA, 'bare-timm.safetensors'))), /gzip.*gunzip/],
  ['bzip2', bytes('BZh91AY'), /is packed/],
  ['xz', bytes('\xfd7zXZ\0\0'), /is packed/],
  ['zstandard', bytes('\x28\xb5\x2f\xfd'), /is packed/],
  ['seven', bytes('7z\xbc\xaf\x27\x1c'), /is packed/],
  ['tar', bytes(`${'a'.repeat(257)}ustar\0`), /is packed/],
  ['saved', bytes('\x08\x01\x12\xaf\x80\x01'), /TensorFlow SavedModel/],
  ['pdf', bytes('%PDF-1.7\n'), /is a PDF document/],
  ['heic', bytes('\0\0\0\x18ftypheic'), /is an image or a video/],
  ['utf16', bytes('\xff\xfe<\0!\0'), /is text in UTF-16/],
  ['marked-page', bytes('\xef\xbb\xbf\n<!DOCTYPE html>', none), /is an HTML page/],
  ['head', bytes('<head><title>404</title></head>', none), /is an HTML page/],
  [
    'xml',
    bytes('<?xml version="1.0"?>\n<Error>', none),
    /text, not a model; it begins with <\?xml version="1\.0"\?> <Error>$/,
  ],
  ['german', bytes('sp\xc3\xa4ter \n', none), /it begins with sp\?\?ter$/],
  ['spaces', bytes(' \n', none), /it begins with $/],
  ['noise', bytes('\x01\x02\xffxyz01', none), /begins with the bytes 01 02 ff 78 79 7a$/],
  ['one-byte', bytes('\0', none), /begins with the bytes 00$/],
  ['json', bytes('{"error":"not found"}', none), /JSON text.*vit158 import FOLDER/],
  ['html', bytes('<!DOCTYPE html><html><body>Sign in</body></html>', none), /is an HTML page/],
  ['empty', none, /is empty: the download failed/],
  ['text', bytes('Access denied\n', none), /is text/],
  ['picture', readFileSync(join(ROOT, 'tests/data/images/baseline_420.jpg')), /is an image/],
  ['hf', tensors('vit.embeddings.cls_token'), /Hugging Face's names: run vit158 import FOLDER/],
  ['ddp', tensors('module.cls_token'), /begin with module\./],
  ['lightning', tensors('model.cls_token'), /begin with model\./],
  ['compiled', tensors('_orig_mod.cls_token'), /begin with _orig_mod\./],
  ['wrapper', tensors('timm_model.cls_token'), /names of a timm model/],
  ['torchvision', tensors('class_token', 'conv_proj.weight'), /torchvision's names/],
  ['variant', tensors('cls_token', 'reg_token'), /takes timm's variants/],
  ['inside', tensors('student.backbone.cls_token'), /inside something else: run vit158 import FILE/],
  ['other', tensors('conv1.weight'), /takes Vision Transformers with the names of timm/],
  ['nothing', tensors(), /takes Vision Transformers with the names of timm/],
];

for (const [name, content, words] of CASES) {
  test(`${name}: ${words.source}`, async () => {
    const path = join(folder, name);
    writeFileSync(path, content);
    const said = await Classifier.load(path).then(
      () => '',
      (error) => error.message,
    );
    assert.match(said, words);
    const sentence = said.replace(`${path} `, '');
    for (const args of [
      ['pack', path, '-o', join(folder, 'out')],
      ['inspect', path],
      ['info', '--model', path],
    ]) {
      const { status, stderr } = spawnSync(join(ROOT, 'build/native/vit158'), args, { encoding: 'utf8' });
      assert.equal(status, 1);
      assert.ok(stderr.includes(`${path}: `), stderr);
      assert.ok(stderr.includes(sentence), `${args[0]}: ${stderr}\nthe library: ${sentence}`);
      const npm = spawnSync(process.execPath, [join(ROOT, 'web/cli.mjs'), ...args], { encoding: 'utf8' });
      assert.deepEqual([npm.status, npm.stderr], [status, stderr]);
    }
  });
}

test('a folder', () => {
  const { stderr } = spawnSync(join(ROOT, 'build/native/vit158'), ['info', '--model', DATA], { encoding: 'utf8' });
  assert.match(stderr, /is a folder: run vit158 import FOLDER/);
});
