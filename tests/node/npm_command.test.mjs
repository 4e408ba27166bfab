// SPDX-License-Identifier: MIT
// Details of web/cli.mjs beside commands.test.mjs: where models are found, inspect, forms of options,
// help, pipes; equal to the native command where that has them.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, nativeCommand, npmCommand, run, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const folder = temporaryFolder();
const jpeg = join(ROOT, 'tests/data/images/baseline_420.jpg');
const model = tinyPath('ternary-6');

/** Runs both commands. @param {string[]} args */
const both = (...args) => ({ npm: npmCommand(...args), native: nativeCommand(...args) });

/** What may differ: time, and what wasm's memory holds besides. @param {any} record */
function withoutTimes({ timing, memory_bytes: memory, weight_bytes: _weights, ms_median: _ms, ...rest }) {
  assert.ok(Number.isInteger(memory) && memory > 0);
  if (timing) assert.deepEqual(Object.keys(timing), ['decode', 'preprocess', 'embed', 'blocks', 'head', 'total']);
  return rest;
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
  assert.deepEqual(Object.keys(first), ['file', 'predictions', 'timing', 'model', 'engine', 'numerics_version',
    'memory_bytes', 'logits_sha256']);
  for (const options of [['--engine=simd128', '--gemm', 'dot'], ['--threads', '2', '-k', '7'], ['--', jpeg]])
    for (const record of assertSame(both('classify', '--json', ...options, jpeg)))
      assert.equal(record.logits_sha256, first.logits_sha256);
  const dashes = npmCommand('classify', '--json', '--model', model, '--', '--help');
  assert.match(dashes.stderr, /^vit158 classify: --help: /);
});

test('models by name, from a collection of one\'s own', () => {
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
  for (const args of [['classify', '--nonsense', jpeg], ['classify', '--top-k', 'many', jpeg],
    ['classify', '--top-k', '0', jpeg], ['classify', '--top-k'], ['classify', '--json=yes', jpeg],
    ['classify', '--engine', 'mmx', jpeg], ['classify', '--threads', '65', jpeg], ['eval', 'a', 'b'],
    ['eval', 'a', '--limit', '1.5'], ['inspect'], ['nonsense']]) {
    const { npm, native } = both(...args);
    assert.deepEqual([npm.code, npm.stdout], [2, ''], npm.stderr);
    assert.match(npm.stderr, /^vit158[^\n]*\n$/);
    assert.equal(npm.stderr, native.stderr, args.join(' '));
  }
});

test('help is the same', () => {
  for (const command of ['classify', 'eval', 'info']) {
    const { npm, native } = both(command, '--help');
    assert.equal(npm.code, 0);
    assert.equal(npm.stdout, native.stdout);
  }
  for (const args of [['--help'], ['inspect', '--help']]) assert.equal(npmCommand(...args).code, 0);
});

test('a closed pipe ends the command quietly', () => {
  const { stderr } = run('bash', ['-c',
    `"${process.execPath}" web/cli.mjs classify ${Array(40).fill(`"${jpeg}"`).join(' ')} --model "${model}" --logits | head -1`]);
  assert.equal(stderr, '');
});
