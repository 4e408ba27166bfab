// SPDX-License-Identifier: MIT
// In Node the models that come with the package go by their names, as they do in the commands.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, temporaryFolder } from './shared.mjs';

const NAME = 'vit158-cifar10';
const scratch = temporaryFolder();

/** @param {string} folder @param {() => Promise<void>} work */
async function within(folder, work) {
  const before = process.cwd();
  process.chdir(folder);
  try {
    await work();
  } finally {
    process.chdir(before);
  }
}

test('by name, with its ending, as a promise, and on workers', async () => {
  await within(scratch, async () => {
    for (const source of [NAME, `${NAME}.safetensors`, Promise.resolve(NAME)]) {
      const vit = await Classifier.load(source, { threads: 1 });
      assert.equal(vit.info().name, NAME);
      vit.dispose();
    }
    const pooled = await Classifier.load(NAME, { worker: true });
    assert.equal(pooled.info().name, NAME);
    pooled.dispose();
  });
});

test('a file of that name here comes first, then VIT158_MODELS, then the package', async () => {
  const other = join(ROOT, 'tests/data/tiny/float-6.safetensors');
  const here = join(scratch, 'here');
  const collection = join(scratch, 'collection');
  for (const folder of [here, collection]) mkdirSync(folder);
  copyFileSync(other, join(here, NAME));
  copyFileSync(other, join(collection, 'tiny.safetensors'));
  await within(here, async () => {
    const vit = await Classifier.load(NAME, { threads: 1 });
    assert.equal(vit.info().model.dim, 24);
    vit.dispose();
    process.env.VIT158_MODELS = collection;
    try {
      const tiny = await Classifier.load('tiny', { threads: 1 });
      assert.equal(tiny.info().model.dim, 24);
      tiny.dispose();
      await assert.rejects(Classifier.load('vit158-imagenet'), { code: 'E_IO', message: /no model of that name in / });
    } finally {
      delete process.env.VIT158_MODELS;
    }
  });
});

test('paths, addresses and names that no model has are told apart', async () => {
  await assert.rejects(Classifier.load('no-such-model'), {
    code: 'E_IO',
    message: /^no-such-model: there is no such file, and no model of that name in .*models$/,
  });
  await assert.rejects(Classifier.load(scratch), {
    code: 'E_IO',
    message: /: it is a folder: run vit158 import FOLDER/,
  });
  await assert.rejects(Classifier.load(`./${NAME}`), { code: 'E_IO', message: `./${NAME}: there is no such file` });
});
