// SPDX-License-Identifier: MIT
// Details of web/cli.mjs beside commands.test.mjs: where models are found, inspect, forms of options,
// help, pipes; equal to the native command where that has them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { chooseWorkers } from '../../web/cli/images.mjs';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, jsonLines, nativeCommand, npmCommand, run, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const folder = temporaryFolder();
const jpeg = join(ROOT, 'tests/data/images/baseline_420.jpg');
const model = tinyPath('ternary-6');

/** Runs both commands. @param {string[]} args */
const both = (...args) => ({ npm: npmCommand(...args), native: nativeCommand(...args) });

/** What may differ: time, what wasm's memory holds besides, and which SIMD instructions ran. @param {any} record */
function withoutTimes({ timing, memory_bytes: memory, weight_bytes: _weights, ms_median: _ms, ...rest }) {
  assert.ok(Number.isInteger(memory) && memory > 0);
  if (timing) assert.deepEqual(Object.keys(timing), ['decode', 'preprocess', 'embed', 'blocks', 'head', 'total']);
  return rest.engine === 'avx2' ? { ...rest, engine: 'simd128' } : rest;
}

/** Same keys in the same order, same values. @param {{npm: any, native: any}} runs */
function assertSame({ npm, native }) {
  assert.equal(npm.code, 0, npm.stderr);
  assert.equal(native.code, 0, native.stderr);
  const [a, b] = [jsonLines(npm.stdout), jsonLines(native.stdout)];
  assert.deepEqual(a.map(Object.keys), b.map(Object.keys));
  assert.deepEqual(a.map(withoutTimes), b.map(withoutTimes));
  return a;
}

test('threads and forms of options', () => {
  const [first] = assertSame(both('classify', jpeg, '--json'));
  assert.deepEqual(Object.keys(first), [
    'file',
    'predictions',
    'unsure',
    'timing',
    'model',
    'engine',
    'numerics_version',
    'memory_bytes',
    'logits_sha256',
  ]);
  for (const options of [
    ['--engine=simd128', '--gemm', 'dot'],
    ['--threads', '2', '-k', '7'],
    ['--', jpeg],
  ])
    for (const record of assertSame(both('classify', '--json', ...options, jpeg)))
      assert.equal(record.logits_sha256, first.logits_sha256);
  const dashes = npmCommand('classify', '--json', '--model', model, '--', '--help');
  assert.match(dashes.stderr, /^vit158 classify: --help: /);
});

test("models by name, from a collection of one's own", () => {
  copyFileSync(tinyPath('float-2'), join(folder, 'mine.safetensors'));
  writeFileSync(join(folder, 'manifest.json'), '{"default": "mine", "models": []}');
  const cli = join(ROOT, 'web/cli.mjs');
  for (const args of [[], ['--model', 'mine'], ['--model', 'mine.safetensors']]) {
    const { code, stdout, stderr } = run(process.execPath, [cli, 'info', '--json', ...args], { VIT158_MODELS: folder });
    assert.equal(code, 0, stderr);
    assert.equal(jsonLines(stdout)[0].model, 'mine');
  }
  const { code, stderr } = run(process.execPath, [cli, 'info'], { VIT158_MODELS: join(folder, 'nowhere') });
  assert.equal(code, 1);
  assert.match(stderr, /no --model given, and no default/);
});

test('info and inspect', () => {
  for (const name of ['ternary-6', 'ternary-2', 'float-4']) {
    const [info] = assertSame(both('info', '--json', '--model', tinyPath(name)));
    assert.deepEqual([info.image_size, info.dim, info.classes], [20, 24, 7]);
    const { npm, native } = both('inspect', '--json', tinyPath(name));
    assert.equal(npm.stdout, native.stdout);
    const { bytes, matrices } = jsonLines(npm.stdout)[0];
    assert.equal(bytes.file, bytes.formula);
    assert.equal(bytes.file, bytes.header + bytes.matrices + bytes.scales + bytes.rest);
    assert.equal(matrices.length, 8);
  }
  const packed = join(ROOT, 'models/vit158-cifar10.safetensors');
  for (const args of [['--json'], [], ['--tensors']]) {
    const { npm, native } = both('inspect', packed, ...args);
    assert.equal(npm.stdout, native.stdout);
  }
});

test('mistakes on the command line are named in the same words', () => {
  for (const args of [
    ['classify', '--nonsense', jpeg],
    ['classify', '--top-k', 'many', jpeg],
    ['classify', '--top-k', '0', jpeg],
    ['classify', '--top-k'],
    ['classify', '--json=yes', jpeg],
    ['classify', '--engine', 'mmx', jpeg],
    ['classify', '--threads', '65', jpeg],
    ['eval', 'a', 'b'],
    ['eval', 'a', '--limit', '1.5'],
    ['inspect'],
    ['nonsense'],
  ]) {
    const { npm, native } = both(...args);
    assert.deepEqual([npm.code, npm.stdout], [2, ''], npm.stderr);
    assert.match(npm.stderr, /^vit158[^\n]*\n$/);
    assert.equal(npm.stderr, native.stderr, args.join(' '));
  }
});

