// SPDX-License-Identifier: MIT
// web/cli.mjs: options, records, exit codes, and that the native command prints the same.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, nativeCommand, npmCommand, run, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const folder = temporaryFolder();
const images = join(ROOT, 'tests/data/images');
const jpeg = join(images, 'baseline_420.jpg');
const png = join(images, 'rgb_8.png');
const model = tinyPath('ternary-6');

/** Runs both commands. @param {string[]} args */
const both = (...args) => ({ npm: npmCommand(...args), native: nativeCommand(...args) });

/** What may differ: time, and what wasm's memory holds besides. @param {any} record */
function withoutTimes({ timing, memory_bytes: memory, weight_bytes: _weights, ms_median: _ms, ...rest }) {
  assert.ok(Number.isInteger(memory) && memory > 0);
  if (timing) assert.deepEqual(Object.keys(timing), ['decode', 'preprocess', 'embed', 'blocks', 'head', 'total']);
  return rest;
}

/** Same keys in the same order, same values. @param {{npm: any, native: any}} runs @param {number} [code] */
function assertSame({ npm, native }, code = 0) {
  assert.equal(npm.code, code, npm.stderr);
  assert.equal(native.code, code, native.stderr);
  const [a, b] = [jsonLines(npm.stdout), jsonLines(native.stdout)];
  assert.deepEqual(a.map(Object.keys), b.map(Object.keys));
  assert.deepEqual(a.map(withoutTimes), b.map(withoutTimes));
  return a;
}

test('classify: records with every key of web/README.md, the same natively', () => {
  const [first, second] = assertSame(both('classify', jpeg, png, '--json', '--logits', '-k', '3', '--model', model));
  assert.deepEqual(Object.keys(first), ['file', 'predictions', 'timing', 'model', 'engine', 'numerics_version',
    'memory_bytes', 'logits', 'logits_sha256']);
  assert.deepEqual([first.file, second.file], [jpeg, png]);
  assert.equal(first.predictions.length, 3);
  assert.deepEqual(Object.keys(first.predictions[0]), ['label', 'score', 'index']);
  assert.deepEqual([first.model, first.engine, first.logits.length], ['ternary-6', 'simd128', 7]);
});

test('classify: the default model, forced engines and kernels', () => {
  const hash = assertSame(both('classify', jpeg, '--json'))[0].logits_sha256;
  for (const options of [['--engine', 'scalar'], ['--engine=simd128', '--gemm', 'dot'], ['--gemm=table'], ['--threads', '2']])
    assert.equal(assertSame(both('classify', '--json', ...options, jpeg))[0].logits_sha256, hash);
  assert.equal(assertSame(both('classify', '--json', '--engine', 'scalar', jpeg))[0].engine, 'scalar');
});

test('classify: text for people', () => {
  const { npm, native } = both('classify', jpeg, '--model', model, '-k', '2', '--logits');
  assert.match(npm.stdout, /^.*baseline_420\.jpg\n {2,}[\d.]+ % {2}\S.*\n {2,}[\d.]+ % {2}\S.*\n {2}logits (-?[\d.e-]+ ?){7}\n$/);
  assert.equal(npm.stdout.replace(/ {2}logits.*/s, ''), native.stdout.replace(/ {2}logits.*/s, ''));
});

test('a file that cannot be read is one line on stderr, the others still run', () => {
  const broken = join(folder, 'broken.jpg');
  writeFileSync(broken, 'not a picture');
  const { npm, native } = both('classify', '/no/such.png', jpeg, broken, folder, png, '--json', '--model', model);
  assertSame({ npm, native }, 1);
  assert.equal(jsonLines(npm.stdout).length, 2);
  for (const { stderr } of [npm, native]) {
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 3, stderr);
    lines.forEach((line, i) => assert.ok(line.startsWith(`vit158 classify: ${['/no/such.png', broken, folder][i]}: `), line));
  }
});

