// SPDX-License-Identifier: MIT
// Kernel benchmarks in this JavaScript engine, one thread. Every case is warmed until the engine has
// tiered up; then rounds run all cases and both peaks in turn, and medians are kept. The function
// uses nothing outside itself, so that a page can run its source.

/**
 * @typedef {object} Job
 * @property {string} base64 of bench_kernels.wasm
 * @property {string} env "node", "chromium"
 * @property {number} rounds
 * @property {string} only cases whose name holds this
 * @property {boolean} crossover the cases around which the faster kernel changes
 * @property {number} warmMs
 */
/** @typedef {{run: () => void, macs: number, rates: number[]}} Timed */

/** @param {Job} job @returns {Promise<Record<string, string | number>[]>} one row a case */
export async function measureKernels({ base64, env, rounds, only, crossover, warmMs }) {
  const ROUND_MS = 25;
  const PEAK_MACS = 4194304;
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const bench = /** @type {any} */ (instance.exports);
  bench._initialize?.();
  if (!bench.bench_prepare(crossover ? 1 : 0)) throw new Error('no memory for the operands');

  const text = (/** @type {number} */ at) => {
    const memory = new Uint8Array(bench.memory.buffer, at);
    return new TextDecoder().decode(memory.slice(0, memory.indexOf(0)));
  };
  /** Calls per ms over about `ms` milliseconds. @param {() => void} call @param {number} ms */
  const rate = (call, ms) => {
    const begin = performance.now();
    let calls = 0;
    let now = begin;
    for (; now - begin < ms; now = performance.now(), calls++) call();
    return calls / (now - begin);
  };
  const median = (/** @type {number[]} */ list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const gmacs = (/** @type {Timed} */ timed) => (median(timed.rates) * timed.macs) / 1e6;

  /** @type {Timed[]} */
  const peaks = [0, 1].map((which) => ({ run: () => bench.bench_peak(which), macs: PEAK_MACS, rates: [] }));
  const cases = [...Array(bench.bench_count()).keys()]
    .map((i) => ({
      name: text(bench.bench_name(i)),
      n_in: bench.bench_n_in(i),
      n_out: bench.bench_n_out(i),
      n_tokens: bench.bench_n_tokens(i),
      macs: bench.bench_n_in(i) * bench.bench_n_out(i) * bench.bench_n_tokens(i),
      run: () => bench.bench_run(i),
      rates: /** @type {number[]} */ ([]),
    }))
    .filter(({ name }) => name.includes(only));

  const everything = [...peaks, ...cases];
  for (const { run } of everything) rate(run, Math.max(warmMs / 30, warmMs / everything.length));
  for (const begin = performance.now(); performance.now() - begin < warmMs;) for (const { run } of everything) run();
  for (let round = 0; round < rounds; round++)
    for (const timed of everything) timed.rates.push(rate(timed.run, ROUND_MS));

  const round2 = (/** @type {number} */ value) => Number(value.toFixed(2));
  const [dotPeak, f32Peak] = peaks.map(gmacs);
  return cases.map((timed) => ({
    kind: 'kernel',
    name: timed.name,
    n_in: timed.n_in,
    n_out: timed.n_out,
    n_tokens: timed.n_tokens,
    threads: 1,
    env,
    gmacs: round2(gmacs(timed)),
    dot_peak_gmacs: round2(dotPeak),
    f32_peak_gmacs: round2(f32Peak),
  }));
}
