// SPDX-License-Identifier: MIT
// `vit158 prune` as a command, on a tiny float model and the small samples: matrices become smaller, the file
// gives what the pruner says of it, `quantize` and `finetune` go on from it, and it is the same each time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Classifier } from '../../web/lib/vit158.js';
import { CLASSES, writeFloatModel } from './float_model.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'build/native/vit158');
const SAMPLES = join(ROOT, 'models/samples');
const IMAGES = readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'));
const FOLDER = mkdtempSync(join(tmpdir(), 'vit158-prune-'));
after(() => rmSync(FOLDER, { recursive: true }));

/** @param {...string} args */
const run = (...args) => spawnSync(COMMAND, args, { encoding: 'utf8', cwd: FOLDER });
/** @param {string} name */
const bytesOf = (name) => readFileSync(join(FOLDER, name));

/** The bytes and the report. @param {string} out @param {...string} options */
function prune(out, ...options) {
  const result = run(
    'prune',
    'float.safetensors',
    '--calibrate',
    'images',
    '-o',
    out,
    '--report',
    'r.json',
    ...options,
  );
  assert.equal(result.status, 0, result.stderr);
  return { bytes: bytesOf(out), report: JSON.parse(readFileSync(join(FOLDER, 'r.json'), 'utf8')) };
}

/** @param {string} name */
function inspect(name) {
  const result = run('inspect', name, '--json');
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout);
}

before(() => {
  writeFloatModel(join(FOLDER, 'float.safetensors'));
  mkdirSync(join(FOLDER, 'images'));
  IMAGES.forEach((file) => {
    cpSync(join(SAMPLES, file), join(FOLDER, 'images', file));
  });
});

test('removing nothing gives the same file', () => {
  assert.deepEqual(prune('same.safetensors').bytes, bytesOf('float.safetensors'));
});

test('tensors are smaller, and the file computes what was said of it', async () => {
  const { bytes, report } = prune('out.safetensors', '--remove-mlp', '0.5', '--remove-heads', '1');
  const facts = inspect('out.safetensors');
  assert.equal(report.file_bytes, bytes.length);
  assert.equal(facts.bytes.formula, bytes.length);
  assert.ok(bytes.length < bytesOf('float.safetensors').length);
  assert.equal(facts.mlp_dim, 32);
  assert.equal(facts.head_dim, 16);
  assert.equal(facts.metadata.format_version, '2');
  assert.equal(report.removed_heads, 1);
  const heads = report.blocks.map((/** @type {{heads: number[]}} */ block) => block.heads.length);
  assert.deepEqual([...heads].sort(), [1, 2]);
  const sizes = new Map(
    facts.matrices.map((/** @type {any} */ { name, n_out: rows, n_in: columns }) => [name, [rows, columns]]),
  );
  heads.forEach((/** @type {number} */ count, /** @type {number} */ i) => {
    assert.deepEqual(sizes.get(`blocks.${i}.attn.qkv.weight`), [48 * count, 32]);
    assert.deepEqual(sizes.get(`blocks.${i}.attn.proj.weight`), [32, 16 * count]);
    assert.deepEqual(sizes.get(`blocks.${i}.mlp.fc1.weight`), [32, 32]);
    assert.deepEqual(sizes.get(`blocks.${i}.mlp.fc2.weight`), [32, 32]);
    assert.equal(report.blocks[i].channels.length, 32);
  });
  // The divergence of the pruner's own arithmetic, which masks, and of the engine's, which has smaller matrices.
  const [before, after] = await Promise.all(
    ['float.safetensors', 'out.safetensors'].map((name) => Classifier.load(join(FOLDER, name))),
  );
  let sum = 0;
  for (const file of IMAGES) {
    const [p, q] = await Promise.all(
      [before, after].map(async (model) => {
        const { predictions } = await model.classify(join(SAMPLES, file), { topK: CLASSES });
        return predictions.sort((a, b) => a.index - b.index).map(({ score }) => score);
      }),
    );
    p.forEach((score, i) => (sum += score * Math.log(score / q[i])));
  }
  const { divergence, images } = report.calibration;
  assert.equal(images, IMAGES.length);
  assert.ok(divergence > 0);
  assert.ok(Math.abs(sum / images - divergence) < 0.01 * divergence + 1e-5, `${sum / images}, said ${divergence}`);
  before.dispose();
  after.dispose();
});

test('the same options give the same file, on any number of threads; other scores other files', () => {
  const seen = new Set();
  for (const score of ['obs', 'activation', 'magnitude', 'random']) {
    const options = ['--remove-mlp', '0.5', '--remove-heads', '1', '--score', score];
    const { bytes } = prune('out.safetensors', ...options, '--threads', '1');
    assert.deepEqual(prune('again.safetensors', ...options, '--threads', '3').bytes, bytes, score);
    seen.add(bytes.toString('latin1'));
  }
  assert.equal(seen.size, 4);
  const random = ['--remove-mlp', '0.5', '--score', 'random'];
  assert.notDeepEqual(
    prune('a.safetensors', ...random, '--seed', '1').bytes,
    prune('b.safetensors', ...random, '--seed', '2').bytes,
  );
});

