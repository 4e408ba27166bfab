// SPDX-License-Identifier: MIT
// Which branches of src/api, base, image, import, model and predict the C tests take (coverage.mjs says what
// counts). The bounds are what is reached; they only go up. Tests of the native command take more, above all of
// import, and are not counted: without optimisation they run for long.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ROOT } from '../setup.mjs';
import { BUILD, FOLDERS, measure, table, total } from './coverage.mjs';

/** Percent of the branches that are not marked as unreachable. @type {Record<string, number>} */
const BOUNDS = { api: 96, base: 92, image: 96, import: 68, model: 94, predict: 95 };

/** Training, compression and kernels have tests of their own, which are slow without optimisation. */
const LEFT_OUT = 'train|compress|^check_|bench|reference_goldens|install|consumer|pillow|torch';

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`);
}

before(() => {
  run('cmake', ['--preset', 'coverage']);
  run('cmake', ['--build', '--preset', 'coverage', '-j', '2']);
  for (const name of readdirSync(BUILD, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.gcda')) rmSync(join(BUILD, name));
  run('ctest', ['--test-dir', BUILD, '-j', '2', '--output-on-failure', '-E', LEFT_OUT]);
});

test('branches are taken by tests', (t) => {
  const found = measure();
  t.diagnostic(`\n${table(found)}`);
  for (const folder of FOLDERS) {
    const files = [...found].filter(([name]) => name.startsWith(`${folder}/`)).map(([, file]) => file);
    assert.ok(files.length > 0, folder);
    const { percent, taken, all } = total(files);
    assert.ok(percent >= BOUNDS[folder], `src/${folder}: ${taken} of ${all} branches, less than ${BOUNDS[folder]} %`);
  }
});

test('what is marked as unreachable is not reached', () => {
  const mistaken = [...measure()].flatMap(([name, file]) => file.mistaken.map((line) => `src/${name}:${line}`));
  assert.deepEqual(mistaken, []);
});
