// SPDX-License-Identifier: MIT
// The manual page names every command and option that --help names, and no others.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT } from '../setup.mjs';

/** @param {string[]} args */
const vit158 = (...args) => spawnSync(join(ROOT, 'build/native/vit158'), args, { encoding: 'utf8' }).stdout;

test('the manual page and --help agree', () => {
  const page = readFileSync(join(ROOT, 'src/cli/vit158.1'), 'utf8').replaceAll('\\-', '-');
  const commands = [...vit158('--help').matchAll(/^ {2}([\w-]+) {2}/gm)].map((match) => match[1]);
  assert.ok(commands.length >= 4);
  const options = new Set(['--version']);
  for (const command of commands) {
    assert.ok(page.includes(`\n.B vit158 ${command}\n`), `no synopsis of ${command}`);
    for (const [option] of vit158(command, '--help').matchAll(/(?<=^(?: {2,6}(?:-\w, )?)?)--[\w-]+/gm))
      options.add(option);
  }
  const named = new Set([...page.matchAll(/--[a-z][\w-]*/g)].map((match) => match[0]));
  assert.deepEqual([...named].sort(), [...options].sort());
});
