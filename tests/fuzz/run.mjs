// SPDX-License-Identifier: MIT
// `npm run fuzz -- --minutes N [--record] [TARGET...]`: builds the fuzz targets with clang's libFuzzer,
// ASan and UBSan and runs them one after the other for N minutes in all, the JavaScript readers
// last. Prints executions and edges of each; new inputs are kept in build/corpus, failures stop it.
// --record adds the executions to tests/fuzz/EXECUTIONS.md.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup.mjs';
import { addRun, readTable, tableText } from './executions.mjs';

const BUILD = join(ROOT, 'build/fuzz');
const TABLE = join(ROOT, 'tests/fuzz/EXECUTIONS.md');

/** Targets whose executions cost more get more of the time. @type {Record<string, number>} */
const SHARES = { fuzz_image: 3, fuzz_model: 3, fuzz_pack: 2, fuzz_round: 2 };
/** Inputs longer than that are not made. @type {Record<string, number>} */
const MOST_BYTES = { fuzz_model: 16384, fuzz_round: 16384, fuzz_pack: 16384, fuzz_checkpoint: 65536 };

/**
 * @param {string} command
 * @param {string[]} args
 * @param {boolean} [quiet]
 * @returns {Promise<{code: number, output: string}>}
 */
function run(command, args, quiet = false) {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        output += data;
        if (!quiet) process.stdout.write(data);
      });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** @returns {{name: string, corpora: string[]}[]} */
function targets() {
  const lines = readFileSync(join(BUILD, 'fuzzers.txt'), 'utf8').trim().split('\n');
  const native = lines.map((line) => {
    const [name, ...corpora] = line.split(/[ ;]/);
    return { name, corpora };
  });
  return [...native, { name: 'fuzz_js', corpora: [] }];
}

/**
 * @param {{name: string, corpora: string[]}} target
 * @param {number} seconds
 * @returns {Promise<{executions: number, edges: number, failed: boolean, output: string}>}
 */
async function fuzz({ name, corpora }, seconds) {
  const kept = join(ROOT, 'build/corpus', name);
  mkdirSync(kept, { recursive: true });
  const own = ['-print_final_stats=1', '-timeout=20', `-max_total_time=${seconds}`];
  if (name in MOST_BYTES) own.push(`-max_len=${MOST_BYTES[name]}`);
  const seeds = corpora.filter((folder) => existsSync(join(ROOT, folder)));
  const failures = `-artifact_prefix=build/corpus/${name}-failed-`;
  const { code, output } =
    name === 'fuzz_js'
      ? await run(process.execPath, ['tests/fuzz/fuzz_js.mjs', String(seconds)], true)
      : await run(join(BUILD, name), [...own, failures, kept, ...seeds], true);
  return {
    executions: Number(/stat::number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0),
    edges: Number([...output.matchAll(/ cov: (\d+) /g)].at(-1)?.[1] ?? 0),
    failed: code !== 0,
    output,
  };
}

/** @param {string[]} args */
async function main(args) {
  const at = args.indexOf('--minutes');
  const minutes = at < 0 ? 1 : Number(args[at + 1]);
  const names = args.filter((arg, i) => !arg.startsWith('--') && (at < 0 || i !== at + 1));
  if (!(minutes > 0)) throw new Error('--minutes wants a number above 0');
  for (const step of [
    ['--preset', 'fuzz'],
    ['--build', '--preset', 'fuzz'],
  ])
    if ((await run('cmake', step)).code !== 0) return 1;
  const wanted = targets().filter(({ name }) => names.length === 0 || names.includes(name));
  if (wanted.length === 0) throw new Error(`no such target; there are ${targets().map(({ name }) => name)}`);
  const shares = wanted.reduce((sum, { name }) => sum + (SHARES[name] ?? 1), 0);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  let failed = 0;
  for (const target of wanted) {
    const seconds = Math.max(1, Math.round((60 * minutes * (SHARES[target.name] ?? 1)) / shares));
    const result = await fuzz(target, seconds);
    console.log(`${target.name.padEnd(16)} ${result.executions} executions, ${result.edges} edges, ${seconds} s`);
    if (result.failed) {
      failed++;
      console.log(result.output.slice(-4000));
    }
    if (args.includes('--record') && result.executions > 0) {
      const table = readTable(existsSync(TABLE) ? readFileSync(TABLE, 'utf8') : '');
      addRun(table, { target: target.name, ...result, commit });
      writeFileSync(TABLE, tableText(table));
    }
  }
  console.log(failed === 0 ? 'no failures' : `${failed} targets failed: the inputs are in build/corpus`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
