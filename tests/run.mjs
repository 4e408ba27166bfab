// SPDX-License-Identifier: MIT
// `npm test`: installs what is missing, builds everything, runs every test but the long ones, and ends
// with one line "N passed, N failed" summed over all runners. `node tests/run.mjs STEP...` runs some
// steps only; `--list` names them. `npm run proof` runs the long ones and keeps what came out in
// tests/proof/RESULT.txt; `npm run proof -- NAME...` runs some of them.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import {
  afterSecondRun,
  countCtest,
  countLastLine,
  countsLine,
  countTap,
  failedFiles,
  withExitCode,
} from './counts.mjs';
import { keepResult } from './proof_result.mjs';
import { PACKAGES, PROOF_PACKAGES, ROOT, setUp } from './setup.mjs';

const JOBS = String(Math.max(1, Math.min(availableParallelism(), 8)));

/** @typedef {import('./counts.mjs').Counts} Counts */

/** @param {boolean} ok @returns {Counts} */
const one = (ok) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 });

/**
 * Runs a command with its output shown; resolves to its exit code and what it printed.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{code: number, output: string}>}
 */
function run(command, args) {
  console.log(`$ ${command} ${args.join(' ')}`);
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.stderr.on('data', (data) => {
      process.stderr.write(data);
    });
    child.on('error', (error) => {
      console.log(String(error));
      resolve({ code: 127, output });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** @param {string} preset */
async function build(preset) {
  const configured = await run('cmake', ['--preset', preset]);
  if (configured.code !== 0) return false;
  return (await run('cmake', ['--build', '--preset', preset, '-j', JOBS])).code === 0;
}

/** All modules; without Debian's source archive all but vit158-webp.wasm. @returns {Promise<Counts>} */
async function wasmModules() {
  const { code } = await run(process.execPath, ['wasm_build/libwebp.mjs']);
  if (code !== 0)
    console.log('SKIPPED: vit158-webp.wasm is not built anew: the source of libwebp could not be fetched');
  return { ...one(await build('wasm')), skipped: code === 0 ? 0 : 1 };
}

/** @param {string} preset @returns {Promise<Counts>} */
async function ctest(preset) {
  if (!(await build(preset))) return one(false);
  const report = join(ROOT, 'build', preset, 'ctest.xml');
  rmSync(report, { force: true });
  const { code } = await run('ctest', [
    '--preset',
    preset,
    '-j',
    JOBS,
    '--output-junit',
    report,
    '--test-output-size-passed',
    '1000000',
    '--test-output-size-failed',
    '1000000',
  ]);
  return withExitCode(existsSync(report) ? countCtest(readFileSync(report, 'utf8')) : one(false), code);
}

const ENDING = '.test.mjs';

/** @param {string} folder @returns {string[]} its tests, in order */
const testsOf = (folder) =>
  existsSync(join(ROOT, folder))
    ? readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith(ENDING))
        .sort()
    : [];

/**
 * @param {string} folder @param {string} [jobs] @param {string[]} [names]
 * @returns {Promise<{counts: Counts, failed: string[]}>} `failed`: names of files
 */
async function runNode(folder, jobs = JOBS, names = testsOf(folder)) {
  const files = names.map((name) => `${folder}/${name}`);
  if (files.length === 0) {
    console.log(`${folder} has no *${ENDING}`);
    return { counts: one(false), failed: [] };
  }
  const tap = join(ROOT, 'build', `${folder.replaceAll('/', '-')}.tap`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const { code } = await run(process.execPath, [
    '--test',
    `--test-concurrency=${jobs}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${tap}`,
    ...files,
  ]);
  const report = readFileSync(tap, 'utf8');
  const failed = failedFiles(report).map((path) => basename(path));
  return { counts: withExitCode(countTap(report), code), failed: names.filter((name) => failed.includes(name)) };
}

/** @param {Parameters<typeof runNode>} args */
const nodeTests = async (...args) => (await runNode(...args)).counts;

/** In CI files with failures are run once more, alone: its machines are shared. @returns {Promise<Counts>} */
async function nodeStep() {
  const { counts, failed } = await runNode('tests/node');
  if (failed.length === 0 || !process.env.CI) return counts;
  console.log(`\nRUN TWICE: ${failed.join(', ')}, for ${counts.failedTests?.join(', ')}`);
  return afterSecondRun(counts, await nodeTests('tests/node', '1', failed));
}

/** The long tests, one after the other; each leaves its result. @param {string[]} wanted  all if empty @returns {Promise<Counts>} */
async function proofs(wanted) {
  const all = testsOf('tests/proof');
  const names = wanted.length > 0 ? wanted.map((name) => name + ENDING) : all;
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) console.log(`tests/proof has no ${unknown.join(', ')}`);
  const total = {
    ...one(unknown.length === 0),
    passed: 0,
    failedTests: /** @type {string[]} */ ([]),
    skippedTests: /** @type {string[]} */ ([]),
  };
  for (const name of names.filter((each) => all.includes(each))) {
    const begin = Date.now();
    const counts = await nodeTests('tests/proof', '1', [name]);
    keepResult(name.slice(0, -ENDING.length), counts, Date.now() - begin);
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key];
    for (const key of /** @type {const} */ (['failedTests', 'skippedTests'])) total[key].push(...(counts[key] ?? []));
  }
  return total;
}

/** @type {Record<string, {about: string, run: (rest: string[]) => Promise<Counts>}>} */
const STEPS = {
  types: {
    about: 'JSDoc types, by tsc',
    run: async () => one((await run('node_modules/.bin/tsc', ['-p', '.'])).code === 0),
  },
  native: { about: 'native release build, ctest', run: () => ctest('native') },
  asan: { about: 'native build with ASan and UBSan, ctest', run: () => ctest('asan') },
  wasm: { about: 'wasm modules', run: wasmModules },
  tree: {
    about: 'rules about files, includes and symbols; format',
    run: async () => {
      const { code, output } = await run(process.execPath, ['tests/check_tree.mjs']);
      return withExitCode(countLastLine(output), code);
    },
  },
  node: { about: 'tests/node, by node --test', run: nodeStep },
  // One more than there are processors: browsers often wait, for timers, frames and each other.
  browser: { about: 'tests/browser, by node --test', run: () => nodeTests('tests/browser', String(Number(JOBS) + 1)) },
  proof: { about: 'tests/proof, what takes long, by node --test', run: proofs },
};

/** What `npm test` leaves out. */
const LONG_STEPS = ['proof'];

/** @param {string[]} names @param {string[]} rest  what a step is told besides */
async function main(names, rest) {
  const started = Date.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  /** @type {string[]} */
  const summary = [];
  const isLong = names.some((name) => LONG_STEPS.includes(name));
  if (!setUp(isLong ? [...PACKAGES, ...PROOF_PACKAGES] : PACKAGES)) {
    console.log('setup failed: see above');
    total.failed = 1;
    names = [];
  }
  for (const name of names) {
    console.log(`\n== ${name}: ${STEPS[name].about}`);
    const begin = Date.now();
    const counts = await STEPS[name].run(rest);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    const seconds = ((Date.now() - begin) / 1000).toFixed(1);
    summary.push(`${name.padEnd(8)} ${countsLine(counts)} (${seconds} s)`);
    if (counts.failedTests?.length) summary.push(`         FAILED: ${counts.failedTests.join(', ')}`);
    if (counts.ranTwice?.length) summary.push(`         RUN TWICE: ${counts.ranTwice.join(', ')}`);
    if (counts.skippedTests?.length) summary.push(`         SKIPPED: ${counts.skippedTests.join(', ')}`);
  }
  console.log(`\n== summary (${((Date.now() - started) / 1000).toFixed(0)} s)\n${summary.join('\n')}`);
  console.log(countsLine(total));
  return total.failed === 0 && total.passed > 0;
}

const given = process.argv.slice(2);
const isProof = given[0] === 'proof';
const [wanted, rest] = isProof ? [given.slice(0, 1), given.slice(1)] : [given, []];
const unknown = wanted.find((name) => !(name in STEPS));
if (wanted.includes('--list')) {
  for (const [name, step] of Object.entries(STEPS))
    console.log(`${name.padEnd(8)} ${step.about}${LONG_STEPS.includes(name) ? ' (not part of `npm test`)' : ''}`);
} else if (unknown !== undefined) {
  console.error(`no step '${unknown}'; the steps are ${Object.keys(STEPS).join(', ')}`);
  process.exitCode = 2;
} else {
  process.exitCode = (await main(
    wanted.length > 0 ? wanted : Object.keys(STEPS).filter((name) => !LONG_STEPS.includes(name)),
    rest,
  ))
    ? 0
    : 1;
}
