// SPDX-License-Identifier: MIT
// Whether tests notice: `node tests/proof/mutations.mjs [NAME...]` makes the changes of mutation_list.mjs
// one at a time in a copy of the sources, builds the tests named beside each, and runs them until one fails.
// A change that every one of them survives is printed as missed, and the exit code is 1. With names, only
// the files whose path has one of them. Wants the native build and wasm_build/dist.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../setup.mjs';
import { MUTATIONS } from './mutation_list.mjs';

const WORK = join(ROOT, 'build/mutations');
const BUILD = join(WORK, 'native');
/** What tests read and nothing changes. */
const LINKS =
  'CMakeLists.txt LICENSE THIRD-PARTY.md README.md models wasm_build package.json node_modules build tsconfig.json'.split(
    ' ',
  );

/** @typedef {import('./mutation_list.mjs').Mutation} Mutation */

/** A copy of what may be changed and of the tests, beside links to all else. @param {boolean} c */
function prepare(c) {
  mkdirSync(WORK, { recursive: true });
  for (const name of ['src', 'web', 'tests']) {
    rmSync(join(WORK, name), { recursive: true, force: true });
    cpSync(join(ROOT, name), join(WORK, name), { recursive: true, preserveTimestamps: true });
  }
  for (const name of LINKS) if (!existsSync(join(WORK, name))) symlinkSync(join(ROOT, name), join(WORK, name));
  if (!c) return;
  execFileSync('cmake', ['-S', WORK, '-B', BUILD, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release'], { stdio: 'ignore' });
}

/** @param {Mutation} mutation */
const isC = ([file]) => !file.startsWith('web/');

/** @param {string[]} tests @returns {boolean} */
const build = (tests) => spawnSync('cmake', ['--build', BUILD, '--target', ...tests], { stdio: 'ignore' }).status === 0;

/** @param {string} test @param {boolean} c @returns {boolean} whether it passes; a test that hangs fails */
function passes(test, c) {
  const how = /** @type {const} */ ({ stdio: 'ignore', timeout: 300_000 });
  const run = c
    ? spawnSync(join(BUILD, test), { cwd: BUILD, ...how })
    : spawnSync(process.execPath, ['--test', `tests/node/${test}.test.mjs`], { cwd: WORK, ...how });
  return run.status === 0;
}

/** The first of these tests that fails, or ''. @param {string[]} tests @param {boolean} c */
const noticed = (tests, c) => tests.find((test) => !passes(test, c)) ?? '';

/**
 * Makes one change, tells whether a test notices, and takes it back.
 * @param {Mutation} mutation
 * @returns {string} what noticed, '' if nothing did
 */
function tryOne(mutation) {
  const [file, line, changed, list] = mutation;
  const c = isC(mutation);
  const path = join(WORK, c ? 'src' : '', file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(line)) throw new Error(`${file} has no ${line}`);
  const tests = list.split(' ');
  writeFileSync(
    path,
    text.replace(line, () => changed),
  );
  try {
    return !c || build(tests) ? noticed(tests, c) : 'the compiler';
  } finally {
    writeFileSync(path, text);
  }
}

/** @param {string[]} names @returns {{mutation: Mutation, by: string}[]} */
export function mutate(names = []) {
  const chosen = MUTATIONS.filter(([file]) => names.length === 0 || names.some((name) => file.includes(name)));
  const [ofC, others] = [chosen.filter(isC), chosen.filter((one) => !isC(one))];
  const testsOf = (/** @type {Mutation[]} */ list) => [...new Set(list.flatMap(([, , , tests]) => tests.split(' ')))];
  prepare(ofC.length > 0);
  if (ofC.length > 0 && !build(testsOf(ofC))) throw new Error('the tests do not build');
  const failing = noticed(testsOf(ofC), true) || noticed(testsOf(others), false);
  if (failing !== '') throw new Error(`${failing} fails without any change`);
  return chosen.map((mutation) => {
    const by = tryOne(mutation);
    console.log(`${by === '' ? 'MISSED ' : 'noticed'} ${mutation[0]}: ${mutation[2]}${by === '' ? '' : ` (${by})`}`);
    return { mutation, by };
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missed = mutate(process.argv.slice(2)).filter(({ by }) => by === '');
  console.log(`${missed.length} missed`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}
