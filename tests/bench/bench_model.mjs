// SPDX-License-Identifier: MIT
// One model in a process of its own, so that load time, first run and memory are those of a fresh
// start: node tests/bench/bench_model.mjs '{"file", "model", "threads", "plan"}' prints one JSON line.
import { seededTensor, round3, timeRuns } from './timing.mjs';

/** @typedef {{file: string, model: string, threads: number, plan: Partial<import('./timing.mjs').Plan>}} Job */

/** @type {Job} */
const job = JSON.parse(process.argv[2]);
const { Classifier } = await import('../../web/lib/vit158.js');

const begin = performance.now();
const vit = await Classifier.load(job.file, { threads: job.threads });
const load = performance.now() - begin;
const { model } = vit.info();
const input = seededTensor(model.channels * model.imageSize ** 2);
const times = await timeRuns(() => vit.forward(input), job.plan);
const info = vit.info();
if (info.threads !== job.threads)
  throw new Error(`${job.threads} threads asked for, ${info.threads} run`);
process.stdout.write(`${JSON.stringify({
  kind: 'model',
  system: 'vit158',
  model: job.model,
  precision: model.ternaryParameters > 0 ? 'ternary' : 'f32',
  threads: job.threads,
  env: 'node',
  median_ms: times.median_ms,
  min_ms: times.min_ms,
  max_ms: times.max_ms,
  load_ms: round3(load),
  first_ms: times.first_ms,
  wasm_mb: round3(info.memoryBytes / 2 ** 20),
  size_bytes: model.fileBytes,
  engine: info.engine,
})}\n`);
vit.dispose();
