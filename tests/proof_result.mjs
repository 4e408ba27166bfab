// SPDX-License-Identifier: MIT
// tests/proof/RESULT.txt: for each long test a line of its last run: what came out, when, of which commit, where.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { countsLine } from './counts.mjs';
import { ROOT } from './setup.mjs';

const FILE = join(ROOT, 'tests/proof/RESULT.txt');
const HEAD = [
  '# SPDX-License-Identifier: MIT',
  '# Written by `npm run proof` (all) and `npm run proof -- NAME...` (some): the last run of each.',
];

/**
 * Puts the line of one long test in the place of the one before.
 * @param {string} name  'tutorial' of tests/proof/tutorial.test.mjs
 * @param {import('./counts.mjs').Counts} counts
 * @param {number} ms  that it took
 */
export function keepResult(name, counts, ms) {
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!tests/proof/RESULT.txt') !== '';
  const commit = `commit ${git('rev-parse', '--short', 'HEAD')}${changed ? ' with uncommitted changes' : ''}`;
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  const line = `${name.padEnd(16)} ${countsLine(counts)} (${Math.round(ms / 1000)} s), ${date}, ${commit}, ${machine}`;
  const before = existsSync(FILE) ? readFileSync(FILE, 'utf8').split('\n') : [];
  const others = before.filter((one) => one && !one.startsWith('#') && one.split(' ')[0] !== name);
  writeFileSync(FILE, [...HEAD, ...[...others, line].sort(), ''].join('\n'));
}
