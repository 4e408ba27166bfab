// SPDX-License-Identifier: MIT
// The page as visitors see it, to be looked at: `node tests/browser/screens.mjs OUT [PHOTO...]` writes a PNG into the
// folder OUT for each state, width and colour scheme. Photos, as of a face, are given besides the samples.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { CAMERA_ARGS, answered, launch, ROOT, settled } from './harness.mjs';
import { serve } from '../../web/serve.mjs';

const [out, ...photos] = process.argv.slice(2);
if (!out) throw new Error('usage: node tests/browser/screens.mjs OUT [PHOTO...]');
mkdirSync(out, { recursive: true });

const WIDTHS = [1440, 768, 390];
const SAMPLES = path.join(ROOT, 'models/samples');

/** @typedef {import('playwright-core').Page} Page */

/** @param {string} title */
const sample = (title) => async (/** @type {Page} */ page) => {
  await page.click(`.sample[title="${title}"]`);
  await settled(page, title);
};

/** In this order in one page. @type {Record<string, (page: Page) => Promise<unknown>>} */
const STATES = {
  landscape: async (page) => settled(page, 'Lake shore'),
  pizza: sample('Pizza'),
  dog: async (page) => {
    await sample('Dog')(page);
    await page.click('.looked-tile >> nth=0');
  },
  ...Object.fromEntries(
    photos.map((photo) => [
      path.parse(photo).name,
      async (/** @type {Page} */ page) => {
        await page.setInputFiles('#file', photo);
        await settled(page, path.basename(photo));
      },
    ]),
  ),
  camera: async (page) => {
    await page.click('.looked-tile >> nth=0');
    await page.click('#camera');
    await settled(page, 'Camera');
  },
  teach: async (page) => {
    await page.click('#camera');
    await page.click('#tab-teach');
    for (const [i, [name, ...files]] of [
      ['Animals', 'cat', 'dog', 'deer'],
      ['Machines', 'ship', 'truck', 'automobile'],
    ].entries()) {
      await page.fill(`.teach-class >> nth=${i} >> .teach-name`, name);
      await page.setInputFiles(
        `.teach-class >> nth=${i} >> input[type=file]`,
        files.map((file) => path.join(SAMPLES, `${file}.jpg`)),
      );
      await page.waitForFunction(
        (count) => document.querySelectorAll('.teach-drop').length === count,
        (i + 1) * files.length,
      );
    }
    await page.waitForSelector('#teach-confusion:not([hidden])');
  },
  inside: async (page) => {
    await page.click('#tab-inside');
    await page.waitForSelector('.inside-cell[aria-pressed=true]');
    await page.waitForFunction(() => document.getElementById('inside-meaning')?.textContent);
  },
};

const { url, close } = await serve();
const browser = await launch(CAMERA_ARGS);
for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const width of WIDTHS) {
    const height = width === 390 ? 844 : 900;
    const page = await browser.newPage({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
    await page.goto(`${url}?offline=off`);
    await answered(page);
    for (const [name, enter] of Object.entries(STATES)) {
      await enter(page);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: path.join(out, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    await page.close();
  }
}
await browser.close();
await close();
