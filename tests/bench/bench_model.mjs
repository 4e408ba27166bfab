// SPDX-License-Identifier: MIT
// One model in a process of its own, so that load time, first run and memory are those of a fresh
// start: node tests/bench/bench_model.mjs '{"file", "model", "threads", "plan"}' prints one JSON line.
import { modelRow, seededTensor, timeRuns } from './timing.mjs';

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
console.log(JSON.stringify(modelRow(job.model, 'node', job.threads, vit.info(), { ...times, load })));
vit.dispose();
