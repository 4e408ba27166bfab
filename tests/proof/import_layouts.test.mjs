// SPDX-License-Identifier: MIT
// The real ViT-Ti in every layout that `vit158 import` reads, rewritten by PyTorch: the same tensors, and its logits.
// tests/node does this with small models.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nativeCommand, ROOT, sharedFiles, temporaryFolder } from '../node/shared.mjs';

const SOURCES = [
  ...['hf4', 'hf5', 'hf4-sharded', 'hf4-bin', 'timm', 'timm-wrapper'],
  ...['bare-timm.safetensors', 'bare-f64.safetensors', 'torchvision.safetensors'],
  ...['plain.pth', 'model-key.pth', 'state-dict-module.pth'],
];
const scratch = temporaryFolder();
const out = join(scratch, 'tiny.safetensors');

const {
  skip,
  files: [checkpoint],
} = sharedFiles('checkpoints/vit_tiny_patch16_224.safetensors');
test('the real ViT-Ti, rewritten by PyTorch into each layout, verifies', { skip }, () => {
  const made = spawnSync(
    '/usr/bin/python3',
    [join(ROOT, 'tests/golden/make_import_layouts.py'), join(scratch, 'tiny'), checkpoint],
    { encoding: 'utf8', env: { ...process.env, OPENBLAS_CORETYPE: 'Haswell' } },
  );
  assert.equal(made.status, 0, made.stderr);
  const first = { bytes: Buffer.alloc(0) };
  for (const source of SOURCES) {
    const { code, stdout, stderr } = nativeCommand(
      'import',
      join(scratch, 'tiny', source),
      '-o',
      out,
      '--weights',
      'f32',
      '--heads',
      '3',
      '--verify',
      join(scratch, 'tiny/verify.safetensors'),
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /top-1 equal in 3: passed/);
    const bytes = readFileSync(out);
    const data = bytes.subarray(8 + Number(bytes.readBigUInt64LE()));
    if (first.bytes.length === 0) first.bytes = Buffer.from(data);
    assert.ok(data.equals(first.bytes), `${source}: other tensors`);
  }
});
