// SPDX-License-Identifier: MIT
// The benches run and print complete records; how fast anything is, no test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { jsonLines, nativeCommand, ROOT, run, TINY } from './shared.mjs';

const MODEL = join(TINY, 'ternary-6.safetensors');
const QUICK = ['--json', '--runs', '1', '--rounds', '1', '--warm', '0', '--models', MODEL];

/** @param {string[]} args */
function bench(...args) {
  const { code, stdout, stderr } = run(process.execPath, [join(ROOT, 'tests/bench/bench.mjs'), ...QUICK, ...args]);
  assert.equal(code, 0, stderr);
  return jsonLines(stdout);
}

/** @param {Record<string, unknown>} row @param {string[]} keys */
function isComplete(row, keys) {
  for (const key of keys) assert.ok(key in row, `${JSON.stringify(row)} lacks ${key}`);
  for (const [key, value] of Object.entries(row))
    if (typeof value === 'number') assert.ok(Number.isFinite(value) && value >= 0, `${key} ${value}`);
}

const MODEL_KEYS = ['system', 'model', 'precision', 'median_ms', 'load_ms', 'first_ms', 'wasm_mb', 'size_bytes'];
const KERNEL_KEYS = ['name', 'n_in', 'n_out', 'n_tokens', 'gmacs', 'dot_peak_gmacs', 'f32_peak_gmacs'];

/** @param {Record<string, unknown>[]} rows @param {string} env */
function checkRows(rows, env) {
  const kernels = rows.filter(({ kind }) => kind === 'kernel');
  assert.ok(kernels.length > 20);
  for (const row of kernels) isComplete(row, KERNEL_KEYS);
  const models = rows.filter(({ kind }) => kind === 'model');
  assert.deepEqual(
    models.map(({ threads }) => threads),
    [1, 2],
  );
  for (const row of models) isComplete(row, MODEL_KEYS);
  for (const row of rows) assert.equal(row.env, env);
}

test('npm run bench: kernels, a model on one and two threads, its profile', () => {
  const rows = bench('--threads', '1,2', '--profile');
  checkRows(rows, 'node');
  const profile = rows.filter(({ kind }) => kind === 'profile');
  for (const row of profile) isComplete(row, ['operation', 'ms', 'share']);
  const names = profile.map(({ operation }) => operation);
  for (const name of ['ternary products by dot', 'norm and quantize', 'GELU', 'patch embedding', 'total'])
    assert.ok(names.includes(name), `${names} lack ${name}`);
});

test('npm run bench:browser: the same in Chromium', () => {
  checkRows(bench('--browser', '--threads', '1,2'), 'chromium');
});

test('npm run bench -- --native: the same natively', () => {
  const rows = bench('--native', '--threads', '1,2', '--profile');
  checkRows(rows, 'native');
  assert.ok(rows.some(({ kind, operation }) => kind === 'profile' && operation === 'total'));
});

test('npm run bench:threads: alone and beside a busy process', () => {
  const { code, stdout, stderr } = run(process.execPath, [
    join(ROOT, 'tests/bench/bench_threads.mjs'),
    '--json',
    '--rounds',
    '1',
    '--warm',
    '0',
    '--models',
    MODEL,
  ]);
  assert.equal(code, 0, stderr);
  const rows = jsonLines(stdout);
  assert.deepEqual(
    rows.map(({ busy }) => busy),
    [0, 1],
  );
  for (const row of rows) isComplete(row, ['model', 'threads', 'one_ms', 'many_ms', 'ratio']);
});

test('vit158 bench: a model and its profile', () => {
  const { code, stdout, stderr } = nativeCommand(
    'bench',
    '--json',
    '--runs',
    '5',
    '--seconds',
    '0',
    '--profile',
    '-m',
    MODEL,
  );
  assert.equal(code, 0, stderr);
  const [model, ...profile] = jsonLines(stdout);
  isComplete(model, MODEL_KEYS);
  assert.equal(model.env, 'native');
  assert.ok(profile.some(({ operation, share }) => operation === 'total' && share === 1));
  assert.equal(nativeCommand('bench', '--profile', '--threads', '2', '-m', MODEL).code, 2);
});
