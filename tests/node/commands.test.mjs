// SPDX-License-Identifier: MIT
// The npm command (through wasm) and the native command: the same options, the same JSON, the same
// bits, the same exit codes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ROOT } from '../setup.mjs';
import { checkRecords, comparable, KINDS as SAMPLES } from './same_everywhere.mjs';
import { NATIVE } from './shared.mjs';

const NPM = join(ROOT, 'web/cli.mjs');
const TINY = join(ROOT, 'tests/data/tiny');
const SCRATCH = mkdtempSync(join(tmpdir(), 'vit158-commands-'));
after(() => rmSync(SCRATCH, { recursive: true }));

/**
 * @param {'native' | 'npm'} kind
 * @param {string[]} args
 */
function run(kind, ...args) {
  const [command, first] = kind === 'native' ? [NATIVE, []] : [process.execPath, [NPM]];
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** @param {string} stdout @returns {any[]} */
const records = (stdout) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('classify: equal records from both, for every engine and kernel', () => {
  checkRecords(join(ROOT, 'models/vit158-cifar10.safetensors'), SAMPLES);
  checkRecords(join(ROOT, 'models/vit158-imagenet.safetensors'), SAMPLES.slice(0, 1));
});

test('classify: numbers are printed alike, to the character', () => {
  const args = ['classify', '--json', '--logits', ...SAMPLES];
  /** @param {string} text */
  const logits = (text) => [...text.matchAll(/"(?:score|logits)":[^"]*/g)].map((match) => match[0]);
  const [native, npm] = [logits(run('native', ...args).stdout), logits(run('npm', ...args).stdout)];
  assert.ok(native.length >= 2 * SAMPLES.length, `only ${native.length} numbers were printed`);
  assert.deepEqual(native, npm);
});

test('classify: text for people is the same', () => {
  const [native, npm] = [run('native', 'classify', ...SAMPLES), run('npm', 'classify', ...SAMPLES)];
  assert.equal(native.stdout, npm.stdout);
  assert.ok(native.stdout.includes(' %  '));
});

test('classify: a bad file is one line on stderr, the others still run, exit code 1', () => {
  const broken = join(SCRATCH, 'broken.jpg');
  const missing = join(SCRATCH, 'missing.png');
  const empty = join(SCRATCH, 'empty');
  mkdirSync(empty, { recursive: true });
  writeFileSync(broken, 'this is no picture');
  for (const kind of /** @type {const} */ (['native', 'npm'])) {
    const result = run(kind, 'classify', '--json', broken, SAMPLES[0], missing, empty, SAMPLES[1]);
    assert.equal(result.status, 1);
    assert.deepEqual(
      records(result.stdout).map((record) => record.file),
      [SAMPLES[0], SAMPLES[1]],
    );
    const complaints = result.stderr.trimEnd().split('\n');
    assert.equal(complaints.length, 3, result.stderr);
    [broken, missing, empty].forEach((file, i) => {
      assert.ok(complaints[i].startsWith(`vit158 classify: ${file}: `), complaints[i]);
      assert.ok(complaints[i].length > `vit158 classify: ${file}: `.length + 10, complaints[i]);
    });
  }
});

test('a bad model is one line on stderr and exit code 1', () => {
  const model = join(SCRATCH, 'bad.safetensors');
  writeFileSync(model, 'no model at all, but longer than eight bytes');
  for (const kind of /** @type {const} */ (['native', 'npm'])) {
    for (const file of [model, join(SCRATCH, 'no-such-model.safetensors'), 'no-such-name']) {
      const { status, stdout, stderr } = run(kind, 'classify', '--model', file, SAMPLES[0]);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      assert.match(stderr, new RegExp(`^vit158 classify: ${file}: .{10,}\n$`));
    }
  }
});

test('a wrong command line is exit code 2, and nothing is done', () => {
  const lines = [
    [],
    ['frobnicate'],
    ['classify'],
    ['classify', '--nope', SAMPLES[0]],
    ['classify', '--top-k', '0', SAMPLES[0]],
    ['classify', '--top-k', 'many', SAMPLES[0]],
    ['classify', '--engine', 'warp', SAMPLES[0]],
    ['classify', SAMPLES[0], '--model'],
    ['eval'],
    ['eval', SCRATCH, SCRATCH],
    ['eval', SCRATCH, '--limit', '-1'],
    ['info', 'extra'],
  ];
  for (const line of lines) {
    const [native, npm] = [run('native', ...line), run('npm', ...line)];
    assert.deepEqual([native.status, npm.status], [2, 2], line.join(' '));
    assert.equal(native.stdout + npm.stdout, '');
    assert.notEqual(native.stderr, '');
    assert.notEqual(npm.stderr, '');
  }
});

test('--help and --version', () => {
  assert.equal(run('native', '--version').stdout, run('npm', '--version').stdout);
  for (const kind of /** @type {const} */ (['native', 'npm'])) {
    const { status, stdout } = run(kind, '--help');
    assert.equal(status, 0);
    const commands = [...stdout.matchAll(/^ {2}(\w+) {2}/gm)].map((match) => match[1]);
    assert.ok(commands.includes('classify') && commands.includes('eval') && commands.includes('info'));
    for (const command of commands) {
      const help = run(kind, command, '--help');
      assert.equal(help.status, 0);
      assert.ok(help.stdout.startsWith(`usage: vit158 ${command}`), help.stdout);
    }
  }
});

test('eval: the same accuracy from both; what cannot be judged is counted', () => {
  const root = join(SCRATCH, 'eval');
  const first = records(run('native', 'classify', '--json', '-k', '6', ...SAMPLES).stdout);
  // Images filed under their best, third and sixth class: known answers for top-1 and top-5.
  first.forEach((record, i) => {
    const { label } = record.predictions[[0, 2, 5][i % 3]];
    mkdirSync(join(root, label), { recursive: true });
    copyFileSync(record.file, join(root, label, `${i}${record.file.slice(record.file.lastIndexOf('.'))}`));
  });
  const n = first.length;
  const top1 = Math.ceil(n / 3);
  const top5 = top1 + Math.ceil((n - 1) / 3);
  for (const kind of /** @type {const} */ (['native', 'npm'])) {
    const result = run(kind, 'eval', root, '--json');
    assert.equal(result.status, 0, result.stderr);
    const [record] = records(result.stdout);
    assert.deepEqual([record.images, record.top1, record.top5, record.failed], [n, top1 / n, top5 / n, 0]);
    assert.ok(record.ms_median > 0);
  }
  mkdirSync(join(root, 'no such class'));
  writeFileSync(join(root, first[0].predictions[0].label, 'zzz.png'), 'no picture');
  for (const args of [[], ['--limit', '3']]) {
    const [native, npm] = [run('native', 'eval', root, '--json', ...args), run('npm', 'eval', root, '--json', ...args)];
    assert.deepEqual([native.status, npm.status], [1, 1]);
    assert.deepEqual(comparable(records(native.stdout)[0]), comparable(records(npm.stdout)[0]));
    assert.equal(native.stderr.split('\n').length, npm.stderr.split('\n').length);
  }
});

test('info and models of every kind', () => {
  const models = readdirSync(TINY).filter((name) => /^(ternary|float)-.*safetensors$/.test(name));
  assert.equal(models.length, 6);
  for (const name of models) {
    const model = join(TINY, name);
    const [native, npm] = [run('native', 'info', '--json', '-m', model), run('npm', 'info', '--json', '-m', model)];
    assert.equal(native.status, 0, native.stderr);
    assert.deepEqual(comparable(records(native.stdout)[0]), comparable(records(npm.stdout)[0]));
    const classified = (/** @type {'native' | 'npm'} */ kind) =>
      comparable(records(run(kind, 'classify', '--json', '-m', model, SAMPLES[0]).stdout)[0]);
    assert.deepEqual(classified('native'), classified('npm'));
  }
});

test("a stranger's text cannot steer the terminal", () => {
  const file = readFileSync(join(TINY, 'ternary-6.safetensors'));
  const end = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, end).toString());
  const evil = '\u001b[31m\u009b2J\r\n\u007f\u061c\u200e\u200f\u2028\u202e\u2066\u2069';
  header.__metadata__.labels = JSON.stringify(Array(7).fill(`red${evil}`));
  header.__metadata__[`key${evil}`] = evil;
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const model = join(SCRATCH, 'evil.safetensors');
  writeFileSync(model, Buffer.concat([length, text, file.subarray(end)]));
  const picture = join(SCRATCH, `evil${evil.replace('\n', '')}.png`);
  copyFileSync(SAMPLES[5], picture);
  for (const args of [
    ['classify', '-m', model, picture],
    ['info', '-m', model],
    ['inspect', model],
    ['classify', `${picture}.gone`],
  ]) {
    const [native, npm] = [run('native', ...args), run('npm', ...args)];
    for (const output of [native, npm]) {
      assert.doesNotMatch(
        output.stdout + output.stderr,
        /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/,
      );
      assert.match(output.stdout + output.stderr, /\?\[31m\?2J/);
    }
  }
  const labels = records(run('native', 'classify', '--json', '-m', model, picture).stdout)[0].predictions;
  assert.equal(labels[0].label, `red${evil}`, 'JSON keeps the text');
});
