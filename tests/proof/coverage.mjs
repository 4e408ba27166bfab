// SPDX-License-Identifier: MIT
// Branches of the C sources that tests take, by gcov (branches that the compiler makes of each condition,
// without optimisation and assertions): `node tests/proof/coverage.mjs` prints what the last run of
// coverage.test.mjs has left untaken.
//
// A branch that no input can take is marked in the source, at the end of its line or alone on the line
// before, with the reason: UNREACHABLE: and a sentence. All branches of that line are left out then; a mark
// on a line whose branches are all taken is a mistake.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../setup.mjs';

export const BUILD = join(ROOT, 'build/coverage');

/** Whose branches are counted: what reads strangers' files, and the public functions over it. */
export const FOLDERS = ['api', 'base', 'image', 'import', 'model', 'predict'];

/** @typedef {{taken: number, all: number, marked: number, left: {line: number, taken: number, all: number}[],
 *             mistaken: number[]}} FileCoverage */

/** @param {string} folder @returns {string[]} files below it that end so */
function filesBelow(folder, /** @type {string} */ ending) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

/**
 * What gcov says of each object file of the library.
 * @returns {{file: string, lines: {line_number: number, function_name?: string, branches: {count: number}[]}[]}[]}
 */
function gcov() {
  const data = filesBelow(join(BUILD, 'CMakeFiles/vit158.dir/src'), '.gcda');
  if (data.length === 0) throw new Error(`no tests have been run in ${BUILD}`);
  const { stdout, status, stderr } = spawnSync(
    'gcov',
    ['--json-format', '--branch-probabilities', '--stdout', ...data],
    {
      cwd: BUILD,
      encoding: 'utf8',
      maxBuffer: 1 << 29,
    },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => JSON.parse(line).files);
}

/** Lines that are marked: 1 is the first. @param {string} path */
function markedLines(path) {
  /** @type {Set<number>} */
  const marked = new Set();
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((text, i) => {
      const [, before, reason] = text.match(/^(.*)\/\* UNREACHABLE: (.*?)(?:\*\/|$)/) ?? [];
      if (reason === undefined) return;
      if (reason.trim().length < 12) throw new Error(`${path}:${i + 1}: a reason is missing`);
      marked.add(before.trim() === '' ? i + 2 : i + 1);
    });
  return marked;
}

/** @returns {Map<string, FileCoverage>} by path from src/ */
export function measure() {
  /** @type {Map<string, Map<number, Map<string, number>>>} taken how often, by file, line and branch */
  const counts = new Map();
  for (const { file, lines } of gcov()) {
    const name = relative(join(ROOT, 'src'), resolve(BUILD, file));
    if (!FOLDERS.includes(name.split('/')[0])) continue;
    const ofFile = counts.get(name) ?? new Map();
    counts.set(name, ofFile);
    for (const { line_number, function_name, branches } of lines) {
      // Copies that optimisation puts into kernels' loops have no name; the function itself has.
      if (function_name === undefined) continue;
      const ofLine = ofFile.get(line_number) ?? new Map();
      ofFile.set(line_number, ofLine);
      branches.forEach(({ count }, i) => {
        const key = `${function_name} ${i}`; // an inline function is in many objects
        ofLine.set(key, (ofLine.get(key) ?? 0) + count);
      });
    }
  }
  return new Map(
    [...counts].sort().map(([name, lines]) => {
      const marked = markedLines(join(ROOT, 'src', name));
      /** @type {FileCoverage} */
      const found = { taken: 0, all: 0, marked: 0, left: [], mistaken: [] };
      for (const [line, branches] of [...lines].sort(([a], [b]) => a - b)) {
        const all = branches.size;
        const taken = [...branches.values()].filter((count) => count > 0).length;
        if (marked.has(line)) {
          if (taken === all) found.mistaken.push(line);
          found.marked += all - taken;
          continue;
        }
        found.all += all;
        found.taken += taken;
        if (taken < all) found.left.push({ line, taken, all });
      }
      return [name, found];
    }),
  );
}

/** @param {FileCoverage[]} files */
export function total(files) {
  const sum = (/** @type {(file: FileCoverage) => number} */ of) => files.reduce((n, file) => n + of(file), 0);
  const [taken, all, marked] = [sum((f) => f.taken), sum((f) => f.all), sum((f) => f.marked)];
  return { taken, all, marked, percent: all === 0 ? 100 : (100 * taken) / all };
}

/** A line a folder and file. @param {Map<string, FileCoverage>} found */
export function table(found) {
  const row = (/** @type {string} */ name, /** @type {FileCoverage[]} */ files) => {
    const { taken, all, marked, percent } = total(files);
    return `${name.padEnd(28)} ${String(taken).padStart(5)} of ${String(all).padStart(5)}  ${percent.toFixed(1).padStart(5)} %  ${String(marked).padStart(4)} marked`;
  };
  const below = (/** @type {string} */ folder) => [...found].filter(([name]) => name.startsWith(`${folder}/`));
  return [
    ...FOLDERS.flatMap((folder) => [
      row(
        `${folder}/`,
        below(folder).map(([, file]) => file),
      ),
      ...below(folder)
        .filter(([, file]) => file.all > 0)
        .map(([name, file]) => row(`  ${name.slice(folder.length + 1)}`, [file])),
    ]),
    row('all', [...found.values()]),
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = measure();
  for (const [name, { left }] of found) {
    const text = readFileSync(join(ROOT, 'src', name), 'utf8').split('\n');
    for (const { line, taken, all } of left)
      console.log(`src/${name}:${line}: ${taken} of ${all}: ${text[line - 1].trim()}`);
  }
  console.log(table(found));
}