test('a model that cannot be loaded', () => {
  for (const bad of ['/no/such.safetensors', 'nonsense', tinyPath('latent-6'), jpeg]) {
    const { npm, native } = both('classify', jpeg, '--model', bad);
    for (const { code, stdout, stderr } of [npm, native]) {
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.match(stderr, /^vit158 classify: [^\n]+\n$/);
      assert.ok(stderr.startsWith(`vit158 classify: ${bad}: `), stderr);
    }
  }
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

test('eval: which folder is which class, limits, failures', () => {
  const root = join(folder, 'classes');
  const names = readdirSync(images).filter((name) => /\.(jpg|png)$/.test(name)).slice(0, 12);
  names.forEach((name, i) => {
    const into = join(root, `class ${i % 3}`);
    mkdirSync(into, { recursive: true });
    copyFileSync(join(images, name), join(into, i === 4 ? name.replace(/\.\w+$/, (end) => end.toUpperCase()) : name));
  });
  writeFileSync(join(root, 'class 0', 'notes.txt'), 'no picture');
  writeFileSync(join(root, 'class 0', '.hidden.png'), 'no picture');
  const [all] = assertSame(both('eval', root, '--json', '--model', model));
  assert.deepEqual(Object.keys(all), ['images', 'top1', 'top5', 'ms_median', 'failed', 'model', 'engine',
    'numerics_version', 'memory_bytes']);
  assert.deepEqual([all.images, all.failed], [12, 0]);
  assert.equal(assertSame(both('eval', root, '--json', '--limit', '5', '--model', model))[0].images, 5);
  assert.match(npmCommand('eval', root, '--model', model).stdout,
    /^12 images, top-1 [\d.]+ %, top-5 [\d.]+ %, median [\d.]+ ms\n$/);
  mkdirSync(join(root, 'nobody'));
  writeFileSync(join(root, 'class 1', 'zz.jpg'), 'broken');
  const { npm, native } = both('eval', root, '--json', '--model', model);
  const [some] = assertSame({ npm, native }, 1);
  assert.deepEqual([some.images, some.failed, some.top1], [12, 2, all.top1]);
  for (const { stderr } of [npm, native]) {
    assert.match(stderr, /^vit158 eval: .*nobody: the folder names no class of the model\nvit158 eval: .*zz\.jpg: .+\n$/);
  }
});

test('eval of nothing', () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  for (const command of [npmCommand, nativeCommand]) {
    const { code, stdout, stderr } = command('eval', empty, '--json', '--model', model);
    assert.equal(code, 1);
    assert.match(stderr, /no pictures/);
    const { images, top1, top5, ms_median: median } = jsonLines(stdout)[0];
    assert.deepEqual([images, top1, top5, median], [0, null, null, null]);
    assert.equal(command('eval', '/no/such/folder', '--model', model).code, 1);
  }
});

test('mistakes on the command line: exit code 2, one line that names them, nothing on stdout', () => {
  for (const args of [['classify'], ['classify', '--nonsense', jpeg], ['classify', '--top-k', 'many', jpeg],
    ['classify', '--top-k', '0', jpeg], ['classify', '--top-k'], ['classify', '--json=yes', jpeg],
    ['classify', '--engine', 'mmx', jpeg], ['classify', '--threads', '65', jpeg], ['eval'], ['eval', 'a', 'b'],
    ['eval', 'a', '--limit', '1.5'], ['info', 'extra'], ['inspect'], ['nonsense']]) {
    const { npm, native } = both(...args);
    for (const { code, stdout, stderr } of [npm, native]) {
      assert.deepEqual([code, stdout], [2, ''], `${args}: ${stderr}`);
      assert.match(stderr, /^vit158[^\n]*\n$/);
    }
    assert.equal(npm.stderr, native.stderr, args.join(' '));
  }
  assert.equal(npmCommand().code, 2);
});

test('help and version', () => {
  for (const command of ['classify', 'eval', 'info']) {
    const { npm, native } = both(command, '--help');
    assert.equal(npm.code, 0);
    assert.equal(npm.stdout, native.stdout);
  }
  for (const args of [['--help'], ['inspect', '--help']]) assert.equal(npmCommand(...args).code, 0);
  const { npm, native } = both('--version');
  assert.equal(npm.stdout, native.stdout);
  const dashes = npmCommand('classify', '--json', '--model', model, '--', '--help');
  assert.match(dashes.stderr, /^vit158 classify: --help: /);
});

test('a closed pipe ends the command quietly', () => {
  const { stderr } = run('bash', ['-c',
    `"${process.execPath}" web/cli.mjs classify ${Array(40).fill(`"${jpeg}"`).join(' ')} --model "${model}" --logits | head -1`]);
  assert.equal(stderr, '');
});
