// SPDX-License-Identifier: MIT
// What a visitor may expect of a finished page: links to documents, licence, credits and source; a choice of how
// many guesses are shown; the answer in the first screen of a phone; trouble beside the facts, not over them;
// a camera that turns round; and transparent pictures shown as the model is given them.
import assert from 'node:assert/strict';
import path from 'node:path';
import { writePng } from '../node/png.mjs';
import { answered, ROOT, settled, suite, text } from './harness.mjs';

const pageTest = suite(['--use-fake-device-for-media-stream=device-count=2', '--use-fake-ui-for-media-stream']);

/** @param {import('playwright-core').Page} page @param {string} selector */
const boxOf = async (page, selector) =>
  /** @type {{x: number, y: number, width: number, height: number}} */ (await page.locator(selector).boundingBox());

pageTest('documents, licence, credits and source can be read on the page', {}, async (page) => {
  /** @param {string} file @param {RegExp} words */
  const shows = async (file, words) => {
    await page.waitForFunction((name) => document.getElementById('document-title')?.textContent === name, file);
    await page.waitForFunction(
      (pattern) => new RegExp(pattern).test(document.getElementById('document-body')?.textContent ?? ''),
      words.source,
    );
  };
  const names = await page.$$eval('[data-document]:not([hidden])', (all) => all.map((one) => one.textContent));
  assert.deepEqual(names, ['About vit158', 'Guide', 'Commands', 'File format', 'Source', 'Licence', 'Credits']);
  await page.click('.foot-links >> text=Licence');
  await shows('LICENSE', /MIT License[\s\S]*WITHOUT WARRANTY/);
  await page.keyboard.press('Escape');
  assert.equal(await page.isVisible('#document'), false);
  await page.click('.foot-links >> text=Credits');
  await shows('THIRD-PARTY.md', /Allie_Caulfield/);
  assert.equal(await page.getAttribute('#document-body a[href*="dalecruse"]', 'rel'), 'noreferrer');
  await page.click('#document-body a >> text=the card');
  await shows('models/vit158-imagenet.md', /86\.5 %/);
  assert.ok(await page.$eval('#document-body table', (table) => table.querySelectorAll('tr').length > 5));
  await page.waitForFunction(() => {
    const image = /** @type {HTMLImageElement | null} */ (document.querySelector('#document-body img'));
    return image && image.naturalWidth > 0;
  });
  await page.click('#document-close');
  await page.click('.foot-links >> text=Guide');
  await page.click('#document-body a >> text=classes of your own');
  await page.waitForFunction(
    () => /** @type {HTMLElement} */ (document.getElementById('document-body')).scrollTop > 500,
  );
  await page.click('#document-close');
  await page.click('.foot-links >> text=Source');
  await shows('web/app/README.md', /the browser gets the source/);
  await page.click('#document-body a >> text=main.js >> nth=0');
  await shows('web/app/main.js', /new App\(\)\.start\(\)/);
});

pageTest('every link in the documents of the page leads to one of them, or elsewhere by name', {}, async (page) => {
  const problems = await page.evaluate(async () => {
    /** @type {any} */
    const { DOCUMENTS, documentAddress, fetchDocument } = await import(new URL('app/resources.js', location.href).href);
    /** @type {string[]} */
    const bad = [];
    for (const file of DOCUMENTS) {
      const words = await fetchDocument(file).catch((/** @type {Error} */ error) => error);
      if (typeof words !== 'string' || words.length < 200) bad.push(`${file}: ${words}`);
      if (documentAddress(`${file}x`) !== null) bad.push(`${file}x has an address`);
    }
    return bad;
  });
  assert.deepEqual(problems, []);
});

