// SPDX-License-Identifier: MIT
// Classifier: results against PyTorch's, the same bits in every module, options, bad arguments,
// queueing, abort, deadlines, memory and the end of life.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Classifier, VERSION } from '../../web/lib/vit158.js';
import { serve } from './server.mjs';
import {
  CLASSES,
  DEPTH,
  DIM,
  HEADS,
  SIDE,
  TINY_MODELS,
  TOKENS,
  distance,
  noisePicture,
  tinyGolden,
  tinyPath,
} from './tiny.mjs';

/** @param {string} code @param {RegExp} [message] */
const error =
  (code, message = /./) =>
  (/** @type {any} */ e) => {
    assert.equal(e.name, 'Vit158Error', e.stack);
    assert.equal(e.code, code, e.message);
    assert.match(e.message, message);
    return true;
  };

/** @param {string} [name] @param {any} [options] */
const load = (name = 'ternary-6', options) => Classifier.load(tinyPath(name), options);

/** @param {Float32Array} values */
const sha256 = (values) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');

// As in tests/golden/test_tiny_goldens.c.
const TOLERANCE = 40 * 5.96e-8;

for (const name of TINY_MODELS) {
  test(`${name} gives PyTorch's logits, in every module the same bits`, async () => {
    const golden = tinyGolden(name);
    const largest = golden.logits.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const hashes = new Set();
    const steps = new Set();
    for (const options of [
      { engine: 'scalar' },
      { engine: 'simd128', threads: 1 },
      { threads: 2 },
      { gemm: 'dot', threads: 1 },
      { gemm: 'table', threads: 1 },
    ]) {
      const vit = await load(name, options);
      const away = distance(await vit.forward(golden.input), golden.logits);
      assert.ok(away <= TOLERANCE * largest, `the logits are ${away} away`);
      const picture = noisePicture(33, 41);
      const {
        logits,
        logitsSha256,
        attention,
        stepHashes = [],
      } = await vit.classify(picture, { explain: true, stepHashes: true });
      const tensor = await vit.preprocess(picture);
      assert.equal(distance(await vit.forward(tensor), logits), 0, "the tensor gives the picture's logits");
      assert.equal(logitsSha256, sha256(logits));
      assert.deepEqual(
        stepHashes.map((step) => step.name),
        ['preprocess', 'embed', 'blocks.0.attn', 'blocks.0.mlp', 'blocks.1.attn', 'blocks.1.mlp', 'head'],
      );
      assert.equal(stepHashes[0].sha256, sha256(tensor));
      assert.equal(stepHashes[6].sha256, logitsSha256);
      steps.add(JSON.stringify(stepHashes));
      assert.equal(attention?.values.length, DEPTH * HEADS * TOKENS);
      assert.equal(attention?.rollout.length, TOKENS - 1);
      const { depth, heads, tokens, side } = /** @type {any} */ (attention);
      assert.deepEqual([depth, heads, tokens, side], [DEPTH, HEADS, TOKENS, SIDE / 4]);
      hashes.add(logitsSha256);
      vit.dispose();
    }
    assert.equal(hashes.size, 1);
    assert.equal(steps.size, 1, 'equal after every step');
  });
}

test('predictions: order, topK, threshold, labels', async () => {
  const vit = await load();
  const picture = noisePicture(20, 20);
  const all = (await vit.classify(picture, { topK: Infinity })).predictions;
  assert.equal(all.length, CLASSES);
  assert.ok(Math.abs(all.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6);
  assert.deepEqual(
    all.map(({ score }) => score),
    all.map(({ score }) => score).sort((a, b) => b - a),
  );
  for (const { label, index } of all) assert.equal(label, vit.labels()[index]);
  assert.deepEqual((await vit.classify(picture)).predictions, all.slice(0, 5));
  assert.deepEqual((await vit.classify(picture, { topK: 0 })).predictions, []);
  assert.deepEqual((await vit.classify(picture, { topK: 1000 })).predictions, all);
  const threshold = all[2].score;
  assert.deepEqual((await vit.classify(picture, { topK: 7, threshold })).predictions, all.slice(0, 3));
  vit.dispose();
});

test('timing has every step, and total is the sum', async () => {
  const vit = await load();
  const { timing } = await vit.classify(noisePicture(50, 50));
  const { decode, preprocess, embed, blocks, head, total, steps } = timing;
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['embed', 'blocks.0.attn', 'blocks.0.mlp', 'blocks.1.attn', 'blocks.1.mlp', 'head'],
  );
  for (const ms of [decode, preprocess, embed, blocks, head, ...steps.map((step) => step.ms)]) assert.ok(ms >= 0);
  assert.equal(total, decode + preprocess + embed + blocks + head);
  vit.dispose();
});

