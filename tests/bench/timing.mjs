// SPDX-License-Identifier: MIT
// How every model here is timed, ours and peers alike: warm until V8 has tiered up, then a number of
// runs bounded in count and time.

/**
 * @typedef {object} Plan
 * @property {number} runs at most so many timed runs
 * @property {number} minRuns at least so many
 * @property {number} budgetMs stop after this time once minRuns are done
 * @property {number} warmupRuns
 * @property {number} warmupMs warm at least that long
 */

/** @type {Plan} */
export const DEFAULT_PLAN = { runs: 15, minRuns: 5, budgetMs: 6000, warmupRuns: 2, warmupMs: 1500 };

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  return (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
}

/** @param {number} ms */
export const round3 = (ms) => Math.round(ms * 1000) / 1000;

/**
 * Times `run`. The first call is reported on its own: it runs code that is not yet optimised.
 * @param {() => unknown} run may return a promise; a number is taken for the milliseconds it took
 * @param {Partial<Plan>} [plan]
 */
export async function timeRuns(run, plan = {}) {
  const p = { ...DEFAULT_PLAN, ...plan };
  const once = async () => {
    const begin = performance.now();
    const own = await run();
    return typeof own === 'number' ? own : performance.now() - begin;
  };
  const first = await once();
  const warm = performance.now();
  for (let i = 0; i < p.warmupRuns || performance.now() - warm < p.warmupMs; i++) await once();
  /** @type {number[]} */
  const ms = [];
  const begin = performance.now();
  while (ms.length < p.runs && (ms.length < p.minRuns || performance.now() - begin < p.budgetMs)) ms.push(await once());
  return {
    median_ms: round3(median(ms)),
    min_ms: round3(Math.min(...ms)),
    max_ms: round3(Math.max(...ms)),
    first_ms: round3(first),
  };
}

/** @param {import('../../web/lib/vit158.d.ts').ModelInfo} model */
function precisionOf({ ternaryParameters, int8Parameters }) {
  if (ternaryParameters > 0) return 'ternary';
  return int8Parameters > 0 ? 'int8' : 'f32';
}

/**
 * The record of a model's measurement.
 * @param {string} model
 * @param {string} env "node", "chromium"
 * @param {number} threads asked for; fewer must not have run
 * @param {import('../../web/lib/vit158.d.ts').Info} info after the runs
 * @param {Awaited<ReturnType<typeof timeRuns>> & {load: number}} times
 */
export function modelRow(model, env, threads, info, times) {
  if (info.threads !== threads) throw new Error(`${threads} threads asked for, ${info.threads} run`);
  return {
    kind: 'model',
    system: 'vit158',
    model,
    precision: precisionOf(info.model),
    threads,
    env,
    median_ms: times.median_ms,
    min_ms: times.min_ms,
    max_ms: times.max_ms,
    load_ms: round3(times.load),
    first_ms: times.first_ms,
    wasm_mb: round3(info.memoryBytes / 2 ** 20),
    size_bytes: info.model.fileBytes,
    engine: info.engine,
  };
}

/**
 * A tensor of normal values, the same in every run and every system.
 * @param {number} count
 */
export function seededTensor(count) {
  let state = 0x9e3779b9;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
