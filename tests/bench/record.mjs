// SPDX-License-Identifier: MIT
// Keeps measurements: reads the JSON lines of a bench from stdin, shows them, and appends them to
// tests/bench/results/kernels.csv, models.csv, threads.csv or profiles.csv with date, commit, processor and engine. Quote only
// what an idle machine measured: --note says what else ran.
//
//   npm run -s bench:peers -- --json | node tests/bench/record.mjs [--note TEXT]
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { csvLine } from './csv.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULTS = join(ROOT, 'tests/bench/results');
const RUN = ['run', 'commit', 'cpu', 'node', 'note'];
/** Columns by kind of record, after those of the run. @type {Record<string, string[]>} */
const COLUMNS = {
  kernel: ['name', 'n_in', 'n_out', 'n_tokens', 'threads', 'env', 'gmacs', 'dot_peak_gmacs', 'f32_peak_gmacs'],
  threads: ['system', 'model', 'env', 'threads', 'busy', 'one_ms', 'many_ms', 'ratio', 'one_best_ms', 'many_best_ms'],
  profile: ['system', 'model', 'env', 'operation', 'ms', 'share'],
  model: [
    'system',
    'model',
    'precision',
    'threads',
    'env',
    'median_ms',
    'min_ms',
    'max_ms',
    'load_ms',
    'first_ms',
    'wasm_mb',
    'size_bytes',
  ],
};

/** @param {string[]} args */
const git = (...args) => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim();

const { values } = parseArgs({ options: { note: { type: 'string', default: '' } } });
const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+';
const run = {
  run: new Date().toISOString().slice(0, 19),
  commit: git('rev-parse', '--short', 'HEAD') + dirty,
  cpu: cpus()[0].model.trim(),
  node: process.version,
  note: values.note,
};
mkdirSync(RESULTS, { recursive: true });
let count = 0;
for (const line of readFileSync(0, 'utf8').split('\n')) {
  const record = line.startsWith('{') ? JSON.parse(line) : {};
  const columns = COLUMNS[record.kind];
  if (line !== '') console.log(line);
  if (!columns) continue;
  const file = join(RESULTS, `${record.kind.replace(/s$/, '')}s.csv`);
  if (!existsSync(file)) appendFileSync(file, `${[...RUN, ...columns].map((name) => `"${name}"`).join(',')}\n`);
  appendFileSync(file, `${csvLine([...RUN, ...columns], { ...run, ...record })}\n`);
  count++;
}
console.error(`${count} measurements recorded`);
process.exitCode = count > 0 ? 0 : 1;
