// SPDX-License-Identifier: MIT
// Right image, right answer: ways of giving an image after one another, every ordered pair of them. While
// one takes over from the other each painted frame is looked at: a name, the sample that is pressed, the
// image on the stage, the model's input, the answer, the small maps and the shade over the image belong to
// one image, or are empty.
import assert from 'node:assert/strict';
import { give, makePicture } from './pictures.mjs';

/** @typedef {import('playwright-core').Page} Page */
/**
 * What one painted frame shows; '' stands for nothing.
 * @typedef {{name: string, pressed: string, state: string, answer: string, stage: string, seen: string, tile: string, shade: string}} Frame
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
        pressed: document.querySelector('.sample[aria-pressed=true]')?.getAttribute('title') ?? '',
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

/** What takes the stage from live images, and gives it back: it does not come after itself. */
const LIVE = 'Camera';

/**
 * A walk that goes once from each name to each other one, and to itself (Hierholzer's way).
 * @param {string[]} names  the last two are of the camera: live, and an image taken of it
 * @returns {string[]}
 */
function walkOfPairs(names) {
  /** Steps that are left. @type {Map<string, string[]>} */
  const left = new Map();
  for (const first of names)
    left.set(first, first === LIVE ? names.filter((name) => !name.startsWith(LIVE)) : [...names]);
  const [path, walk] = [[names[names.length - 2]], /** @type {string[]} */ ([])];
  while (path.length > 0) {
    const next = left.get(path[path.length - 1])?.pop();
    if (next) path.push(next);
    else walk.push(/** @type {string} */ (path.pop()));
  }
  return walk.reverse();
}

/**
 * @param {Page} page  with the model vit158-cifar10 and a camera
 * @param {(name: string) => boolean} [isWanted]  which ways are taken, by the names that they give
 */
export async function checkPairs(page, isWanted = () => true) {
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
    [LIVE]: () => page.click('#camera'),
  };
  await page.setInputFiles('#file', [inMany, moreInMany]);
  await page.waitForSelector('#many-csv:not([disabled])');
  await page.click('#tab-picture');
  await page.click('.looked-tile >> nth=0'); // lays its map over the image
  await watch(page);

  /** What each image shows when nothing was before it that could linger. @type {Map<string, Frame>} */
  const own = new Map();
  const look = () => page.evaluate(() => /** @type {any} */ (globalThis).look());
  const visit = async (/** @type {string} */ name) => {
    await ways[name]();
    for (;;) {
      await settled(page, name);
      const frame = await look();
      // The image that was there already: it may have been its answer of before that was waited for.
      if (frame.answer !== '' || !own.get(name)?.answer) return frame;
    }
  };
  const names = Object.keys(ways).filter(isWanted);
  const isFixed = (/** @type {string} */ name) => !name.startsWith(LIVE);
  for (const name of names.filter(isFixed)) own.set(name, await visit(name));
  const answers = new Set([...own.values()].map(({ answer }) => answer));
  assert.equal(answers.size, own.size, 'the pictures differ in their answers');

  /** @param {Frame[]} frames @param {string} pair */
  const check = (frames, pair) => {
    for (const frame of frames) {
      const of = own.get(frame.name);
      assert.equal(frame.pressed, of?.pressed ?? '', `${pair}: the sample pressed beside ${frame.name}`);
      for (const part of /** @type {const} */ (['answer', 'stage', 'seen', 'tile', 'shade'])) {
        if (frame[part] === '') continue;
        if (of) assert.equal(frame[part], of[part], `${pair}: ${part} beside ${frame.name}`);
        else if (part !== 'stage')
          for (const [other, frameOfOther] of own)
            assert.notEqual(frame[part], frameOfOther[part], `${pair}: ${part} of ${other} beside ${frame.name}`);
      }
    }
  };
  const [start, ...walk] = walkOfPairs(names);
  await visit(start);
  let [first, looked] = [start, 0];
  for (const second of walk) {
    const before = await framesOf(page);
    const last = await visit(second);
    const frames = [...before, ...(await framesOf(page)), last];
    looked += frames.length;
    check(frames, `${first}, then ${second}`);
    if (isFixed(second)) assert.deepEqual(last, own.get(second), `${first}, then ${second}`);
    if (second === LIVE) {
      await page.click('#camera'); // stopped: the image before comes back, with what is its own
      await settled(page, first);
      check(await framesOf(page), `${first}, then the camera, stopped`);
      if (isFixed(first)) assert.deepEqual(await look(), own.get(first));
      await visit(LIVE);
    }
    first = second;
  }
  assert.ok(looked > 5 * walk.length, `${looked} frames of ${walk.length} steps`);
}
