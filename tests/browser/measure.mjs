// SPDX-License-Identifier: MIT
// How quickly the page gives its first answer to a visitor with an empty cache, and what travels
// until then. `npm run measure -- [ROUNDS]` prints JSON lines: one for each round, then the files of
// the last round, then a summary. Every round is a new browser; nothing but files of this
// repository is measured, so wait for a quiet machine.
import { launch } from './harness.mjs';
import { serve } from '../../web/serve.mjs';

const rounds = Number(process.argv[2] ?? 7);

/** @param {number[]} values @returns {number} */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/**
 * @param {string} url
 * @returns {Promise<{ms: number, longTasks: number[], files: {path: string, bytes: number}[]}>}
 *   ms: from the start of the navigation until the answer is on the page
 */
async function coldLoad(url) {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript(() => {
      const log = /** @type {any} */ (globalThis);
      log.longTasks = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) log.longTasks.push(Math.round(entry.duration));
      }).observe({ type: 'longtask', buffered: true });
      document.addEventListener('DOMContentLoaded', () => {
        const results = /** @type {HTMLElement} */ (document.getElementById('results'));
        new MutationObserver(() => {
          if (results.dataset.state === 'done') log.answeredAt ??= performance.now();
        }).observe(results, { attributes: true });
      });
    });
    /** @type {{path: string, bytes: number}[]} */
    const files = [];
    page.context().on('response', (response) => {
      const bytes = Number(response.headers()['content-length'] ?? 0);
      files.push({ path: new URL(response.url()).pathname, bytes });
    });
    await page.goto(url);
    const answered = await page.waitForFunction(() => /** @type {any} */ (globalThis).answeredAt);
    const before = files.slice();
    await page.waitForTimeout(1000);
    const longTasks = await page.evaluate(() => /** @type {any} */ (globalThis).longTasks);
    return { ms: Math.round(await answered.jsonValue()), longTasks, files: before };
  } finally {
    await browser.close();
  }
}

const { url, close } = await serve();
/** @type {Awaited<ReturnType<typeof coldLoad>>[]} */
const results = [];
for (let round = 1; round <= rounds; round++) {
  const result = await coldLoad(url);
  results.push(result);
  console.log(JSON.stringify({ round, ms: result.ms, long_tasks_ms: result.longTasks }));
}
await close();
const { files } = results[results.length - 1];
for (const { path, bytes } of files) console.log(JSON.stringify({ path, bytes }));
const all = results.map(({ ms }) => ms);
console.log(
  JSON.stringify({
    first_prediction_ms: { median: median(all), min: Math.min(...all), max: Math.max(...all) },
    bytes_before_it: files.reduce((sum, file) => sum + file.bytes, 0),
    files: files.length,
  }),
);
