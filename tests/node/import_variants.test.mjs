// SPDX-License-Identifier: MIT
// `vit158 import` of models beyond the plain one, as timm and Hugging Face store them
// (tests/golden/make_import_variants.py): PyTorch's logits; and comparing on labelled pictures.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';

const scratch = temporaryFolder();
const at = (/** @type {string[]} */ ...names) => join(scratch, ...names);

const made = spawnSync('/usr/bin/python3', [join(ROOT, 'tests/golden/make_import_variants.py'), scratch], {
  encoding: 'utf8',
  env: { ...process.env, OPENBLAS_CORETYPE: 'Haswell' }, // what every x86 machine of today has
});
assert.equal(made.status, 0, made.stderr);
/** @type {{name: string, source: string, args: string[], says: string}[]} */
const CASES = JSON.parse(readFileSync(at('cases.json'), 'utf8'));

for (const { name, source, args, says } of CASES)
  test(`${name}: both commands make the same model, with PyTorch's logits`, () => {
    const all = ['import', at(source), '-o', at('out.safetensors'), '--weights', 'f32', ...args];
    all.push('--verify', at(`${name}.verify.safetensors`));
    const ours = nativeCommand(...all);
    assert.equal(ours.code, 0, ours.stderr + ours.stdout);
    assert.match(ours.stdout, /top-1 equal in 3: passed\n$/);
    assert.ok(ours.stdout.includes(says), ours.stdout);
    const bytes = readFileSync(at('out.safetensors'));
    const theirs = npmCommand(...all);
    assert.equal(theirs.code, 0, theirs.stderr + theirs.stdout);
    assert.equal(theirs.stdout.split('verify:')[0], ours.stdout.split('verify:')[0]);
    assert.ok(bytes.equals(readFileSync(at('out.safetensors'))));
  });

test('stored as int8 and F16 they answer the same', () => {
  for (const { name, source, args } of CASES)
    for (const weights of ['i8', 'f16']) {
      const all = ['import', at(source), '-o', at('small.safetensors'), '--weights', weights, ...args];
      const { code, stdout, stderr } = nativeCommand(...all, '--verify', at(`${name}.verify.safetensors`));
      assert.equal(stderr, '');
      assert.match(stdout, /top-1 equal in [23]/, `${name}, ${weights}`);
      assert.ok(code === 0 || weights === 'i8', `${name}, ${weights}: random logits lie close, but not so close`);
    }
});

test('what is not computed or could be meant in two ways is refused by name', () => {
  const edited = (/** @type {string} */ name, /** @type {(config: any) => void} */ edit) => {
    mkdirSync(at('edited'), { recursive: true });
    const config = JSON.parse(readFileSync(at(name, 'config.json'), 'utf8'));
    edit(config);
    writeFileSync(at('edited/config.json'), JSON.stringify(config));
    copyFileSync(at(name, 'model.safetensors'), at('edited/model.safetensors'));
    return nativeCommand('import', at('edited'), '-o', at('refused.safetensors'));
  };
  for (const pooling of ['max', 'map']) {
    const { code, stderr } = edited('registers', (config) => (config.global_pool = pooling));
    assert.equal(code, 1);
    assert.match(stderr, /key global_pool: token and avg are computed here/);
  }
  const gap = edited('gap-registers', (config) => (config.global_pool = 'token'));
  assert.match(gap.stderr, /it takes the class token, but has none/);
  const act = edited('registers', (config) => (config.model_args.act_layer = 'relu'));
  assert.match(act.stderr, /key act_layer: gelu, its tanh approximation and quick_gelu/);
  const prefix = edited('average', (config) => (config.model_args.pool_include_prefix = true));
  assert.match(prefix.stderr, /key pool_include_prefix: the mean is of the patches only/);
  const head = edited('embedding', (config) => (config.num_classes = 5));
  assert.match(head.stderr, /its head's weight is missing/);
});

test('a folder that squashes: the pixels are Pillow’s', async () => {
  const { width, height, data, pixels } = JSON.parse(readFileSync(at('squashed.json'), 'utf8'));
  const { code, stderr } = nativeCommand('import', at('hf-deit'), '-o', at('squash.safetensors'));
  assert.equal(code, 0, stderr);
  const vit = await Classifier.load(at('squash.safetensors'));
  assert.equal(vit.info().metadata.resize_mode, 'squash');
  const tensor = await vit.preprocess({ data: Uint8Array.from(data), width, height });
  assert.deepEqual([...tensor], pixels.map(Math.fround));
  vit.dispose();
});

test('--verify FOLDER: how often source and new model are right, in both commands, as eval counts', () => {
  const images = join(ROOT, 'tests/data/images');
  const photos = readdirSync(images).filter((name) => /^(?:grey|indexed)_\w+\.png$/.test(name));
  photos.forEach((name, i) => {
    mkdirSync(at('labelled', `label ${i % 3}`), { recursive: true });
    copyFileSync(join(images, name), at('labelled', `label ${i % 3}`, name));
  });
  const import_ = ['import', at('hf-deit'), '-o', at('judged.safetensors'), '--weights', 'i8'];
  const ours = nativeCommand(...import_, '--verify', at('labelled'));
  const theirs = npmCommand(...import_, '--verify', at('labelled'));
  assert.equal(theirs.stdout, ours.stdout);
  const line = /verify: (\d+) images, the source is right in ([\d.]+) %, the new model in ([\d.]+) %/.exec(ours.stdout);
  assert.ok(line, ours.stdout + ours.stderr);
  const evaluated = JSON.parse(nativeCommand('eval', at('labelled'), '--json', '-m', at('judged.safetensors')).stdout);
  assert.equal(evaluated.images, Number(line[1]));
  assert.equal((100 * evaluated.top1).toFixed(2), line[3]);
  const none = nativeCommand(...import_, '--verify', at('registers'));
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no images: expected a folder for each class/);
});
