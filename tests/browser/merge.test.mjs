// SPDX-License-Identifier: MIT
// Merging patches on the page: the choice is there if the model has lists, both times are shown, and live images have
// the first list until someone chooses. Chromium's test image is the camera.
import assert from 'node:assert/strict';
import { CAMERA_ARGS, answered, logitsHash, settled, suite, text } from './harness.mjs';

const pageTest = suite(CAMERA_ARGS);

/** Keeps what the page asks its worker to merge. @param {import('playwright-core').BrowserContext} context */
async function listen(context) {
  await context.addInitScript(() => {
    const { postMessage } = Worker.prototype;
    /** @type {string[]} */
    const asked = [];
    Object.assign(window, { asked });
    Worker.prototype.postMessage = function (/** @type {any[]} */ ...args) {
      if (args[0]?.type === 'classify') asked.push(`${args[0].runs === 1 ? 'live' : 'still'} ${args[0].merge}`);
      return Reflect.apply(postMessage, this, args);
    };
  });
}

/** Those since the last call. @param {import('playwright-core').Page} page @returns {Promise<string[]>} */
const asked = (page) => page.evaluate(() => /** @type {any} */ (window).asked.splice(0));

/** The words beside the time, once all runs have been done. @param {import('playwright-core').Page} page */
async function timeWords(page) {
  await page.waitForFunction(() => /^Median/.test(document.getElementById('total-words')?.textContent ?? ''));
  return text(page, '#total-words');
}

pageTest('what is chosen is merged, and both times are shown', {}, async (page) => {
  const plain = await answered(page);
  assert.equal(await page.isVisible('#merge-line'), true);
  assert.deepEqual(await page.$$eval('#merge option', (all) => all.map((one) => one.textContent)), [
    ...['no', 'fast', 'faster', 'fastest'],
  ]);
  assert.equal(await page.inputValue('#merge'), 'off');
  assert.doesNotMatch(await timeWords(page), /without merging/);
  const hashes = new Set([plain]);
  let before = plain;
  for (const name of ['fast', 'faster', 'fastest']) {
    await page.selectOption('#merge', name);
    before = await answered(page, before);
    hashes.add(before);
    await page.waitForFunction(() =>
      / ms without merging$/.test(document.getElementById('total-words')?.textContent ?? ''),
    );
    assert.match(await text(page, '#total-ms'), /^[\d.,]+ ms$/);
    assert.match(await timeWords(page), /^Median of \d+ runs, from file to answer; [\d.,]+ ms without merging$/);
  }
  assert.equal(hashes.size, 4, 'each list gives an answer of its own');
  await page.selectOption('#merge', 'off');
  assert.equal(await answered(page, before), plain);
  assert.doesNotMatch(await timeWords(page), /without merging/);
});

pageTest('what is chosen stays for the next image, and for a model that has such a list', {}, async (page) => {
  const first = await answered(page);
  await page.selectOption('#merge', 'faster');
  await answered(page, first);
  const title = (await page.getAttribute('.sample >> nth=1', 'title')) ?? '';
  await page.click('.sample >> nth=1');
  const merged = await settled(page, title);
  await page.selectOption('#merge', 'off');
  assert.notEqual(await answered(page, merged), merged);
  await page.selectOption('#model-select', { label: await modelLabel(page, /^CIFAR-10/) });
  await page.waitForSelector('#merge-line', { state: 'hidden' });
});

/** @param {import('playwright-core').Page} page @param {RegExp} pattern */
const modelLabel = async (page, pattern) => {
  const labels = await page.$$eval('#model-select option', (all) => all.map((one) => one.textContent ?? ''));
  return labels.find((label) => pattern.test(label)) ?? '';
};

pageTest('live images have the first list until someone chooses', { prepare: listen }, async (page) => {
  await answered(page);
  assert.ok((await asked(page)).every((what) => what === 'still off'));
  await page.click('#camera');
  await page.waitForSelector('#stage[data-state=live]');
  const live = await answered(page, await logitsHash(page));
  await answered(page, live);
  const byDefault = await asked(page);
  assert.ok(byDefault.length > 0 && byDefault.every((what) => what === 'live fast'), byDefault.join());
  await page.selectOption('#merge', 'off');
  await page.waitForFunction(() => /** @type {any} */ (window).asked.includes('live off'));
  await page.selectOption('#merge', 'fastest');
  await page.waitForFunction(() => /** @type {any} */ (window).asked.includes('live fastest'));
  await page.click('#camera');
});