test('images held out judge', () => {
  const { report } = prune('out.safetensors', '--remove-mlp', '0.25', '--hold-out', '2');
  assert.equal(report.held_out.images, 2);
  assert.equal(report.calibration.images, IMAGES.length - 2);
  assert.ok(report.held_out.divergence >= 0 && report.held_out.agreement <= 1);
});

test('other commands go on from the result', () => {
  prune('pruned.safetensors', '--remove-mlp', '0.25', '--remove-heads', '1');
  for (const weights of ['int8', 'rows:2', 'budget:40000']) {
    const made = run(
      'quantize',
      'pruned.safetensors',
      '--calibrate',
      'images',
      '-o',
      'q.safetensors',
      '--weights',
      weights,
    );
    assert.equal(made.status, 0, made.stderr);
    assert.equal(inspect('q.safetensors').mlp_dim, 48);
  }
  const trained = run(
    ...['quantize', 'pruned.safetensors', '--calibrate', 'images', '-o', 'q.safetensors', '--weights', 'rows:2'],
    ...['--method', 'mrem-s', '--updates', '2', '--distill-updates', '2'],
  );
  assert.equal(trained.status, 0, trained.stderr);
  const ptq = run(
    'quantize',
    'pruned.safetensors',
    '--calibrate',
    'images',
    '-o',
    'x.safetensors',
    '--method',
    'ptq-vit',
  );
  assert.equal(ptq.status, 1);
  assert.match(ptq.stderr, /blocks of one size/);
  const twice = run(
    'prune',
    'pruned.safetensors',
    '--calibrate',
    'images',
    '-o',
    'twice.safetensors',
    '--remove-mlp',
    '0.5',
  );
  assert.equal(twice.status, 0, twice.stderr);
  assert.equal(inspect('twice.safetensors').mlp_dim, 32);
  const found = run('classify', '--model', 'pruned.safetensors', join(SAMPLES, IMAGES[0]));
  assert.equal(found.status, 0, found.stderr);
});

test('finetune trains a pruned base, which stays as narrow as it is', () => {
  prune('base.safetensors', '--remove-mlp', '0.5', '--remove-heads', '1');
  IMAGES.forEach((file, i) => {
    const label = join(FOLDER, `photos/c${i % 2}`);
    mkdirSync(label, { recursive: true });
    for (let copy = 0; copy < 8; copy++) cpSync(join(SAMPLES, file), join(label, `${copy}_${file}`));
  });
  const clock = ['--minutes', '0.01', '--clock', 'processor', '--threads', '1', '--size', '32', '-q'];
  const made = run('finetune', 'photos', '--base', 'base.safetensors', '-o', 'tuned.safetensors', ...clock);
  assert.equal(made.status, 0, made.stderr);
  const [base, tuned] = ['base.safetensors', 'tuned.safetensors'].map(inspect);
  /** @param {any} facts */
  const sizes = ({ matrices }) =>
    matrices.map((/** @type {any} */ { name, n_out: rows, n_in: columns }) => [name, rows, columns]);
  assert.deepEqual(sizes(tuned), sizes(base));
  assert.equal(tuned.kind, 'ternary');
  assert.equal(tuned.metadata.format_version, '2');
});

test('mistakes are said in one line', () => {
  writeFileSync(join(FOLDER, 'broken.safetensors'), bytesOf('float.safetensors').subarray(0, 5000));
  const made = run('quantize', 'float.safetensors', '--calibrate', 'images', '-o', 'packed.safetensors');
  assert.equal(made.status, 0, made.stderr);
  const good = ['prune', 'float.safetensors', '--calibrate', 'images', '-o', 'x.safetensors'];
  for (const [args, status, words] of /** @type {[string[], number, RegExp][]} */ ([
    [good.slice(0, 2), 2, /--calibrate/],
    [good.slice(0, 4), 2, /-o FILE/],
    [[...good, '--remove-mlp', '1'], 2, /--remove-mlp/],
    [[...good, '--score', 'luck'], 2, /--score/],
    [[...good, '--remove-heads', '3'], 1, /at most 2 can/],
    [[...good, '--hold-out', '10000'], 1, /none are left/],
    [[...good.slice(0, 3), 'nowhere', ...good.slice(4)], 1, /nowhere: there is no such file/],
    [['prune', 'broken.safetensors', ...good.slice(2)], 1, /broken\.safetensors/],
    [['prune', 'packed.safetensors', ...good.slice(2)], 1, /is packed already/],
  ])) {
    const result = run(...args);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, words);
  }
  assert.ok(!existsSync(join(FOLDER, 'x.safetensors')));
});
