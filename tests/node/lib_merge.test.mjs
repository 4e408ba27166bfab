// SPDX-License-Identifier: MIT
// Merging tokens, from JavaScript and both commands: at load and per call, by list and by name; the same bits in every
// engine; attention on the original tokens; lists that do not fit; golden files that say what was merged.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { verify } from '../../web/lib/golden.js';
import { Heap } from '../../web/lib/heap.js';
import { mergesOf } from '../../web/lib/merges.js';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, nativeCommand, npmCommand, temporaryFolder } from './shared.mjs';
import { CLASSES, DEPTH, HEADS, TOKENS, distance, noisePicture, tinyGolden, tinyPath } from './tiny.mjs';

const picture = noisePicture(40, 30);
const folder = temporaryFolder();
const PHOTO = join(ROOT, 'tests/data/images/baseline_420.jpg');
copyFileSync(PHOTO, join(folder, 'photo.jpg'));

for (const name of ['ternary-6', 'float-4']) {
  test(`${name}: what is merged is said at load or by a call`, async () => {
    const vit = await Classifier.load(tinyPath(name));
    const merged = await Classifier.load(tinyPath(name), { merge: '1:4,0:8' });
    assert.equal(vit.info().merge, 'off');
    assert.equal(merged.info().merge, '0:8,1:4');
    const plain = await vit.classify(picture);
    const other = await merged.classify(picture);
    const far = distance(plain.logits, other.logits);
    assert.ok(far > 0 && far < 2, `logits move by ${far}`);
    assert.deepEqual(
      other.timing.steps.map(({ name: step }) => step),
      [
        ...['embed', 'blocks.0.attn', 'blocks.0.merge', 'blocks.0.mlp'],
        ...['blocks.1.attn', 'blocks.1.merge', 'blocks.1.mlp', 'head'],
      ],
    );
    assert.equal((await vit.classify(picture, { merge: '0:8,1:4' })).logitsSha256, other.logitsSha256);
    assert.equal((await vit.classify(picture)).logitsSha256, plain.logitsSha256);
    assert.equal((await merged.classify(picture, { merge: 'off' })).logitsSha256, plain.logitsSha256);
    assert.equal((await merged.classify(picture, { merge: '0:0' })).logitsSha256, plain.logitsSha256);
    const { input } = tinyGolden(name);
    assert.deepEqual(await merged.forward(input), await vit.forward(input, { merge: '0:8,1:4' }));
    assert.deepEqual(await merged.embed(picture), await vit.embed(picture, { merge: '0:8,1:4' }));
    vit.dispose();
    merged.dispose();
  });
}

test('the same bits in every engine, and attention on the original tokens', async () => {
  const hashes = new Set();
  const maps = new Set();
  for (const how of [
    { engine: 'scalar' },
    { engine: 'simd128', threads: 1 },
    { threads: 2 },
    { threads: 4 },
    { worker: 2 },
  ]) {
    const vit = await Classifier.load(tinyPath('ternary-6'), { .../** @type {any} */ (how), merge: '0:10,1:5' });
    const { logitsSha256, attention } = await vit.classify(picture, { explain: true });
    hashes.add(logitsSha256);
    hashes.add((await vit.classify(picture)).logitsSha256);
    const { values, rollout } = /** @type {import('../../web/lib/vit158.d.ts').Attention} */ (attention);
    assert.equal(values.length, DEPTH * HEADS * TOKENS);
    assert.equal(rollout.length, TOKENS - 1);
    for (let row = 0; row < DEPTH * HEADS; row++) {
      const sum = values.subarray(row * TOKENS, (row + 1) * TOKENS).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum - 1) < 1e-4, `row ${row} sums to ${sum}`);
    }
    maps.add(values.join());
    vit.dispose();
  }
  assert.equal(hashes.size, 1);
  assert.equal(maps.size, 1);
});

test('a session of each kind is planned once, the last four are kept', async (t) => {
  /** @type {string[]} */
  const calls = [];
  const { call } = Heap.prototype;
  t.mock.method(
    Heap.prototype,
    'call',
    /** @this {Heap} @param {string} name @param {number[]} args */ function (name, ...args) {
      calls.push(name);
      return call.call(this, name, ...args);
    },
  );
  const planned = () => calls.filter((name) => name === 'vit158_wasm_plan').length;
  const vit = await Classifier.load(tinyPath('ternary-6'), { threads: 1 });
  assert.equal(planned(), 1);
  const kinds = [{}, { merge: '0:8' }, { merge: '0:8', explain: true }, { merge: '0:5' }];
  const hashes = [];
  for (const kind of kinds) hashes.push((await vit.classify(picture, kind)).logitsSha256);
  assert.equal(new Set(hashes).size, 3);
  assert.equal(planned(), 4);
  const { memoryBytes, sessionBytes } = vit.info();
  for (let round = 0; round < 3; round++)
    for (const [i, kind] of kinds.entries())
      assert.equal((await vit.classify(picture, kind)).logitsSha256, hashes[i], `kind ${i}, round ${round}`);
  assert.equal(planned(), 4);
  await vit.classify(picture, { merge: '0:1' }); // in place of the one used longest ago
  for (const kind of kinds.slice(1)) await vit.classify(picture, kind);
  assert.equal(planned(), 5);
  assert.equal((await vit.classify(picture, kinds[0])).logitsSha256, hashes[0]);
  assert.equal(planned(), 6);
  await assert.rejects(vit.classify(picture, { merge: '7:1' }), { code: 'E_ARGUMENT' });
  for (const [i, kind] of kinds.entries())
    assert.equal((await vit.classify(picture, kind)).logitsSha256, hashes[i], `kind ${i} after a list that is wrong`);
  for (let i = 0; i < 40; i++) await vit.classify(picture, { merge: `0:${1 + (i % 12)}` });
  assert.ok(vit.info().memoryBytes <= memoryBytes + 2 * sessionBytes, 'memory stays bounded');
  vit.dispose();
});

