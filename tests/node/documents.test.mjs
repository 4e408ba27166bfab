// SPDX-License-Identifier: MIT
// Documents lead somewhere: relative links and paths to tests exist, npm scripts are defined, and
// the commands shown have the sub-commands shown.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { ROOT } from '../setup.mjs';

const DOCUMENTS = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n').filter((name) => name !== '' && existsSync(join(ROOT, name)));

/** @param {string} name */
const read = (name) => readFileSync(join(ROOT, name), 'utf8');

test('relative links', () => {
  let count = 0;
  for (const name of DOCUMENTS) {
    for (const [, target] of read(name).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(name), target)), `${name} links to ${target}`);
      count++;
    }
  }
  assert.ok(count > 5);
});

test('files named in code, seen from the root', () => {
  for (const name of DOCUMENTS) {
    for (const [, path] of read(name).matchAll(/`((?:src|tests|web|models|wasm_build)\/[\w./-]+\.\w+)`/g))
      assert.ok(existsSync(join(ROOT, path)) || existsSync(join(ROOT, dirname(name), path)), `${name} names ${path}`);
  }
});

test('npm scripts', () => {
  const { scripts } = JSON.parse(read('package.json'));
  for (const name of DOCUMENTS) {
    for (const [, script] of read(name).matchAll(/npm run (?:-s )?([\w:]+)/g))
      assert.ok(script in scripts, `${name}: npm run ${script}`);
  }
});

test('sub-commands', () => {
  const help = spawnSync(join(ROOT, 'build/native/vit158'), ['--help'], { encoding: 'utf8' }).stdout
    + spawnSync(process.execPath, [join(ROOT, 'web/cli.mjs'), '--help'], { encoding: 'utf8' }).stdout;
  const commands = new Set([...help.matchAll(/^ {2}(\w+) {2}/gm)].map((match) => match[1]));
  for (const name of DOCUMENTS) {
    for (const [, command] of read(name).matchAll(/(?:native\/vit158|web\/cli\.mjs) (\w+)/g))
      assert.ok(commands.has(command), `${name}: vit158 ${command}`);
  }
});
