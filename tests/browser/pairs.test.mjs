// SPDX-License-Identifier: MIT
// Right image, right answer: kinds of images after one another (all ways of giving them are taken in
// tests/proof/pairs.test.mjs), what is taught, and the answers of another model.
import { checkPairs } from './every_pair.mjs';
import { CAMERA_ARGS, logitsHash, settled, suite } from './harness.mjs';

const pageTest = suite(CAMERA_ARGS, 'vit158-cifar10');
/** It is the test that reads canvases back. */
const READBACK = { expected: [/willReadFrequently/] };
/** A sample, a file, a row of many, what is none, and the camera's. */
const KINDS = ['Airplane', 'file 10', 'file 220', 'broken.jpg', 'Camera picture', 'Camera'];

pageTest('every picture has its own answer, whatever came before it', READBACK, (page) =>
  checkPairs(page, (name) => KINDS.includes(name)),
);

pageTest('what is taught is the picture on the stage, also after the camera', {}, async (page) => {
  await page.click('#camera');
  await settled(page, 'Camera');
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  await page.click('.teach-class >> nth=0 >> text=Add this picture');
  await page.click('#camera');
  await settled(page, 'Airplane');
  await page.click('.teach-class >> nth=1 >> text=Add this picture');
  // The image on the stage is the one that the second class was given.
  await page.waitForFunction(() => document.getElementById('teach-verdict')?.textContent === 'Class 2');
});

pageTest('another model: no answer of the one before stays beside the picture', {}, async (page) => {
  const first = await logitsHash(page);
  await page.click('#camera');
  await settled(page, 'Camera');
  const picker = page.locator('#model-select');
  const own = await picker.inputValue();
  await picker.selectOption('2');
  await page.waitForFunction(() => /Trouser/.test(document.getElementById('scope')?.textContent ?? ''));
  await page.click('#camera');
  await settled(page, 'Airplane', first);
  await picker.selectOption(own);
  await page.waitForFunction((hash) => document.getElementById('results')?.dataset.logitsSha256 === hash, first);
});