test('embed and info', async () => {
  const vit = await load('ternary-4', { threads: 1 });
  const picture = noisePicture(64, 32);
  const embedding = await vit.embed(picture);
  assert.equal(embedding.length, DIM);
  assert.ok(embedding.some((x) => x !== 0));
  const info = vit.info();
  assert.deepEqual(
    [info.version, info.engine, info.gemm, info.threads, info.name],
    [VERSION, 'simd128', 'auto', 1, 'ternary-4'],
  );
  const { imageSize, dim, depth, heads, classes, tokens, fileBytes, ternaryParameters } = info.model;
  assert.deepEqual([imageSize, dim, depth, heads, classes, tokens], [SIDE, DIM, DEPTH, HEADS, CLASSES, TOKENS]);
  assert.equal(fileBytes, readFileSync(tinyPath('ternary-4')).length);
  assert.equal(ternaryParameters, DEPTH * (4 * DIM * DIM + 2 * DIM * 44));
  assert.ok(info.memoryBytes >= info.sessionBytes + info.model.weightBytes && info.sessionBytes > 0);
  assert.equal(info.metadata.dim, String(DIM));
  vit.dispose();
});

test('bad arguments are refused by name, and the classifier works on', async () => {
  const vit = await load();
  const picture = noisePicture(20, 20);
  const before = await vit.classify(picture);
  const bad = (/** @type {any} */ options) => vit.classify(picture, options);
  await assert.rejects(bad({ topK: -1 }), error('E_ARGUMENT', /topK/));
  await assert.rejects(bad({ topK: 1.5 }), error('E_ARGUMENT', /topK/));
  await assert.rejects(bad({ threshold: 2 }), error('E_ARGUMENT', /threshold/));
  await assert.rejects(bad({ threshold: NaN }), error('E_ARGUMENT', /threshold/));
  await assert.rejects(vit.classify(/** @type {any} */ (null)), error('E_INPUT'));
  await assert.rejects(vit.classify('/no/such/file.jpg'), error('E_IO', /file\.jpg/));
  await assert.rejects(vit.classify(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])), error('E_TRUNCATED'));
  await assert.rejects(vit.classify({ data: new Uint8Array(20000), width: 20000, height: 1 }), error('E_LIMIT'));
  await assert.rejects(vit.forward(new Float32Array(5)), error('E_ARGUMENT', /5 values/));
  await assert.rejects(vit.forward(new Float32Array(1200).fill(NaN)), error('E_ARGUMENT', /not finite/));
  assert.deepEqual((await vit.classify(picture)).logits, before.logits);
  vit.dispose();
  await assert.rejects(
    Classifier.load(tinyPath('float-2'), /** @type {any} */ ({ engine: 'mmx' })),
    error('E_ARGUMENT', /engine/),
  );
  await assert.rejects(
    Classifier.load(tinyPath('float-2'), /** @type {any} */ ({ gemm: 'x' })),
    error('E_ARGUMENT', /gemm/),
  );
  for (const threads of [0, 65, 1.5, 'many'])
    await assert.rejects(
      Classifier.load(tinyPath('float-2'), /** @type {any} */ ({ threads })),
      error('E_ARGUMENT', /threads/),
    );
});

