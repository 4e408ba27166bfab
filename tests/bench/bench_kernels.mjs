// SPDX-License-Identifier: MIT
// Kernel benchmarks in this Node's V8, one thread: `node tests/bench/bench_kernels.mjs [--json]
// [--rounds N] [--only NAME] [--module FILE]`. Every case is warmed until V8 has tiered up; then
// rounds run all cases and both peaks in turn, and medians are printed. A line has GMAC/s and the
// machine's peaks measured in the same module and rounds.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    only: { type: 'string', default: '' },
    crossover: { type: 'boolean', default: false },
    module: {
      type: 'string',
      default: fileURLToPath(new URL('../../build/wasm/bench_kernels.wasm', import.meta.url)),
    },
  },
});

const WARM_MS = 1500;
const ROUND_MS = 25;
const PEAK_MACS = 4194304;

const bench = /** @type {any} */ (new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(options.module))).exports);
bench._initialize?.();
if (!bench.bench_prepare(options.crossover ? 1 : 0))
  throw new Error('no memory for the operands');

/** @param {number} at @returns {string} */
function text(at) {
  const bytes = new Uint8Array(bench.memory.buffer, at);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/**
 * Calls per ms over about `ms` milliseconds.
 * @param {() => void} call
 * @param {number} ms
 */
function rate(call, ms) {
  const begin = performance.now();
  let calls = 0, now = begin;
  for (; now - begin < ms; now = performance.now(), calls++)
    call();
  return calls / (now - begin);
}

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

const peaks = [0, 1].map((which) => ({ run: () => bench.bench_peak(which), macs: PEAK_MACS, rates: /** @type {number[]} */ ([]) }));
const cases = [...Array(bench.bench_count()).keys()].map((i) => ({
  name: text(bench.bench_name(i)),
  n_in: bench.bench_n_in(i),
  n_out: bench.bench_n_out(i),
  n_tokens: bench.bench_n_tokens(i),
  macs: bench.bench_n_in(i) * bench.bench_n_out(i) * bench.bench_n_tokens(i),
  run: () => bench.bench_run(i),
  rates: /** @type {number[]} */ ([]),
})).filter((c) => c.name.includes(options.only));

const everything = [...peaks, ...cases];
for (const c of everything)
  rate(c.run, Math.max(50, WARM_MS / everything.length));
for (let warmed = performance.now(); performance.now() - warmed < WARM_MS;)
  for (const c of everything)
    c.run();
for (let round = 0; round < Number(options.rounds); round++)
  for (const c of everything)
    c.rates.push(rate(c.run, ROUND_MS));

const gmacs = (/** @type {{rates: number[], macs: number}} */ c) => median(c.rates) * c.macs / 1e6;
const [dotPeak, f32Peak] = peaks.map(gmacs);
for (const c of cases) {
  const { name, n_in, n_out, n_tokens } = c;
  const peak = name === 'f32' ? f32Peak : dotPeak;
  console.log(options.json
    ? JSON.stringify({ kind: 'kernel', name, n_in, n_out, n_tokens, threads: 1,
      gmacs: Number(gmacs(c).toFixed(2)), dot_peak_gmacs: Number(dotPeak.toFixed(2)),
      f32_peak_gmacs: Number(f32Peak.toFixed(2)) })
    : `${name.padEnd(10)} ${String(n_in).padStart(4)} -> ${String(n_out).padEnd(4)} ` +
      `N=${String(n_tokens).padEnd(3)} ${gmacs(c).toFixed(1).padStart(6)} GMAC/s, ` +
      `${(gmacs(c) / peak).toFixed(2)} of the ${name === 'f32' ? 'f32' : 'dot'} peak ` +
      `${peak.toFixed(1)}`);
}
