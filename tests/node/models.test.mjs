// SPDX-License-Identifier: MIT
// models/: the manifest says the truth about every file in it, each model opens and runs, and has its
// card.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';

const MODELS = join(ROOT, 'models');
const manifest = JSON.parse(readFileSync(join(MODELS, 'manifest.json'), 'utf8'));

test('the manifest lists every model file once, and the default', () => {
  const files = manifest.models.map((/** @type {{file: string}} */ entry) => entry.file);
  assert.deepEqual(
    files.toSorted(),
    readdirSync(MODELS)
      .filter((name) => name.endsWith('.safetensors'))
      .sort(),
  );
  const names = manifest.models.map((/** @type {{name: string}} */ entry) => entry.name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(manifest.default, 'vit158-imagenet');
  assert.ok(names.includes(manifest.default) && names.includes('vit158-cifar10'));
});

test('samples: every photo that needs a credit has one, on the page and in THIRD-PARTY.md', () => {
  const notice = readFileSync(join(ROOT, 'THIRD-PARTY.md'), 'utf8');
  const others = ['fashion-mnist', 'grocery', 'clothing'].map((name) => `samples/${name}/samples.json`);
  const lists = ['samples/samples.json', 'samples/imagenet/samples.json', ...others];
  for (const entry of manifest.models) assert.ok(lists.includes(entry.samples), entry.name);
  let credited = 0;
  for (const list of lists) {
    const folder = join(MODELS, dirname(list));
    const { samples } = JSON.parse(readFileSync(join(MODELS, list), 'utf8'));
    const files = samples.map((/** @type {{file: string}} */ { file }) => file);
    assert.deepEqual(
      files.toSorted(),
      readdirSync(folder)
        .filter((name) => /\.(jpg|png)$/.test(name))
        .sort(),
    );
    for (const { file, author, original, licence } of samples) {
      if (list !== lists[1]) continue; // described in samples/README.md, with one notice for all
      assert.ok(licence && notice.includes(`| ${file} | ${author} | <${original}> |`), file);
      credited++;
    }
  }
  assert.equal(credited, 6);
});

for (const entry of manifest.models) {
  test(`${entry.name}: size, digest and card`, () => {
    const bytes = readFileSync(join(MODELS, entry.file));
    assert.equal(entry.file, `${entry.name}.safetensors`);
    assert.ok(entry.licence, 'no licence');
    assert.equal(bytes.length, entry.bytes);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), entry.sha256);
    const card = readFileSync(join(MODELS, entry.card), 'utf8');
    assert.ok(card.includes(entry.file), `${entry.card} does not name ${entry.file}`);
    assert.ok(card.includes(entry.bytes.toLocaleString('en')), `${entry.card} states another size`);
    for (const key of ['title', 'dataset']) assert.ok(entry[key].length > 0, key);
  });

  test(`${entry.name}: opens, has a label for each class, and runs`, async () => {
    const vit = await Classifier.load(join(MODELS, entry.file));
    const { model, metadata } = vit.info();
    assert.equal(model.fileBytes, entry.bytes);
    assert.equal(entry.classes, model.classes);
    assert.notEqual(metadata.trained, 'false');
    assert.ok(metadata.license, 'no licence in the metadata');
    const side = model.imageSize;
    const image = { data: new Uint8Array(side * side * 3).fill(99), width: side, height: side };
    const { predictions } = await vit.classify(image, { topK: model.classes });
    assert.equal(new Set(predictions.map(({ label }) => label)).size, model.classes);
    vit.dispose();
  });
}
