// SPDX-License-Identifier: MIT
// Documents lead somewhere: relative links and paths exist, npm scripts are defined, the commands shown
// have the sub-commands shown; and what comments in C name (files, sections of documents) is there.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { ROOT } from '../setup.mjs';

const FILES = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((name) => name !== '' && existsSync(join(ROOT, name)));
const DOCUMENTS = FILES.filter((name) => name.endsWith('.md'));

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
  assert.ok(count > 20, `only ${count} links were found`);
});

test('files named in code, seen from the root', () => {
  let count = 0;
  for (const name of DOCUMENTS) {
    for (const [, path] of read(name).matchAll(/`((?:src|tests|web|models|wasm_build)\/[\w./-]+\.\w+)`/g)) {
      assert.ok(existsSync(join(ROOT, path)) || existsSync(join(ROOT, dirname(name), path)), `${name} names ${path}`);
      count++;
    }
  }
  assert.ok(count > 30, `only ${count} files were found`);
});

/** The comments of a C file as one text. @param {string} name */
const comments = (name) =>
  [...read(name).matchAll(/\/\*[\s\S]*?\*\//g)].map(([text]) => text.replace(/\n \*/g, '')).join('\n');

test('files and sections named in comments of C files', () => {
  const known = new Set(FILES.map((name) => basename(name)));
  /** @param {string} document */
  const sections = (document) =>
    new Set([...read(document).matchAll(/^#+ (\d+(?:\.\d+)*)/gm)].map((match) => match[1]));
  const numbered = { 'METHODS.md': sections('src/METHODS.md'), 'FORMAT.md': sections('src/model/FORMAT.md') };
  let files = 0,
    cited = 0;
  for (const name of FILES.filter((path) => /^(src|tests)\/.*\.[ch]$/.test(path))) {
    const text = comments(name);
    for (const [, path] of text.matchAll(/(?<![<\w*.])((?:[\w-]+\/)*[a-z][\w-]*\.(?:c|h|md|mjs|cmake|py))\b/gi)) {
      if (/[A-Z]{4}|^libImaging\//.test(path)) continue; // a pattern; Pillow's
      assert.ok(known.has(basename(path)), `${name} names ${path}`);
      files++;
    }
    for (const [, document, list] of text.matchAll(
      /(METHODS\.md|FORMAT\.md),? (?:sections? )?(\d+(?:\.\d+)*(?:(?:, | and |-)\d+(?:\.\d+)*)*)/g,
    )) {
      for (const section of list.split(/, | and |-/)) {
        assert.ok(
          numbered[/** @type {keyof typeof numbered} */ (document)].has(section),
          `${name} cites ${document} ${section}`,
        );
        cited++;
      }
    }
  }
  assert.ok(files > 50, `only ${files} files were found`);
  assert.ok(cited > 15, `only ${cited} sections were found`);
});

test('npm scripts', () => {
  const { scripts } = JSON.parse(read('package.json'));
  let count = 0;
  for (const name of DOCUMENTS) {
    if (name.startsWith('web/examples/')) continue; // those are scripts of the examples
    for (const [, script] of read(name).matchAll(/npm run (?:-s )?([\w:]+)/g)) {
      assert.ok(script in scripts, `${name}: npm run ${script}`);
      count++;
    }
  }
  assert.ok(count > 15, `only ${count} scripts were found`);
});

test('sub-commands', () => {
  const help =
    spawnSync(join(ROOT, 'build/native/vit158'), ['--help'], { encoding: 'utf8' }).stdout +
    spawnSync(process.execPath, [join(ROOT, 'web/cli.mjs'), '--help'], { encoding: 'utf8' }).stdout;
  const commands = new Set([...help.matchAll(/^ {2}(\w+) {2}/gm)].map((match) => match[1]));
  let count = 0;
  for (const name of DOCUMENTS) {
    for (const [, command] of read(name).matchAll(/(?:native\/vit158|web\/cli\.mjs) (\w+)/g)) {
      assert.ok(commands.has(command), `${name}: vit158 ${command}`);
      count++;
    }
  }
  assert.ok(count > 15, `only ${count} commands were found`);
});