test('an input that overflows is an error, and the next one is right', async () => {
  const vit = await load('float-2');
  const { input } = tinyGolden('float-2');
  const logits = await vit.forward(input);
  await assert.rejects(vit.forward(Array(input.length).fill(3e38)), error('E_NUMERIC', /not a finite number/));
  assert.deepEqual(await vit.forward(input), logits);
  vit.dispose();
});

test('calls on one classifier queue up; an aborted one in the queue leaves at once', async () => {
  const vit = await load();
  const pictures = [3, 5, 8].map((seed) => noisePicture(300, 200, 3, seed));
  const alone = [];
  for (const picture of pictures) alone.push((await vit.classify(picture)).logitsSha256);
  const controller = new AbortController();
  const together = pictures.map((picture) => vit.classify(picture, { signal: new AbortController().signal }));
  const doomed = vit.classify(pictures[0], { signal: controller.signal });
  const after = vit.classify(pictures[2]);
  controller.abort();
  await assert.rejects(doomed, error('E_ABORT', /waiting/));
  assert.deepEqual(
    (await Promise.all(together)).map((r) => r.logitsSha256),
    alone,
  );
  assert.equal((await after).logitsSha256, alone[2]);
  vit.dispose();
});

test('several classifiers at once do not disturb each other', async () => {
  const names = ['ternary-6', 'float-2', 'ternary-2', 'float-6'];
  const vits = await Promise.all(names.map((name, i) => load(name, { threads: 1 + (i % 2) })));
  const picture = noisePicture(90, 70);
  /** @type {string[]} */
  const alone = [];
  for (const vit of vits) alone.push((await vit.classify(picture)).logitsSha256);
  assert.equal(new Set(alone).size, names.length);
  const rounds = await Promise.all(Array.from({ length: 40 }, (_, i) => vits[i % 4].classify(picture)));
  rounds.forEach(({ logitsSha256 }, i) => assert.equal(logitsSha256, alone[i % 4]));
  vits[0].dispose();
  assert.equal((await vits[1].classify(picture)).logitsSha256, alone[1]);
  vits.slice(1).forEach((vit) => vit.dispose());
});

test('abort stops within one step, deadlines stop, and the next call is right', async () => {
  const vit = await load();
  const picture = noisePicture(40, 40);
  const { logitsSha256 } = await vit.classify(picture);
  await assert.rejects(vit.classify(picture, { signal: AbortSignal.abort() }), error('E_ABORT'));
  for (let turns = 0; turns < 8; turns++) {
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = vit.classify(picture, { signal: controller.signal });
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await run.then(
      () => assert.fail(`ran to the end after ${turns} turns`),
      (e) => {
        error('E_ABORT')(e);
        assert.equal(e.cause, reason);
      },
    );
  }
  await assert.rejects(vit.classify(picture, { deadlineMs: 0 }), error('E_ABORT', /deadline/));
  assert.equal((await vit.classify(picture, { deadlineMs: 60_000 })).logitsSha256, logitsSha256);
  vit.dispose();
});

test('after dispose every call says so, running ones end, and twice is fine', async () => {
  const vit = await load();
  const running = vit.classify(noisePicture(500, 500), { signal: new AbortController().signal });
  running.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  vit.dispose();
  vit.dispose();
  await assert.rejects(running, error('E_STATE', /disposed/));
  await assert.rejects(vit.classify(noisePicture(20, 20)), error('E_STATE', /disposed/));
  await assert.rejects(vit.embed(noisePicture(20, 20)), error('E_STATE', /disposed/));
  assert.throws(() => vit.info(), error('E_STATE', /disposed/));
  assert.throws(() => vit.labels(), error('E_STATE', /disposed/));
  const key = Symbol.dispose ?? Symbol.for('Symbol.dispose');
  const other = await load();
  /** @type {any} */ (other)[key]();
  assert.throws(() => other.info(), error('E_STATE'));
});

