// SPDX-License-Identifier: MIT
// The C tests that `npm test` shortens (tests/unit/thorough.h), whole, with ASan and UBSan: every failing
// allocation of the commands, every exponent, every entry of the gradients that is checked.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ROOT } from '../setup.mjs';

const BUILD = join(ROOT, 'build/asan');

/** @param {string} folder of tests @returns {string[]} its files that ask whether to be thorough */
const asking = (folder) =>
  readdirSync(join(ROOT, 'tests', folder)).filter(
    (file) =>
      file.endsWith('.c') && readFileSync(join(ROOT, 'tests', folder, file), 'utf8').includes('test_is_thorough'),
  );

/** Those of tests/cli ask in short_memory.c, which these are linked with. */
const TESTS = [
  'test_command_memory',
  'test_trainer_memory',
  ...['unit', 'golden'].flatMap(asking).map((file) => file.replace(/\.c$/, '')),
];

/** @param {string} cwd @param {string} command @param {...string} args */
function run(cwd, command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, VIT158_THOROUGH: '1' },
  });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
}

before(() => {
  assert.ok(TESTS.length >= 5, TESTS.join(' '));
  run(ROOT, 'cmake', '--preset', 'asan');
  run(ROOT, 'cmake', '--build', '--preset', 'asan', '--target', ...TESTS);
});

for (const name of TESTS) test(name, () => run(BUILD, join(BUILD, name)));
