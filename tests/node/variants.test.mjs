// SPDX-License-Identifier: MIT
// The small models of tests/golden/make_variant_goldens.py through WebAssembly: PyTorch's logits, and the
// very bits of the native engine (tests/golden/test_variants.c): scalar, SIMD128 and two threads.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Engine } from '../../web/lib/engine.js';
import { loadWasm } from '../../web/lib/load_wasm.js';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT } from '../setup.mjs';
import { nativeCommand, npmCommand } from './shared.mjs';
import { distance } from './tiny.mjs';

const FOLDER = join(ROOT, 'tests/data/variants');
const HASHES = readFileSync(join(FOLDER, 'hashes.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' '));

/**
 * Input, logits, embedding, and what follows them, by make_variant_goldens.py's order.
 * @param {string} name @param {import('../../web/lib/vit158.js').ModelInfo} model
 */
function golden(name, { imageSize, tokens, heads, depth, classes, embedding }) {
  const bytes = readFileSync(join(FOLDER, `${name}.golden`));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const attention = values.length - depth * heads * tokens - tokens;
  const logits = attention - classes;
  return {
    input: values.subarray(0, 3 * imageSize ** 2),
    embedding: values.subarray(logits - embedding, logits),
    logits: values.subarray(logits, attention),
    rollout: values.subarray(values.length - tokens),
  };
}

/** @param {Float32Array[]} parts */
function hashOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex');
}

/**
 * A whole pass of one engine over a golden's input.
 * @param {Engine} engine @param {string} name
 */
function run(engine, name) {
  const file = readFileSync(join(FOLDER, `${name}.safetensors`));
  engine.loadBegin(file.length);
  engine.loadPush(file);
  engine.loadEnd();
  engine.plan({ engine: 'auto', gemm: 'auto', explain: true });
  const model = engine.modelInfo();
  const expected = golden(name, model);
  engine.setTensor(expected.input);
  for (const _ of engine.stepNames) engine.step();
  const found = {
    embedding: engine.results('embedding', model.embedding).slice(),
    logits: engine.results('logits', model.classes).slice(),
    attention: engine.results('attention', model.depth * model.heads * model.tokens).slice(),
    rollout: engine.results('rollout', model.tokens).slice(),
  };
  engine.end();
  return { found, expected };
}

for (const [name, hash] of HASHES) {
  test(`${name}: the native engine's bits and PyTorch's logits`, async () => {
    const maps = new Set();
    for (const kind of /** @type {const} */ (['scalar', 'simd128', 'threads'])) {
      const module = await loadWasm(kind);
      const engine = kind === 'threads' ? await Engine.createThreaded(module, 2, 0, 0) : await Engine.create(module);
      const { found, expected } = run(engine, name);
      const largest = Math.max(1, ...expected.logits.map(Math.abs), ...expected.embedding.map(Math.abs));
      for (const part of /** @type {const} */ (['logits', 'embedding', 'rollout']))
        if (expected[part].length > 0) {
          const away = distance(found[part], expected[part]);
          assert.ok(away <= 1e-4 * largest, `${kind}, ${part}: ${away} away`);
        }
      assert.equal(hashOf(found.logits, found.embedding), hash, kind);
      maps.add(hashOf(found.attention, found.rollout));
    }
    assert.equal(maps.size, 1, 'attention and rollout have the same bits in all engines');
  });
}

test('inspect says the same of them in both commands, and their size is what the formula says', () => {
  for (const [name] of HASHES) {
    const path = join(FOLDER, `${name}.safetensors`);
    const ours = nativeCommand('inspect', path);
    const theirs = npmCommand('inspect', path);
    assert.equal(theirs.stdout, ours.stdout);
    assert.match(ours.stdout, /formula +\d+  equal/);
  }
});

test('what the library gives of them: maps without prefix tokens, embeddings without a head', async () => {
  const image = { data: new Uint8Array(3 * 24 * 24).map((_, i) => (i * 37) % 256), width: 24, height: 24 };
  const load = (/** @type {string} */ name) => Classifier.load(join(FOLDER, `${name}.safetensors`), { threads: 1 });
  const registers = await load('average-beside-registers');
  const { attention, embedding } = await registers.classify(image, { explain: true, embedding: true });
  assert.deepEqual([attention.prefixTokens, attention.side, attention.tokens], [3, 6, 39]);
  assert.equal(attention.rollout.length, 36);
  assert.deepEqual(await registers.embed(image), embedding);
  registers.dispose();
  const distilled = await load('distilled');
  assert.equal((await distilled.embed(image)).length, 24);
  distilled.dispose();
  const headless = await load('headless');
  const found = await headless.classify(image, { embedding: true });
  assert.deepEqual([found.predictions, found.logits.length, found.unsure], [[], 0, false]);
  assert.equal(found.embedding.length, 12);
  assert.equal(found.logitsSha256, hashOf(found.embedding), 'its result is the embedding');
  headless.dispose();
});
