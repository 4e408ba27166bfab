// SPDX-License-Identifier: MIT
// `npm run bench`: speed of kernels and whole models through the wasm engine in Node; with --browser
// (`npm run bench:browser`) in headless Chromium, with --native the native build.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { modelFile } from './models.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HELP = `usage: npm run bench -- [options]

  --models LIST   model files, names of models in models/, or tiny, small, base, large: standard
                  ViT/16 geometries with random ternary weights, made by the native command
                  (default: the default model and tiny)
  --threads LIST  threads inside one image (default: 1); kernels always run on one
  --runs N        timed runs a model, at most (default: 15)
  --rounds N      rounds of the kernels (default: 9)
  --warm MS       run so long before timing (default: 1500)
  --browser       in headless Chromium instead of Node
  --native        natively: build/native/vit158 and bench_kernels
  --profile       then the time of each operation of a model, on one thread
  --no-kernels    leave the kernels out
  --no-models     leave the models out
  --json          one JSON object a line instead of tables

Quote ratios of one run on an idle machine, not single numbers.`;

const BROWSER = join(ROOT, 'tests/bench/bench_browser.mjs');

/** @typedef {Record<string, string | number>} Row */

/**
 * Runs a script or a native command and returns the JSON lines it printed.
 * @param {string} file @param {string[]} args
 * @returns {Row[]}
 */
function jsonLines(file, args) {
  const [command, ...first] = file.endsWith('.mjs') ? [process.execPath, file] : [file];
  const run = spawnSync(command, [...first, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (run.status !== 0) throw new Error(`${relative(ROOT, file)} ended with ${run.status ?? run.signal}`);
  return run.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** @param {Row} row */
function kernelLine(row) {
  const ratio = row.dot_peak_gmacs ? `${(Number(row.gmacs) / Number(row.dot_peak_gmacs)).toFixed(2)}x` : '';
  return (
    `${String(row.name).padEnd(28)} ${String(row.n_in).padStart(5)} ${String(row.n_out).padStart(5)} ` +
    `${String(row.n_tokens).padStart(5)} ${String(row.threads).padStart(3)} ` +
    `${Number(row.gmacs).toFixed(1).padStart(8)} ${ratio.padStart(9)}`
  );
}

/** @param {Row} row */
function modelLine(row) {
  return (
    `${String(row.model).padEnd(28)} ${String(row.precision).padEnd(8)} ${String(row.threads).padStart(3)} ` +
    [row.median_ms, row.min_ms, row.max_ms, row.load_ms, row.first_ms, row.wasm_mb]
      .map((value) => Number(value).toFixed(1).padStart(9))
      .join(' ') +
    `  ${(Number(row.size_bytes) / 2 ** 20).toFixed(2)}`
  );
}

/** @param {{file: string, threads: number, plan: {runs: number}}} job @param {boolean} profile */
function nativeRows({ file, threads, plan }, profile) {
  return jsonLines(join(ROOT, 'build/native/vit158'), [
    'bench',
    '--json',
    '-m',
    file,
    '--threads',
    String(threads),
    '--runs',
    String(Math.max(plan.runs, 5)),
    ...(profile ? ['--profile'] : []),
  ]).filter(({ kind }) => (kind === 'profile') === profile);
}

/** @param {Row} row */
function profileLine({ operation, ms, share }) {
  return (
    `  ${String(operation).padEnd(32)} ${Number(ms).toFixed(3).padStart(9)} ms ` +
    `${(100 * Number(share)).toFixed(1).padStart(5)} %`
  );
}

/** @param {string} path in build/ */
function needs(path) {
  if (!existsSync(join(ROOT, 'build', path)))
    throw new Error(`build/${path} is missing; run: npm run build:${path.split('/')[0]}`);
}

const KERNEL_HEAD = 'kernel                        n_in n_out     N thr   GMAC/s  dot peak';
const MODEL_HEAD =
  'model                        weights  thr median ms    min ms    max ms   load ms  first ms ' +
  '  wasm MB  file MiB';

function main() {
  const { values } = parseArgs({
    options: {
      models: { type: 'string' },
      threads: { type: 'string', default: '1' },
      runs: { type: 'string', default: '15' },
      rounds: { type: 'string', default: '9' },
      warm: { type: 'string', default: '1500' },
      browser: { type: 'boolean', default: false },
      native: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      'no-kernels': { type: 'boolean', default: false },
      'no-models': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  /** @param {string} head @param {(row: Row) => string} line */
  const printer = (head, line) => {
    if (!values.json) console.log(head);
    return (/** @type {Row} */ row) => console.log(values.json ? JSON.stringify(row) : line(row));
  };
  const threads = values.threads.split(',').map(Number);
  if (values.browser && (values.profile || values.native))
    throw new Error('--browser goes with neither --profile nor --native');
  if (values.profile && !values.native) needs('wasm/bench_engine.wasm');
  if (!values['no-kernels']) {
    needs(values.native ? 'native/bench_kernels' : 'wasm/bench_kernels.wasm');
    const print = printer(KERNEL_HEAD, kernelLine);
    const { rounds, warm } = values;
    const rows = values.browser
      ? jsonLines(BROWSER, [JSON.stringify({ kernels: { rounds: Number(rounds), warmMs: Number(warm) } })])
      : values.native
        ? jsonLines(join(ROOT, 'build/native/bench_kernels'), [rounds])
        : jsonLines(join(ROOT, 'tests/bench/bench_kernels.mjs'), ['--json', '--rounds', rounds, '--warm', warm]);
    rows.forEach(print);
  }
  if (values['no-models']) return;
  const fallback = `${JSON.parse(readFileSync(join(ROOT, 'models/manifest.json'), 'utf8')).default},tiny`;
  const print = printer(MODEL_HEAD, modelLine);
  for (const name of (values.models ?? fallback).split(',')) {
    const file = modelFile(name);
    for (const count of threads) {
      const runs = Number(values.runs);
      const plan = { runs, minRuns: Math.min(runs, 5), warmupMs: Number(values.warm) };
      const job = { file, model: basename(name, '.safetensors'), threads: count, plan };
      const rows = values.native
        ? nativeRows(job, false)
        : jsonLines(values.browser ? BROWSER : join(ROOT, 'tests/bench/bench_model.mjs'), [JSON.stringify(job)]);
      rows.forEach(print);
    }
    if (values.profile) {
      const plan = { runs: Number(values.runs) };
      const rows = values.native
        ? nativeRows({ file, threads: 1, plan }, true)
        : jsonLines(join(ROOT, 'tests/bench/bench_profile.mjs'), [file, values.runs, values.warm]);
      for (const row of rows) console.log(values.json ? JSON.stringify(row) : profileLine(row));
    }
  }
}

try {
  main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
