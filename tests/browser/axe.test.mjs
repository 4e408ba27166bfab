// SPDX-License-Identifier: MIT
// The page before axe-core, which knows the rules of WCAG 2.2 A and AA and good practice: every tab and state, light,
// dark and in forced colours. Whatever it finds is named. The harness sees to it that no state asks another origin.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { answered, CAMERA_ARGS, ROOT, suite } from './harness.mjs';
import { contrastProblems } from './contrast.mjs';

const pageTest = suite(CAMERA_ARGS);
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** @param {string[]} names of samples of CIFAR-10 */
const pictures = (...names) => names.map((name) => path.join(ROOT, `models/samples/${name}.jpg`));

/** @typedef {import('playwright-core').Page} Page */

/** What a visitor may come to, by its name. @type {Record<string, (page: Page) => Promise<unknown>>} */
const STATES = {
  async answer() {},
  async 'none of its classes'(page) {
    await page.setInputFiles('#file', pictures('frog'));
    await page.waitForFunction(() => document.getElementById('file-name')?.textContent === 'frog.jpg');
    await page.selectOption('#guesses', '10');
  },
  async 'a map over the picture'(page) {
    await page.click('.looked-tile >> nth=0');
    await page.waitForSelector('#shade:not([hidden])');
  },
  async 'all classes, snippet and developers'(page) {
    for (const summary of await page.$$('#panel-picture summary')) await summary.click();
    await page.fill('#classes-wanted', 'dog');
  },
  async 'no picture'(page) {
    await page.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('words') });
    await page.waitForSelector('#results[data-state=error]');
  },
  async 'no model'(page) {
    await page.setInputFiles('#model-file', path.join(ROOT, 'LICENSE'));
    await page.waitForSelector('#trouble:not([hidden])');
  },
  async camera(page) {
    await page.click('#camera');
    await page.waitForSelector('#mirror:not([hidden])');
  },
  async document(page) {
    await page.click('[data-document="web/README.md"]');
    await page.waitForSelector('#document-body table');
  },
  async notice(page) {
    await page.evaluate(() => document.dispatchEvent(new ClipboardEvent('paste')));
    await page.waitForSelector('.notice');
  },
  async 'many, empty'(page) {
    await page.click('#tab-many');
    await page.waitForSelector('#many-empty');
  },
  async many(page) {
    const files = pictures('cat', 'dog', 'bird', 'ship', 'truck');
    await page.setInputFiles('#file', [...files, ...files, ...files, path.join(ROOT, 'LICENSE')]);
    await page.waitForFunction(() => /^16 pictures in/.test(document.getElementById('many-words')?.textContent ?? ''));
  },
  async 'teach, empty'(page) {
    await page.click('#tab-teach');
    await page.waitForSelector('.teach-class');
  },
  async teach(page) {
    await page.click('#tab-teach');
    for (const [i, names] of [
      ['cat', 'dog'],
      ['ship', 'truck'],
    ].entries()) {
      await page.setInputFiles(`.teach-class >> nth=${i} >> input[type=file]`, pictures(...names));
      await page.waitForFunction(
        (words) => document.getElementById('teach-words')?.textContent === words,
        `2 pictures added to Class ${i + 1}.`,
      );
    }
    await page.waitForSelector('#teach-confusion:not([hidden])');
  },
  async inside(page) {
    await page.click('#tab-inside');
    await page.waitForSelector('.inside-cell[aria-pressed=true]');
    for (const summary of await page.$$('#panel-inside summary')) await summary.click();
    await page.waitForSelector('.tensor-name');
    await page.click('#check-run');
    await page.waitForSelector('#check-words[data-state=good]');
  },
};

/** @param {Page} page @returns {Promise<string[]>} what axe finds, a line each */
async function violations(page) {
  await page.addScriptTag({ path: AXE });
  return page.evaluate(async () => {
    const { violations: found } = await /** @type {any} */ (globalThis).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return found.flatMap((/** @type {any} */ { id, help, nodes }) =>
      nodes.map((/** @type {any} */ { html }) => `${id} (${help}): ${html.slice(0, 120)}`),
    );
  });
}

for (const [name, enter] of Object.entries(STATES)) {
  pageTest(`axe finds nothing: ${name}`, { context: { bypassCSP: true } }, async (page) => {
    await answered(page);
    await enter(page);
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ reducedMotion: 'reduce', colorScheme, forcedColors: 'none' });
      await page.waitForTimeout(200); // colours have changed
      assert.deepEqual(await violations(page), [], colorScheme);
    }
    await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'light', forcedColors: 'active' });
    await page.waitForTimeout(200);
    assert.deepEqual(await violations(page), [], 'forced colours');
    assert.deepEqual(await contrastProblems(page), [], 'forced colours');
  });
}

pageTest(
  'what is chosen can be told in forced colours, and charts keep their parts',
  { context: { forcedColors: 'active' } },
  async (page) => {
    await page.click('.looked-tile >> nth=0');
    /** @param {string} selector */
    const outlines = (selector) =>
      page.$$eval(selector, (all) => all.map((one) => getComputedStyle(one).outlineStyle === 'solid'));
    assert.deepEqual(await outlines('.tab'), [true, false, false, false]);
    assert.deepEqual((await outlines('.sample')).slice(0, 2), [true, false]);
    assert.deepEqual((await outlines('.looked-tile')).slice(0, 2), [true, false]);
    const tones = await page.$$eval('.legend dt', (all) =>
      all.map((one) => getComputedStyle(one, '::before').backgroundColor),
    );
    assert.equal(new Set(tones).size, tones.length);
  },
);
