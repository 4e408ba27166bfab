// SPDX-License-Identifier: MIT
// models/fashion-mnist.safetensors on all 10,000 test images of Debian's dataset-fashion-mnist,
// through wasm: as many right as its manifest entry says.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Classifier } from '../../web/lib/vit158.js';
import { readIdx } from './idx.mjs';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const DATA = '/usr/share/datasets/fashion-mnist';
const entry = JSON.parse(readFileSync(`${MODELS}manifest.json`, 'utf8')).models.find(
  (/** @type {{name: string}} */ m) => m.name === 'fashion-mnist',
);
const skip = existsSync(DATA) ? false : 'SKIPPED: apt-get install dataset-fashion-mnist';

test('fashion-mnist classifies the test pictures as its card says', { skip }, async () => {
  const vit = await Classifier.load(`${MODELS}${entry.file}`);
  const { count, side, pixels, labels } = readIdx(DATA, 't10k');
  const size = side * side;
  const metadata = vit.info().metadata;
  const [mean, std] = [metadata.mean, metadata.std].map(Number).map(Math.fround);
  const values = Float32Array.from({ length: 256 }, (_, i) =>
    Math.fround(Math.fround(Math.fround(i / 255) - mean) / std),
  );
  let right = 0;
  for (let i = 0; i < count; i++) {
    const logits = await vit.forward(
      Float32Array.from(pixels.subarray(i * size, (i + 1) * size), (byte) => values[byte]),
    );
    right += Number(logits.indexOf(Math.max(...logits)) === labels[i]);
  }
  vit.dispose();
  assert.equal(count, 10000);
  assert.equal(right, Number(entry.accuracy.match(/^([\d,]+) of/)[1].replace(',', '')));
});