test('help is the same', () => {
  for (const command of ['classify', 'eval', 'info', 'record', 'verify']) {
    const { npm, native } = both(command, '--help');
    assert.equal(npm.code, 0);
    assert.equal(npm.stdout, native.stdout);
  }
  for (const args of [['--help'], ['inspect', '--help']]) assert.equal(npmCommand(...args).code, 0);
});

const PICTURES = [
  'baseline_420.jpg',
  'grey.jpg',
  'rgb_8.png',
  'one_pixel.jpg',
  'no such file.png',
  'orientation_6.jpg',
].map((name) => join(ROOT, 'tests/data/images', name));

/** Without what is measured. @param {string} text */
const unmeasured = (text) => text.replace(/"timing":\{[^}]*\}|"ms_median":[^,]*|median .*? ms/g, '');

test('workers: the same bytes in the same order, whatever their number', () => {
  const many = Array(6).fill(PICTURES).flat();
  for (const options of [['--json', '--logits'], []]) {
    for (const command of [npmCommand, nativeCommand]) {
      const [one, ...others] = [1, 2, 5].map((n) =>
        command('classify', '-m', model, ...options, '--workers', `${n}`, ...many),
      );
      assert.equal(one.code, 1);
      assert.equal(one.stderr.trim().split('\n').length, 6);
      for (const other of others)
        assert.deepEqual({ ...other, stdout: unmeasured(other.stdout) }, { ...one, stdout: unmeasured(one.stdout) });
    }
  }
});

test('workers measure the same accuracy', async () => {
  const root = join(folder, 'eval');
  const vit = await Classifier.load(model);
  for (const label of vit.labels().slice(0, 2)) {
    mkdirSync(join(root, label), { recursive: true });
    for (const i of Array(20).keys())
      copyFileSync(PICTURES[i % 4], join(root, label, `${i}${extname(PICTURES[i % 4])}`));
  }
  vit.dispose();
  for (const command of [npmCommand, nativeCommand]) {
    const runs = [['--workers', '1'], ['--workers', '3'], []].map((options) =>
      command('eval', root, '--json', '-m', model, ...options),
    );
    for (const { code, stdout, stderr } of runs) {
      assert.equal(code, 0, stderr);
      assert.equal(jsonLines(stdout)[0].images, 40);
      assert.equal(unmeasured(stdout), unmeasured(runs[0].stdout));
    }
  }
});

test('Ctrl-C ends the command as a signal does, after whole lines only', async () => {
  for (const workers of ['1', '2']) {
    const child = spawn(process.execPath, [
      join(ROOT, 'web/cli.mjs'),
      'classify',
      '--json',
      '--workers',
      workers,
      '-m',
      model,
      ...Array(5000).fill(jpeg),
    ]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      if (stdout === '') child.kill('SIGINT');
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const [code, signal] = await once(child, 'close');
    assert.deepEqual([code, signal, stderr], [null, 'SIGINT', '']);
    assert.ok(stdout.endsWith('}\n') && jsonLines(stdout).length < 5000);
  }
});

test('how many workers there are unless told', () => {
  const cores = Math.min(8, availableParallelism());
  assert.equal(chooseWorkers({}, 1, 1e9), 1);
  assert.equal(chooseWorkers({}, 30, 0.5e6), 1);
  assert.equal(chooseWorkers({}, 2, 20e6), Math.min(2, cores));
  assert.equal(chooseWorkers({}, 1e6, 0.5e6), cores);
  assert.equal(chooseWorkers({ '--threads': 2 }, 1e6, 1e6), 1);
  assert.equal(chooseWorkers({ '--threads': 2, '--workers': 3 }, 1e6, 1e6), 3);
  assert.equal(chooseWorkers({ '--workers': 64 }, 5, 1e6), 5);
  const { npm, native } = both('classify', '--workers', '65', jpeg);
  assert.equal(npm.code, 2);
  assert.match(npm.stderr, /--workers must be from 1 to 64, got 65/);
  assert.deepEqual(native, npm);
});

test('a closed pipe ends the command quietly', () => {
  const { stderr } = run('bash', [
    '-c',
    `"${process.execPath}" web/cli.mjs classify ${Array(40).fill(`"${jpeg}"`).join(' ')} --model "${model}" --logits | head -1`,
  ]);
  assert.equal(stderr, '');
});
