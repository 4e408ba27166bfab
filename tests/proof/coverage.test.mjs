// SPDX-License-Identifier: MIT
// Which branches of src/api, base, image, import, model and predict the C tests take, and the Node tests of the native
// command that concern them: all of those that are not marked as unreachable (coverage.mjs says what counts).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ROOT } from '../setup.mjs';
import { BUILD, FOLDERS, measure, table, total } from './coverage.mjs';

/** Training, compression and kernels have tests of their own, which are slow without optimisation. */
const LEFT_OUT = 'train|compress|^check_|bench|reference_goldens|install|consumer|pillow|torch';

/** Tests of the native command, which take the one that counts (tests/node/shared.mjs). */
const NODE_TESTS = ['golden_file', 'import_command', 'import_variants', 'pack_command', 'variants'];

/** @param {string} command @param {string[]} args @param {Record<string, string | undefined>} env */
function run(command, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
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
  const files = NODE_TESTS.map((name) => join(ROOT, `tests/node/${name}.test.mjs`));
  // Without NODE_TEST_CONTEXT: with it a runner inside a test reports to that one and says nothing.
  run(process.execPath, ['--test', ...files], { VIT158_NATIVE: join(BUILD, 'vit158'), NODE_TEST_CONTEXT: undefined });
});

test('branches are taken by tests', (t) => {
  const found = measure();
  t.diagnostic(`\n${table(found)}`);
  for (const folder of FOLDERS) {
    const files = [...found].filter(([name]) => name.startsWith(`${folder}/`)).map(([, file]) => file);
    assert.ok(files.length > 0, folder);
    const { taken, all } = total(files);
    assert.equal(taken, all, `src/${folder}: node tests/proof/coverage.mjs lists what is left`);
  }
});

test('what is marked as unreachable is not reached', () => {
  const mistaken = [...measure()].flatMap(([name, file]) => file.mistaken.map((line) => `src/${name}:${line}`));
  assert.deepEqual(mistaken, []);
});
