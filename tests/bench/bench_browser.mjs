// SPDX-License-Identifier: MIT
// One measurement in headless Chromium: node tests/bench/bench_browser.mjs JOB prints JSON lines, with
// the job {"kernels": {rounds, warmMs}} or that of bench_model.mjs. A browser of its own for each, so
// that load time and memory are those of a fresh start; the page is cross-origin isolated, and models
// run in a worker, where threads may be used.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, ROOT } from '../browser/harness.mjs';
import { serve } from '../../web/serve.mjs';
import { measureKernels } from './measure_kernels.mjs';
import { modelRow, seededTensor, timeRuns } from './timing.mjs';

/** @typedef {import('./bench_model.mjs').Job} Job */

/** @param {import('playwright-core').Page} page @param {{rounds: number, warmMs: number}} plan */
async function kernels(page, plan) {
  const module = readFileSync(join(ROOT, 'build/wasm/bench_kernels.wasm'));
  return page.evaluate(measureKernels, {
    base64: module.toString('base64'),
    env: 'chromium',
    only: '',
    crossover: false,
    ...plan,
  });
}

/** @param {import('playwright-core').Page} page @param {Job} job */
async function model(page, { file, model: name, threads, plan }) {
  await page.route('**/model-to-measure', (route) => route.fulfill({ path: file }));
  const { info, load } = await page.evaluate(async (count) => {
    const library = '/lib/vit158.js';
    const { Classifier } = await import(library);
    const blob = await (await fetch('/model-to-measure')).blob();
    const begin = performance.now();
    const vit = await Classifier.load(blob, {
      worker: true,
      threads: count,
      wasm: {
        engine: '/dist/vit158.wasm',
        threads: '/dist/vit158-threads.wasm',
        decoder: '/dist/vit158-decode.wasm',
      },
    });
    /** @type {any} */ (globalThis).vit = vit;
    return { info: vit.info(), load: performance.now() - begin };
  }, threads);
  const input = seededTensor(info.model.channels * info.model.imageSize ** 2);
  await page.evaluate(
    (values) => {
      /** @type {any} */ (globalThis).input = Float32Array.from(values);
    },
    [...input],
  );
  const times = await timeRuns(
    () =>
      page.evaluate(async () => {
        const { vit, input: tensor } = /** @type {any} */ (globalThis);
        const begin = performance.now();
        await vit.forward(tensor);
        return performance.now() - begin;
      }),
    plan,
  );
  const last = await page.evaluate(() => /** @type {any} */ (globalThis).vit.info());
  return [modelRow(name, 'chromium', threads, last, { ...times, load })];
}

const job = JSON.parse(process.argv[2]);
const server = await serve({ coi: true });
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(`${server.url}icon.svg`); // of the site's origin, with nothing running
  const rows = await (job.kernels ? kernels(page, job.kernels) : model(page, job));
  for (const row of rows) console.log(JSON.stringify(row));
} finally {
  await browser.close();
  await server.close();
}
