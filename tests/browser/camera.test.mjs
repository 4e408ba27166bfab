// SPDX-License-Identifier: MIT
// The camera, with Chromium's test image for one.
import assert from 'node:assert/strict';
import { CAMERA_ARGS, answered, suite, text } from './harness.mjs';

const pageTest = suite(CAMERA_ARGS, 'vit158-cifar10');

/** @param {import('playwright-core').Page} page waits until the camera's images get answers */
async function live(page) {
  const before = await answered(page);
  await page.click('#camera');
  await page.waitForSelector('#stage[data-state=live]');
  await page.waitForFunction(() =>
    /\d a second|\d pictures/.test(document.getElementById('live-rate')?.textContent ?? ''),
  );
  return answered(page, before);
}

pageTest('live pictures are classified, one after the other', {}, async (page) => {
  const first = await live(page);
  assert.equal(await page.isVisible('#video'), true);
  assert.equal(await text(page, '#file-name'), 'Camera');
  assert.match(await text(page, '#file-facts'), /^640 × 480 pixels/);
  await answered(page, first);
  await page.click('#camera');
  assert.equal(await page.isVisible('#video'), false);
  assert.equal(await page.getAttribute('#camera', 'aria-pressed'), 'false');
  const stopped = await page.$eval('#video', (video) => /** @type {HTMLVideoElement} */ (video).srcObject === null);
  assert.ok(stopped, 'the camera is given back');
});

pageTest('a camera that goes away ends the live picture', {}, async (page) => {
  await live(page);
  await page.$eval('#video', (video) => {
    const stream = /** @type {MediaStream} */ (/** @type {HTMLVideoElement} */ (video).srcObject);
    for (const track of stream.getTracks()) track.dispatchEvent(new Event('ended'));
  });
  assert.equal(await page.isVisible('#video'), false);
  assert.equal(await page.isVisible('#choose'), true);
});

pageTest('one picture can be taken and measured', {}, async (page) => {
  await live(page);
  await page.click('#shoot');
  await page.waitForFunction(() => document.getElementById('file-name')?.textContent === 'Camera picture');
  await page.click('#measure');
  await page.waitForFunction(() => /^Median/.test(document.getElementById('total-words')?.textContent ?? ''));
  assert.match(await text(page, '#file-facts'), /^640 × 480 pixels/);
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'measure');
});

pageTest('a picture from elsewhere ends the camera', {}, async (page) => {
  await live(page);
  await page.click('.sample >> nth=1');
  await page.waitForSelector('#stage[data-state=picture]');
  assert.equal(await page.isVisible('#video'), false);
});

for (const [name, words] of [
  ['NotAllowedError', /did not allow the camera/],
  ['NotFoundError', /No camera was found/],
  ['NotReadableError', /Another program is using the camera/],
  ['AbortError', /could not be started/],
]) {
  pageTest(
    `a camera that fails with ${name} is explained`,
    {
      prepare: (context) =>
        context.addInitScript((errorName) => {
          if (navigator.mediaDevices)
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('refused', errorName));
        }, String(name)),
    },
    async (page) => {
      await page.click('#camera');
      assert.match(await text(page, '.notice'), /** @type {RegExp} */ (words));
      assert.equal(await page.isVisible('#preview'), true);
    },
  );
}

pageTest('live pictures are recorded for a class as long as its button is held', {}, async (page) => {
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  assert.equal(await page.isVisible('text=Hold to record'), false, 'there is nothing to record');
  await live(page);
  await page.focus('.teach-class >> nth=1 >> text=Hold to record');
  const count = () => page.$$eval('.teach-class:nth-child(2) .teach-drop', (all) => all.length);
  await page.keyboard.down('Space');
  await page.waitForFunction(() => document.querySelectorAll('.teach-class:nth-child(2) .teach-drop').length >= 3);
  await page.keyboard.up('Space');
  const held = await count();
  await page.waitForTimeout(500);
  assert.equal(await count(), held, 'it ends when the button is let go');
});