test('memory stays the same over 1,000 pictures of different sizes, and with explain after the first', async () => {
  for (const engine of ['scalar', 'simd128']) {
    const vit = await load('ternary-6', { engine, threads: 1 });
    const { memoryBytes } = vit.info();
    for (let i = 0; i < 1000; i++) {
      const width = 1 + ((i * 7919) % 997);
      const height = 1 + ((i * 104729) % 499);
      const channels = /** @type {1 | 3 | 4} */ ([1, 3, 4][i % 3]);
      await vit.classify({ data: new Uint8Array(width * height * channels), width, height });
      assert.equal(vit.info().memoryBytes, memoryBytes);
    }
    for (const width of [1, 16384]) await vit.classify(noisePicture(width, 3, 4));
    for (const height of [16384]) await vit.classify(noisePicture(3, height, 4));
    assert.equal(vit.info().memoryBytes, memoryBytes);
    await vit.classify(noisePicture(9, 9), { explain: true });
    const explained = vit.info().memoryBytes;
    for (let i = 0; i < 50; i++) await vit.classify(noisePicture(9 + i, 9), { explain: i % 2 === 0 });
    assert.equal(vit.info().memoryBytes, explained);
    vit.dispose();
  }
});

test('the SHA-256 of a model file is checked if it is wanted', async () => {
  const bytes = readFileSync(tinyPath('ternary-6'));
  const wanted = createHash('sha256').update(bytes).digest('hex');
  for (const worker of [false, true]) {
    const vit = await Classifier.load(bytes, { sha256: wanted.toUpperCase(), worker });
    vit.dispose();
    const wrong = Buffer.from(bytes);
    wrong[wrong.length - 3] ^= 1;
    await assert.rejects(Classifier.load(wrong, { sha256: wanted, worker }), error('E_INTEGRITY', new RegExp(wanted)));
  }
});

test('the embedding comes beside the answer if it is wanted', async () => {
  const vit = await load();
  const picture = { data: new Uint8Array(300).map((_, i) => i), width: 10, height: 10 };
  const { embedding } = await vit.classify(picture, { embedding: true });
  assert.deepEqual(embedding, await vit.embed(picture));
  assert.equal('embedding' in (await vit.classify(picture)), false);
});

test('what the model was given comes beside the answer if it is wanted, whatever else is', async () => {
  for (const worker of [0, 1]) {
    const vit = await load('ternary-6', { worker });
    const picture = noisePicture(40, 30);
    const plain = await vit.classify(picture);
    const { input, logitsSha256, attention } = await vit.classify(picture, { input: true, explain: true });
    assert.deepEqual(input, await vit.preprocess(picture));
    assert.deepEqual(await vit.forward(input), plain.logits);
    assert.equal(logitsSha256, plain.logitsSha256);
    assert.ok(attention.values.length > 0);
    assert.equal('input' in plain, false);
    vit.dispose();
  }
});

for (const worker of [0, 1]) {
  test(`deadlines and aborts do not wait for a picture, ${worker} workers`, async () => {
    const vit = await load('ternary-6', { worker });
    const picture = noisePicture(40, 40);
    const { logitsSha256 } = await vit.classify(picture);
    /** @type {Promise<typeof picture>} */
    const never = new Promise(() => {});
    const reason = new Error('enough');
    let [opened, closed] = [0, 0];
    let arrived = () => {};
    const origin = await serve((_request, response) => {
      // never answers
      opened++;
      response.on('close', () => closed++);
      arrived();
    });
    for (const image of [never, `${origin}/a.png`, Promise.resolve(`${origin}/b.png`)]) {
      await assert.rejects(vit.classify(image, { deadlineMs: 50 }), error('E_ABORT', /deadline passed/));
      const controller = new AbortController();
      arrived = () => controller.abort(reason);
      const run = vit.embed(image, { signal: controller.signal });
      if (image === never) setTimeout(arrived, 5);
      await assert.rejects(run, { code: 'E_ABORT', cause: reason });
    }
    assert.ok(opened >= 2);
    while (closed < opened) await new Promise((resolve) => setImmediate(resolve)); // no fetch goes on
    const late = new Promise((resolve) => setTimeout(resolve, 30, picture));
    assert.equal((await vit.classify(/** @type {any} */ (late), { deadlineMs: 60_000 })).logitsSha256, logitsSha256);
    vit.dispose();
  });
}
