// SPDX-License-Identifier: MIT
// How many answers a second the page gives to a camera of 60 frames a second, Chromium's test image.
// `npm run measure:camera -- [SECONDS [MERGE]]` prints one line of JSON: the page's own count, second by
// second, and its median. MERGE: a choice of the page's switch; without it what the page chooses itself.
import { launch } from './harness.mjs';
import { median } from '../bench/timing.mjs';
import { serve } from '../../web/serve.mjs';

const ARGS = ['--use-fake-device-for-media-stream=fps=60', '--use-fake-ui-for-media-stream'];
/** Until the rate has settled. */
const WARM_MS = 4000;

const seconds = Number(process.argv[2] ?? 10);
const merge = process.argv[3];
const { url, close } = await serve();
const browser = await launch(ARGS);
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(url);
  await page.waitForSelector('#results[data-state=done]');
  if (merge) await page.selectOption('#merge', merge);
  await page.click('#camera');
  await page.waitForFunction(() => /\d/.test(document.getElementById('live-rate')?.textContent ?? ''));
  await page.waitForTimeout(WARM_MS);
  /** @type {number[]} */
  const rates = [];
  for (let i = 0; i < seconds; i++) {
    await page.waitForTimeout(1000);
    rates.push(parseFloat((await page.textContent('#live-rate'))?.match(/[\d.]+/)?.[0] ?? 'NaN'));
  }
  console.log(JSON.stringify({ kind: 'camera', fps: 60, answers_a_second: median(rates), each_second: rates }));
} finally {
  await browser.close();
  await close();
}