pageTest('as many guesses are shown as are wanted, and none below what is asked for', {}, async (page) => {
  const bars = () =>
    page.$$eval('#bars .bar', (all) => all.map((bar) => [...bar.children].map((part) => part.textContent ?? '')));
  assert.equal((await bars()).length, 5);
  await page.selectOption('#guesses', '10');
  const ten = await bars();
  assert.equal(ten.length, 10);
  assert.equal(new Set(ten.map(([label]) => label)).size, 10);
  await page.selectOption('#guesses', '1');
  assert.deepEqual(await bars(), ten.slice(0, 1));
  await page.selectOption('#guesses', '3');
  await page.fill('#least', '5');
  const wanted = ten.slice(0, 3).map(([label, share]) => (Number.parseFloat(share) >= 5 ? label : '–'));
  assert.deepEqual(
    (await bars()).map(([label]) => label),
    wanted,
  );
  assert.ok(wanted.includes('–'), 'something is below 5%');
  await page.fill('#least', '90');
  assert.equal(await text(page, '#verdict-label'), 'No guess');
  assert.match(await text(page, '#verdict-words'), /^Its best guess, lakeside, has \d+\.\d%: less than the 90\.0%/);
  const before = await answered(page);
  await page.click('.sample[title=Pizza]');
  await settled(page, 'Pizza', before);
  assert.equal(await text(page, '#verdict-label'), 'pizza', 'the choice stays for the next picture');
});

pageTest(
  'on a phone the answer stands in the first screen',
  { context: { viewport: { width: 390, height: 844 } } },
  async (page) => {
    const third = await boxOf(page, '#bars .bar >> nth=2');
    assert.ok(third.y + third.height <= 844, `the third guess ends at ${third.y + third.height}`);
    const stage = await boxOf(page, '#stage');
    assert.ok(stage.height >= 150, `the picture is ${stage.height} high`);
  },
);

for (const width of [390, 768, 1440]) {
  pageTest(
    `trouble with a model covers no fact at ${width} px`,
    { context: { viewport: { width, height: 900 } } },
    async (page) => {
      await page.setInputFiles('#model-file', path.join(ROOT, 'LICENSE'));
      await page.waitForSelector('#trouble:not([hidden])');
      const trouble = await boxOf(page, '#trouble');
      const facts = await boxOf(page, '#facts');
      const words = await boxOf(page, '#scope');
      assert.ok(trouble.y + trouble.height <= facts.y, 'it ends above the facts');
      assert.ok(words.y + words.height <= trouble.y, 'it begins below what the model knows');
    },
  );
}

pageTest('the camera can be turned round and mirrored', {}, async (page) => {
  await page.click('#camera');
  await page.waitForSelector('#turn:not([hidden])');
  const device = () =>
    page.$eval('#video', (video) => {
      const stream = /** @type {MediaStream} */ (/** @type {HTMLVideoElement} */ (video).srcObject);
      return stream.getVideoTracks()[0].getConstraints().facingMode;
    });
  const isMirrored = () => page.$eval('#video', (video) => getComputedStyle(video).transform.startsWith('matrix(-1'));
  assert.equal(await device(), 'environment');
  const wasMirrored = await isMirrored();
  assert.equal(await page.getAttribute('#mirror', 'aria-pressed'), String(wasMirrored));
  await page.click('#mirror');
  assert.equal(await isMirrored(), !wasMirrored);
  await page.click('#turn');
  await page.waitForFunction(() => {
    const stream = /** @type {any} */ (document.getElementById('video')).srcObject;
    return stream?.getVideoTracks()[0].getConstraints().facingMode === 'user';
  });
  await page.click('#camera');
  for (const id of ['turn', 'mirror']) assert.equal(await page.isVisible(`#${id}`), false);
  assert.equal(await page.$eval('#stage', (stage) => stage.classList.contains('is-mirrored')), false);
});

pageTest('a transparent PNG is shown as the model is given it', {}, async (page) => {
  const before = await answered(page);
  const side = 256;
  const data = new Uint8Array(side * side * 4);
  for (let i = 0; i < side * side; i++) data.set([200, 40, 90, i % side < side / 2 ? 0 : 255], i * 4);
  const buffer = writePng({ data, width: side, height: side });
  await page.setInputFiles('#file', { name: 'half.png', mimeType: 'image/png', buffer });
  await settled(page, 'half.png', before);
  for (const id of ['preview', 'seen']) {
    const [left, right] = await page.$eval(`#${id}`, (one) => {
      const canvas = /** @type {HTMLCanvasElement} */ (one);
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      const { data } = context.getImageData(0, canvas.height / 2, canvas.width, 1);
      return [0.25, 0.75].map((x) => [...data.subarray(canvas.width * x * 4, canvas.width * x * 4 + 4)]);
    });
    assert.deepEqual(left, right, `${id}: no part of it is another one`);
    assert.ok(
      [200, 40, 90, 255].every((value, i) => Math.abs(left[i] - value) <= 2),
      `${id}: ${left}`,
    );
  }
});