test('names are of lists in the metadata', async () => {
  const metadata = { merge_fast: '0:2', merge_faster: '1:3,0:4' };
  const vit = await Classifier.load(tinyPath('ternary-2'), { metadata, merge: 'faster' });
  assert.equal(vit.info().merge, '0:4,1:3');
  const { logits } = await vit.classify(picture);
  assert.equal(logits.length, CLASSES);
  assert.deepEqual((await vit.classify(picture, { merge: '0:4,1:3' })).logits, logits);
  assert.notDeepEqual((await vit.classify(picture, { merge: 'fast' })).logits, logits);
  await assert.rejects(vit.classify(picture, { merge: 'fastest' }), {
    code: 'E_UNSUPPORTED',
    message: /no "merge_fastest"/,
  });
  assert.deepEqual((await vit.classify(picture)).logits, logits, 'a call that failed changes nothing');
  vit.dispose();
  await assert.rejects(Classifier.load(tinyPath('ternary-2'), { metadata: { merge_fast: '9:1' }, merge: 'fast' }), {
    code: 'E_METADATA',
    message: /there is no block 9/,
  });
  assert.equal(mergesOf('fast', { merge_fast: '0:0' }), 'off');
});

test('the default model has the three lists of its recipe, each quicker than the one before', async () => {
  const recipe = JSON.parse(readFileSync(join(ROOT, 'models/recipes/imagenet-metadata.json'), 'utf8'));
  const vit = await Classifier.load(join(ROOT, 'models/vit158-imagenet.safetensors'));
  const { metadata, model } = vit.info();
  let left = Infinity;
  for (const name of /** @type {const} */ (['fast', 'faster', 'fastest'])) {
    assert.equal(metadata[`merge_${name}`], recipe[`merge_${name}`]);
    const { predictions } = await vit.classify(join(ROOT, 'models/samples/imagenet/pizza.jpg'), { merge: name });
    assert.equal(predictions[0].label, 'pizza');
    // Tokens of all blocks together: what a pass costs.
    let [total, tokens] = [0, model.tokens];
    const counts = new Map(
      metadata[`merge_${name}`].split(',').map((pair) => /** @type {any} */ (pair.split(':').map(Number))),
    );
    for (let block = 0; block < model.depth; block++) total += tokens -= counts.get(block) ?? 0;
    assert.ok(total < left, `${name}: ${total} tokens`);
    left = total;
  }
  vit.dispose();
});

test('lists that are wrong', async () => {
  const vit = await Classifier.load(tinyPath('float-2'));
  for (const [merge, message] of /** @type {[any, RegExp][]} */ ([
    ['', /is not off, fast/],
    ['quick', /is not off, fast/],
    ['0:2;1:2', /is not off, fast/],
    ['2:1', /there is no block 2, the last is 1/],
    ['0:1,0:1', /block 0 comes twice/],
    ['0:13', /of the 25 patches in block 0 at most 12 can merge, not 13/],
    [`0:1${',1:1'.repeat(40000)}`, /at most 65535/],
    [4, /merge must be "off"/],
    [true, /merge must be "off"/],
  ]))
    await assert.rejects(vit.classify(picture, { merge }), { message });
  vit.dispose();
});

test('both commands merge alike, and record what they merged', async () => {
  const model = tinyPath('ternary-4');
  /** @type {string[]} */
  const texts = [];
  for (const command of [npmCommand, nativeCommand]) {
    const golden = join(folder, 'golden.json');
    const recorded = command('record', model, join(folder, 'photo.jpg'), '--merge', '1:2,0:9', '-o', golden);
    assert.equal(recorded.code, 0, recorded.stderr);
    texts.push(readFileSync(golden, 'utf8'));
    for (const other of [npmCommand, nativeCommand]) {
      assert.equal(other('verify', golden, '--model', model).code, 0);
      const off = other('verify', golden, '--model', model, '--merge', 'off');
      assert.equal(off.code, 1);
      assert.match(off.stderr, /first difference in blocks\.0\.mlp/);
    }
    const wrong = command('classify', PHOTO, '-m', model, '--merge', '0:99');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /of the 25 patches in block 0 at most 12 can merge, not 99/);
  }
  assert.equal(texts[0], texts[1]);
  assert.equal(JSON.parse(texts[0]).merge, '0:9,1:2');
  assert.equal((await verify(JSON.parse(texts[0]), { read: () => PHOTO, model })).ok, true);
  writeFileSync(join(folder, 'bad.json'), texts[0].replace('0:9', '0:90'));
  const bad = nativeCommand('verify', join(folder, 'bad.json'), '--model', model);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /at most 12 can merge, not 90/);
});
