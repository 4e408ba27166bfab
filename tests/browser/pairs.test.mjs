// SPDX-License-Identifier: MIT
// Right image, right answer: every way of giving an image after every other one. While one takes
// over from the other each painted frame is looked at: a name, the image on the stage, the model's
// input, the answer, the small maps and the shade over the image belong to one image, or are empty.
import assert from 'node:assert/strict';
import { CAMERA_ARGS, suite } from './harness.mjs';
import { give, makePicture } from './pictures.mjs';

const pageTest = suite(CAMERA_ARGS, 'vit158-cifar10');
/** It is the test that reads canvases back. */
const READBACK = { expected: [/willReadFrequently/] };

/** @typedef {import('playwright-core').Page} Page */
/**
 * What one painted frame shows; '' stands for nothing.
 * @typedef {{name: string, state: string, answer: string, stage: string, seen: string, tile: string, shade: string}} Frame
 */

/** @param {Page} page starts to look at each painted frame */
const watch = (page) =>
  page.evaluate(() => {
    const global = /** @type {any} */ (globalThis);
    /** @param {string} id @returns {any} */
    const byId = (id) => document.getElementById(id);
    /** A few sums over the pixels; '' if none of them is seen. @param {HTMLCanvasElement} canvas */
    const printOf = (canvas) => {
      const { data } = /** @type {any} */ (canvas.getContext('2d')).getImageData(0, 0, canvas.width, canvas.height);
      let [sum, mixed, alpha] = [0, 7, 0];
      for (let i = 0; i < data.length; i++) {
        if (i % 4 === 3) alpha += data[i];
        else sum += data[i];
        mixed = (Math.imul(mixed, 31) + data[i]) | 0;
      }
      return alpha ? `${sum} ${mixed}` : '';
    };
    global.look = () => {
      const { state, logitsSha256 } = byId('results').dataset;
      const tile = document.querySelector('.looked-tile canvas');
      return {
        name: byId('file-name').textContent,
        state: byId('stage').dataset.state,
        answer: state === 'error' ? `error ${byId('verdict-words').textContent}` : (logitsSha256 ?? ''),
        stage: byId('preview').hidden ? '' : byId('preview').getAttribute('aria-label'),
        seen: printOf(byId('seen')),
        tile: tile instanceof HTMLCanvasElement && tile.width > 1 ? printOf(tile) : '',
        shade: byId('shade').hidden ? '' : printOf(byId('shade')),
      };
    };
    global.frames = [];
    const loop = () => {
      global.frames.push(global.look());
      if (global.frames.length > 400) global.frames.shift();
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  });

/** @param {Page} page @returns {Promise<Frame[]>} the frames since the last call */
const framesOf = (page) => page.evaluate(() => /** @type {any} */ (globalThis).frames.splice(0));

/** @param {Page} page @param {string} name waits until the image of that name has all that is shown of it */
const settled = async (page, name) => {
  const there = () =>
    page.waitForFunction((wanted) => {
      const { name: shown, answer, state, tile } = /** @type {any} */ (globalThis).look();
      return shown === wanted && answer && (state === 'live' || answer.startsWith('error') || tile);
    }, name);
  await there();
  await page.waitForTimeout(40); // an image given again begins anew only after the click
  await there();
};

/** @param {Page} page @param {number} hue */
const file = async (page, hue, name = `file ${hue}`) => ({
  name,
  mimeType: 'image/png',
  buffer: await makePicture(page, 'image/png', { hue }),
});

pageTest('every picture has its own answer, whatever came before it', READBACK, async (page) => {
  const [chosen, dropped, pasted, inMany, moreInMany] = [
    await file(page, 10),
    await file(page, 80),
    await file(page, 150),
    await file(page, 220),
    await file(page, 290),
  ];
  const broken = { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture at all') };
  /** @param {number} nth */
  const openRow = async (nth) => {
    await page.click('#tab-many');
    await page.click(`.many-open >> nth=${nth}`);
    await page.click('#tab-picture');
  };
  /** Ways to give an image, by the name that it has on the page. @type {Record<string, () => Promise<unknown>>} */
  const ways = {
    Airplane: () => page.click('.sample[title="Airplane"]'),
    Cat: () => page.click('.sample[title="Cat"]'),
    'file 10': () => page.setInputFiles('#file', chosen),
    'file 80': () => give(page, 'drop', dropped),
    'file 150': () => give(page, 'paste', pasted),
    'file 220': () => openRow(0),
    'file 290': () => openRow(1),
    'broken.jpg': () => page.setInputFiles('#file', broken),
    'Camera picture': async () => {
      await page.click('#camera');
      await settled(page, 'Camera');
      await page.click('#shoot');
    },
    Camera: () => page.click('#camera'),
  };
  await page.setInputFiles('#file', [inMany, moreInMany]);
  await page.waitForSelector('#many-csv:not([disabled])');
  await page.click('#tab-picture');
  await page.click('.looked-tile >> nth=0'); // lays its map over the image
  await watch(page);

  /** What each image shows when nothing was before it that could linger. @type {Map<string, Frame>} */
  const own = new Map();
  const visit = async (/** @type {string} */ name) => {
    await ways[name]();
    await settled(page, name);
    return page.evaluate(() => /** @type {any} */ (globalThis).look());
  };
  const names = Object.keys(ways);
  const isFixed = (/** @type {string} */ name) => !name.startsWith('Camera');
  for (const name of names.filter(isFixed)) own.set(name, await visit(name));
  const answers = new Set([...own.values()].map(({ answer }) => answer));
  assert.equal(answers.size, own.size, 'the pictures differ in their answers');

  /** @param {Frame[]} frames @param {string} pair */
  const check = (frames, pair) => {
    for (const frame of frames) {
      const of = own.get(frame.name);
      for (const part of /** @type {const} */ (['answer', 'stage', 'seen', 'tile', 'shade'])) {
        if (frame[part] === '') continue;
        if (of) assert.equal(frame[part], of[part], `${pair}: ${part} beside ${frame.name}`);
        else if (part !== 'stage')
          for (const [other, frameOfOther] of own)
            assert.notEqual(frame[part], frameOfOther[part], `${pair}: ${part} of ${other} beside ${frame.name}`);
      }
    }
  };
  await framesOf(page);
  let looked = 0;
  for (const first of names) {
    for (const second of names) {
      if (first === 'Camera' && second.startsWith('Camera')) continue;
      await visit(first);
      const before = await framesOf(page);
      const last = await visit(second);
      const frames = [...before, ...(await framesOf(page)), last];
      looked += frames.length;
      check(frames, `${first}, then ${second}`);
      if (isFixed(second)) assert.deepEqual(last, own.get(second), `${first}, then ${second}`);
      if (second !== 'Camera') continue;
      await page.click('#camera'); // stopped: the image before comes back, with what is its own
      await settled(page, first);
      check(await framesOf(page), `${first}, then the camera, stopped`);
      if (isFixed(first))
        assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).look()), own.get(first));
    }
  }
  assert.ok(looked > 500, `${looked} frames`);
});

