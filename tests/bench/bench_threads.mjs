// SPDX-License-Identifier: MIT
// One thread against several in the same image, interleaved in one process: on the machine as it
// is, and with other processes that keep one core busy each. `npm run bench:threads -- [--models LIST]
// [--threads N] [--rounds N] [--busy N] [--json]`; ratio > 1: the threads are faster. A round runs
// four images each way; the first does not count, as a core that slept takes a while to wake. The
// best of all images shows what a moment without neighbours on the machine gives.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Classifier } from '../../web/lib/vit158.js';
import { modelFile } from './models.mjs';
import { median, round3, seededTensor } from './timing.mjs';

const WARM_MS = 3000;
const SETTLE_MS = 500;
/** Images of a round that count. */
const COUNTED = 3;

/** @param {Classifier} vit @param {Float32Array} input */
async function once(vit, input) {
  const begin = performance.now();
  await vit.forward(input);
  return performance.now() - begin;
}

/** Times of alternating runs. @param {Classifier[]} classifiers @param {Float32Array} input @param {number} rounds */
async function alternate(classifiers, input, rounds) {
  /** @type {number[][]} */
  const ms = classifiers.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, vit] of classifiers.entries()) {
      await once(vit, input);
      for (let run = 0; run < COUNTED; run++) ms[i].push(await once(vit, input));
    }
  return ms;
}

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'base' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
    busy: { type: 'string', default: '1' },
    warm: { type: 'string', default: String(WARM_MS) },
    json: { type: 'boolean', default: false },
  },
});
for (const model of values.models.split(',')) {
  const file = modelFile(model);
  const threads = Number(values.threads);
  const one = await Classifier.load(file, { threads: 1 });
  const many = await Classifier.load(file, { threads });
  const { channels, imageSize } = one.info().model;
  const input = seededTensor(channels * imageSize ** 2);
  for (const begin = performance.now(); performance.now() - begin < Number(values.warm);)
    for (const vit of [one, many]) await once(vit, input);
  for (const busy of new Set([0, Number(values.busy)])) {
    const others = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);']));
    try {
      if (busy > 0) await sleep(SETTLE_MS);
      const times = await alternate([one, many], input, Number(values.rounds));
      const [one_ms, many_ms] = times.map(median);
      const [one_best_ms, many_best_ms] = times.map((ms) => Math.min(...ms));
      const row = {
        kind: 'threads',
        system: 'vit158',
        model,
        env: 'node',
        threads,
        busy,
        one_ms: round3(one_ms),
        many_ms: round3(many_ms),
        ratio: round3(one_ms / many_ms),
        one_best_ms: round3(one_best_ms),
        many_best_ms: round3(many_best_ms),
      };
      console.log(
        values.json
          ? JSON.stringify(row)
          : `${model}, ${busy} other busy process${busy === 1 ? '' : 'es'}: one thread ${one_ms.toFixed(1)} ms, ` +
              `${threads} threads ${many_ms.toFixed(1)} ms, ${row.ratio.toFixed(2)}x ` +
              `(best ${one_best_ms.toFixed(1)}, ${many_best_ms.toFixed(1)})`,
      );
    } finally {
      for (const other of others) other.kill('SIGKILL');
    }
  }
  one.dispose();
  many.dispose();
}
