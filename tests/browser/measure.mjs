// SPDX-License-Identifier: MIT
// How quickly the page gives its first answer to a visitor with an empty cache, what travels until
// then, and how long the page's own thread is ever blocked. `npm run measure -- [ROUNDS [load]]` prints JSON
// lines: one for each round, one for each thing done with the page in the last round, its files, and
// a summary. Every round is a new browser; nothing but files of this repository is measured, so wait
// for a quiet machine. The processor time until then, of the browser's processes and the server together,
// says more on a machine that is not (Linux only).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { launch, ROOT } from './harness.mjs';
import { makePicture } from './pictures.mjs';
import { median } from '../bench/timing.mjs';
import { serve } from '../../web/serve.mjs';

const rounds = Number(process.argv[2] ?? 7);
/** Nothing is done with the page. */
const loadsOnly = process.argv[3] === 'load';
const MANY = 300;
const SAMPLES = ['cat', 'dog', 'bird', 'ship'].map((name) => path.join(ROOT, `models/samples/${name}.jpg`));

/** What a visitor may do, after which the page should have stayed smooth. @type {Record<string, (page: import('playwright-core').Page) => Promise<unknown>>} */
const USES = {
  'a picture of 12 megapixels': async (page) => {
    const buffer = await makePicture(page, 'image/jpeg', { width: 4000, height: 3000 });
    await forget(page); // the image was made on the page's own thread
    await page.setInputFiles('#file', { name: 'large.jpg', mimeType: 'image/jpeg', buffer });
    await page.waitForFunction(() => document.getElementById('file-facts')?.textContent?.startsWith('4000'));
    await page.waitForTimeout(500);
  },
  [`${MANY} files`]: async (page) => {
    await page.evaluate(
      async ([count, ...urls]) => {
        const blobs = await Promise.all(urls.map(async (url) => (await fetch(url)).blob()));
        const carrier = new DataTransfer();
        for (let i = 0; i < Number(count); i++)
          carrier.items.add(new File([blobs[i % blobs.length]], `${i}.jpg`, { type: 'image/jpeg' }));
        /** @type {any} */ (globalThis).carrier = carrier;
      },
      [String(MANY), ...SAMPLES.map((file) => `models/samples/${path.basename(file)}`)],
    );
    await page.waitForTimeout(500);
    await forget(page); // making the files is not the page's doing
    await page.evaluate(() => {
      const { carrier: dataTransfer } = /** @type {any} */ (globalThis);
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    await page.waitForFunction(() => /pictures in/.test(document.getElementById('many-words')?.textContent ?? ''));
  },
  'own classes': async (page) => {
    await page.click('#tab-teach');
    for (const nth of [0, 1]) {
      await page.setInputFiles(`.teach-class >> nth=${nth} >> input[type=file]`, SAMPLES);
      await page.waitForFunction(
        (words) => document.getElementById('teach-words')?.textContent === words,
        `${SAMPLES.length} pictures added to Class ${nth + 1}.`,
      );
    }
  },
  'the weights': async (page) => {
    await page.click('#tab-inside');
    await page.waitForSelector('.inside-cell[aria-pressed=true]');
  },
  'the check': async (page) => {
    await page.click('#check-run');
    await page.waitForSelector('#check-words[data-state=good]');
  },
};

/** @param {import('playwright-core').Page} page the long tasks so far do not count */
const forget = (page) =>
  page.evaluate(() => {
    const all = /** @type {any} */ (globalThis);
    all.longTasks = [];
  });

/** Processor time of this process and all that it started, in milliseconds; NaN where there is no /proc. */
function processorMs() {
  /** @type {Map<number, {parent: number, ms: number}>} */
  const all = new Map();
  try {
    for (const pid of readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)) {
      const fields = statOf(pid)
        .replace(/^.*\) /s, '')
        .split(' '); // the command's name may hold anything
      if (fields.length > 12)
        all.set(pid, { parent: Number(fields[1]), ms: 10 * (Number(fields[11]) + Number(fields[12])) });
    }
  } catch {
    return NaN;
  }
  const isOurs = (/** @type {number | undefined} */ pid) => {
    for (; pid !== undefined; pid = all.get(pid)?.parent) if (pid === process.pid) return true;
    return false;
  };
  return [...all].reduce((sum, [pid, { ms }]) => sum + (isOurs(pid) ? ms : 0), 0);
}

/** @param {number} pid @returns {string} '' if it has ended */
function statOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * @param {string} url
 * @param {boolean} thenUse  go on and do everything of USES
 * @returns {Promise<{ms: number, cpuMs: number, longTasks: number[], files: {path: string, bytes: number}[]}>}
 *   ms: from the start of the navigation until the answer is on the page; cpuMs: processor time in between
 */
async function coldLoad(url, thenUse) {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(120000); // a busy machine shall still come to an end
    await page.addInitScript(() => {
      const log = /** @type {any} */ (globalThis);
      log.longTasks = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) log.longTasks.push(Math.round(entry.duration));
      }).observe({ type: 'longtask', buffered: true });
      log.answeredAt = new Promise((resolve) => {
        document.addEventListener('DOMContentLoaded', () => {
          const results = /** @type {HTMLElement} */ (document.getElementById('results'));
          new MutationObserver(() => {
            if (results.dataset.state === 'done') resolve(performance.now());
          }).observe(results, { attributes: true });
        });
      });
    });
    /** @type {{path: string, bytes: number}[]} */
    const files = [];
    page.context().on('response', (response) => {
      const bytes = Number(response.headers()['content-length'] ?? 0);
      files.push({ path: new URL(response.url()).pathname, bytes });
    });
    const start = processorMs();
    await page.goto(url);
    // Not asked for over and over: that alone has the page draw a frame each time.
    const ms = await page.evaluate(() => /** @type {any} */ (globalThis).answeredAt);
    const cpuMs = processorMs() - start;
    const before = files.slice();
    await page.waitForTimeout(1000);
    const longTasks = await page.evaluate(() => /** @type {any} */ (globalThis).longTasks);
    if (thenUse)
      for (const [what, use] of Object.entries(USES)) {
        await forget(page);
        await use(page);
        const long = await page.evaluate(() => /** @type {any} */ (globalThis).longTasks);
        console.log(JSON.stringify({ use: what, long_tasks_ms: long }));
      }
    return { ms: Math.round(ms), cpuMs, longTasks, files: before };
  } finally {
    await browser.close();
  }
}

const { url, close } = await serve();
/** @type {Awaited<ReturnType<typeof coldLoad>>[]} */
const results = [];
for (let round = 1; round <= rounds; round++) {
  const result = await coldLoad(url, round === rounds && !loadsOnly);
  results.push(result);
  console.log(JSON.stringify({ round, ms: result.ms, cpu_ms: result.cpuMs, long_tasks_ms: result.longTasks }));
}
await close();
const { files } = results[results.length - 1];
for (const { path, bytes } of files) console.log(JSON.stringify({ path, bytes }));
const all = results.map(({ ms }) => ms);
console.log(
  JSON.stringify({
    first_prediction_ms: { median: median(all), min: Math.min(...all), max: Math.max(...all) },
    processor_ms: median(results.map(({ cpuMs }) => cpuMs)),
    bytes_before_it: files.reduce((sum, file) => sum + file.bytes, 0),
    files: files.length,
  }),
);