pageTest('what is taught is the picture on the stage, also after the camera', {}, async (page) => {
  await page.click('#camera');
  await settledName(page, 'Camera');
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  await page.click('.teach-class >> nth=0 >> text=Add this picture');
  await page.click('#camera');
  await settledName(page, 'Airplane');
  await page.click('.teach-class >> nth=1 >> text=Add this picture');
  // The image on the stage is the one that the second class was given.
  await page.waitForFunction(() => document.getElementById('teach-verdict')?.textContent === 'Class 2');
});

/** @param {Page} page @param {string} name */
const settledName = (page, name) =>
  page.waitForFunction(
    (wanted) =>
      document.getElementById('file-name')?.textContent === wanted &&
      document.getElementById('results')?.dataset.state === 'done',
    name,
  );

pageTest('another model: no answer of the one before stays beside the picture', {}, async (page) => {
  const hashOf = () => page.$eval('#results', (body) => /** @type {HTMLElement} */ (body).dataset.logitsSha256 ?? '');
  const first = await hashOf();
  await page.click('#camera');
  await settledName(page, 'Camera');
  const picker = page.locator('#model-select');
  const own = await picker.inputValue();
  await picker.selectOption('2');
  await page.waitForFunction(() => /Trouser/.test(document.getElementById('scope')?.textContent ?? ''));
  await page.click('#camera');
  await settledName(page, 'Airplane');
  assert.notEqual(await hashOf(), first);
  await picker.selectOption(own);
  await page.waitForFunction((hash) => document.getElementById('results')?.dataset.logitsSha256 === hash, first);
});
