// SPDX-License-Identifier: MIT
// What merging tokens saves and what it changes, list by list against the model that merges nothing:
//
//     node tests/bench/bench_merge.mjs MODEL LIST... [--threads N] [--rounds N] [--pictures DIR]
//
// MODEL is a name or file, tiny, small, base or large are made by synth. Every round runs the model once with each list,
// one after the other, so that what else the machine does meets all alike; told is the median over rounds of the time of
// the forward pass, matching included, against the unmerged one's: processor time on one thread, else time on the wall.
// With DIR, which has a folder of pictures a class, also
// KL(unmerged || merged), how often the first class is the same, and the paired difference of top-1 with its standard error.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Classifier } from '../../web/lib/vit158.js';
import { modelFile } from './models.mjs';
import { median, round3, seededTensor } from './timing.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '60' },
    pictures: { type: 'string' },
  },
});
const [model, ...lists] = positionals;
const file = modelFile(model);
const threads = Number(values.threads);

/** Milliseconds. */
function clock() {
  if (threads > 1) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** One for each list, the unmerged one first. @type {Classifier[]} */
const runners = [];
for (const merge of ['off', ...lists]) runners.push(await Classifier.load(file, { threads, merge }));

/** Medians over rounds of a pass's time against the unmerged one's. */
async function timeAll() {
  const { channels, imageSize } = runners[0].info().model;
  const input = seededTensor(channels * imageSize ** 2);
  /** @type {number[][]} */
  const ratios = runners.map(() => []);
  const rounds = Number(values.rounds);
  for (let round = -3; round < rounds; round++) {
    /** @type {number[]} */
    const ms = [];
    for (const vit of runners) {
      const begin = clock();
      await vit.forward(input);
      ms.push(clock() - begin);
    }
    if (round >= 0) ratios.forEach((of, i) => of.push(ms[i] / ms[0]));
  }
  return ratios.map(median);
}

/** @param {ArrayLike<number>} logits */
function logProbabilities(logits) {
  const most = Math.max(...Array.from(logits));
  const total = Math.log(Array.from(logits).reduce((sum, x) => sum + Math.exp(x - most), 0));
  return Array.from(logits, (x) => x - most - total);
}

/** @param {string} folder @returns {{path: string, label: number}[]} */
function labelled(folder) {
  const wnids = JSON.parse(runners[0].info().metadata.wnids);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && wnids.includes(entry.name))
    .flatMap(({ name }) =>
      readdirSync(join(folder, name)).map((one) => ({ path: join(folder, name, one), label: wnids.indexOf(name) })),
    );
}

/** @param {number[]} of */
function meanAndError(of) {
  const mean = of.reduce((a, b) => a + b, 0) / of.length;
  const variance = of.reduce((a, b) => a + (b - mean) ** 2, 0) / (of.length - 1);
  return { mean, error: Math.sqrt(variance / of.length) };
}

/** @param {string} folder */
async function compareAll(folder) {
  /** @type {{kl: number[], same: number[], right: number[]}[]} */
  const found = runners.map(() => ({ kl: [], same: [], right: [] }));
  for (const { path, label } of labelled(folder)) {
    const input = await runners[0].preprocess(path);
    /** @type {number[][]} */
    const logs = [];
    for (const vit of runners) logs.push(logProbabilities(await vit.forward(input)));
    const first = logs.map((log) => log.indexOf(Math.max(...log)));
    found.forEach(({ kl, same, right }, i) => {
      kl.push(logs[0].reduce((sum, p, c) => sum + Math.exp(p) * (p - logs[i][c]), 0));
      same.push(Number(first[i] === first[0]));
      right.push(Number(first[i] === label) - Number(first[0] === label));
    });
  }
  return found.map(({ kl, same, right }) => ({
    pictures: kl.length,
    kl: round5(meanAndError(kl).mean),
    kl_error: round5(meanAndError(kl).error),
    agreement: round5(meanAndError(same).mean),
    top1_difference: round5(meanAndError(right).mean),
    top1_difference_error: round5(meanAndError(right).error),
  }));
}

/** @param {number} x */
const round5 = (x) => Math.round(x * 1e5) / 1e5;

const times = await timeAll();
const changes = values.pictures === undefined ? [] : await compareAll(values.pictures);
for (const [i, vit] of runners.entries()) {
  const { merge, threads: used } = vit.info();
  console.log(JSON.stringify({ model, merge, threads: used, time: round3(times[i]), ...changes[i] }));
  vit.dispose();
}
