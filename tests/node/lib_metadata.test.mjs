// SPDX-License-Identifier: MIT
// Metadata given with a file: a bare timm checkpoint opens, without a copy and without the import module.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';

const BARE = join(ROOT, 'tests/data/import/bare-timm.safetensors');
const GIVEN = {
  heads: '2',
  mean: '0.5,0.5,0.5',
  std: '0.5,0.5,0.5',
  labels: JSON.stringify(['apple', 'pear', 'lemon', 'd\u00e4tyl', '\u{1f347}']),
};

test('a bare timm file lacks heads, and opens with what it lacks', async () => {
  await assert.rejects(Classifier.load(BARE), { code: 'E_METADATA', message: /heads is missing/ });
  for (const worker of [false, true]) {
    const vit = await Classifier.load(BARE, { metadata: GIVEN, worker });
    const { model, metadata } = vit.info();
    assert.equal(model.heads, 2);
    assert.equal(metadata.mean, GIVEN.mean);
    assert.deepEqual(vit.labels(), JSON.parse(GIVEN.labels));
    const { predictions } = await vit.classify({ data: new Uint8Array(3 * 16 * 16), width: 16, height: 16 });
    assert.equal(predictions.length, 5);
    vit.dispose();
  }
});

test('what is given is checked', async () => {
  await assert.rejects(Classifier.load(BARE, { metadata: /** @type {any} */ ({ heads: 2 }) }), {
    code: 'E_ARGUMENT',
    message: /metadata must be an object of strings/,
  });
  await assert.rejects(Classifier.load(BARE, { metadata: { ...GIVEN, heads: '3' } }), {
    code: 'E_METADATA',
    message: /3 heads of 5 do not make up the width/,
  });
  await assert.rejects(Classifier.load(BARE, { metadata: { ...GIVEN, labels: 'x'.repeat(70000) } }), {
    message: /metadata/,
  });
});
