// SPDX-License-Identifier: MIT
// A model of 1,000 classes on the page: its samples and their credits, its classes, its place in the
// address, and the part of an image that it looks at. The float ViT-Ti stands in the manifest.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { answered, FLOAT_MODEL, logitsHash, ROOT, settled, suite, text } from './harness.mjs';
import { makePicture } from './pictures.mjs';

const pageTest = suite();
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8'));
const { samples } = JSON.parse(readFileSync(path.join(ROOT, 'models/samples/imagenet/samples.json'), 'utf8'));

/** @param {import('playwright-core').BrowserContext} context */
async function prepare(context) {
  if (!existsSync(FLOAT_MODEL)) return;
  const bytes = readFileSync(FLOAT_MODEL);
  const entry = {
    name: 'thousand',
    file: 'thousand.safetensors',
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    title: 'A thousand',
    classes: 1000,
    licence: 'Apache-2.0',
    samples: 'samples/imagenet/samples.json',
  };
  await context.route('**/models/manifest.json', (route) =>
    route.fulfill({ json: { ...manifest, models: [...manifest.models, entry] } }),
  );
  await context.route('**/thousand.safetensors', (route) =>
    route.fulfill({ body: bytes, contentType: 'application/octet-stream' }),
  );
}
const ready = { needs: FLOAT_MODEL, prepare };

pageTest(
  'a link opens a model with samples of its own, and they are recognised',
  { ...ready, query: '?model=thousand' },
  async (page) => {
    assert.match(await text(page, '#scope'), /1,000 things/);
    assert.deepEqual(
      await page.$$eval('.sample', (all) => all.map((one) => /** @type {HTMLElement} */ (one).title)),
      samples.map((/** @type {{title: string}} */ { title }) => title),
    );
    for (const { title, label, author } of samples.toReversed()) {
      // the first one is shown already
      await page.click(`.sample[title="${title}"]`);
      await settled(page, title);
      assert.equal(await text(page, '#verdict-label'), label);
      assert.ok((await text(page, '#samples-credits')).includes(author));
    }
    assert.match(
      (await page.textContent('#model-select option:last-child')) ?? '',
      /A thousand · 1,000 classes · 22\.\d MB · Apache-2\.0/,
    );
    await page.click('#classes summary');
    await page.fill('#classes-wanted', 'espresso');
    assert.deepEqual(await page.$$eval('#classes-list li', (all) => all.map((one) => one.textContent)), [
      'espresso maker',
      'espresso',
    ]);
    assert.equal(await text(page, '#classes-count'), '2 of 1,000');
  },
);

pageTest('the model picked last comes back, and its samples go with it', ready, async (page, url) => {
  assert.match(page.url(), /model=vit158-imagenet/);
  const before = await logitsHash(page);
  await page.selectOption('#model-select', { index: manifest.models.length });
  await page.waitForSelector(`.sample[title="${samples[0].title}"][aria-pressed=true]`);
  await settled(page, samples[0].title, before); // a sample of the model before is gone
  assert.match(page.url(), /model=thousand/);
  await page.goto(url);
  await answered(page);
  assert.match(page.url(), /model=thousand/);
  assert.match(await text(page, '#scope'), /1,000 things/);
  await page.goto(`${url}?model=fashion-mnist&tab=teach`);
  await page.waitForSelector('.teach-class');
  assert.equal(await page.getAttribute('#tab-teach', 'aria-selected'), 'true');
  await page.waitForFunction(() => /Trouser/.test(document.getElementById('scope')?.textContent ?? ''));
  assert.equal(await page.getAttribute('.sample >> nth=0', 'title'), 'T-shirt/top');
  await page.click('#tab-many');
  assert.match(page.url(), /tab=many/);
  await page.goto(`${url}?model=nothing`);
  assert.match(await text(page, '.notice'), /no model nothing here/);
});

pageTest('the part that the model sees is drawn and can be moved', {}, async (page) => {
  const first = await logitsHash(page);
  assert.equal(
    await page.isVisible('#region'),
    await page.$eval('#preview', (c) => /** @type {any} */ (c).width !== /** @type {any} */ (c).height),
  );
  const buffer = await makePicture(page, 'image/png', { width: 400, height: 160 });
  await page.setInputFiles('#file', { name: 'wide', mimeType: 'image/png', buffer });
  const middle = await settled(page, 'wide', first);
  assert.equal(await page.isVisible('#region'), true);
  await page.fill('#region-at', '100');
  const right = await settled(page, 'wide', middle);
  const box = /** @type {{x: number, y: number, width: number, height: number}} */ (
    await (await page.$('#stage'))?.boundingBox()
  );
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x - 900, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  const left = await answered(page, right);
  assert.equal(await page.inputValue('#region-at'), '0');
  await page.fill('#region-at', '50');
  assert.equal(await answered(page, left), middle, 'back in the middle it is the same answer');
  assert.equal(new Set([first, middle, right, left]).size, 4);
});

for (const [name, start, words] of [
  ['paper.pdf', '%PDF-1.7\n', /A PDF document.*screenshot/],
  ['net.onnx', '\x08\x08\x12\x07pytorch', /An ONNX model.*safetensors/],
  ['IMG_1.HEIC', '\0\0\0\x18ftypheic\0\0\0\0', /A HEIC photo.*Most Compatible/],
  ['notes.txt', 'just words', /A text file.*JPEG, PNG/],
]) {
  pageTest(`${name} is called by name`, {}, async (page) => {
    const buffer = Buffer.from(String(start), 'latin1');
    await page.setInputFiles('#file', { name: String(name), mimeType: '', buffer });
    await page.waitForSelector('#results[data-state=error]');
    assert.match(
      `${await text(page, '#verdict-label')} ${await text(page, '#verdict-words')}`,
      /** @type {RegExp} */ (words),
    );
    assert.match(await text(page, '#verdict-words'), new RegExp(String(name).replace('.', '\\.')));
  });
}

pageTest('a model card can be read on the page', {}, async (page) => {
  await page.click('#open-card');
  await page.waitForFunction(() =>
    /vit158-imagenet\.safetensors/.test(document.getElementById('document-body')?.textContent ?? ''),
  );
  await page.keyboard.press('Escape');
  assert.equal(await page.isVisible('#document'), false);
});

pageTest('any model can be checked with its golden file', {}, async (page) => {
  const folder = path.join(ROOT, 'models/samples/imagenet');
  const golden = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8'));
  const two = { ...golden, pictures: golden.pictures.slice(3, 5) };
  const file = (/** @type {object} */ content) => ({
    name: 'mine.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(content)),
  });
  const picture = (/** @type {{file: string}} */ one) => ({
    name: one.file,
    mimeType: 'image/jpeg',
    buffer: readFileSync(path.join(folder, one.file)),
  });
  await page.click('#tab-inside');
  await page.setInputFiles('#check-file', [file(two), ...two.pictures.map(picture)]);
  await page.waitForSelector('#check-words[data-state=good]');
  assert.match(await text(page, '#check-words'), /^All 2 pictures .* ImageNet, 1,000 classes, bit for bit/);
  await page.setInputFiles('#check-file', [file({ ...two, model: { ...two.model, sha256: 'ab'.repeat(32) } })]);
  await page.waitForSelector('#check-words[data-state=bad]');
  assert.match(await text(page, '#check-words'), /another model: choose its \.safetensors/);
});

pageTest(
  'the answer can be copied, and the model used elsewhere',
  { prepare: (context) => context.grantPermissions(['clipboard-read', 'clipboard-write']) },
  async (page) => {
    await page.click('#copy-answer');
    await page.waitForFunction(() => document.getElementById('copy-answer')?.textContent === 'Copied');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const bars = await page.$$eval('#bars .bar', (all) =>
      all.map((bar) => [...bar.children].map((part) => part.textContent)),
    );
    assert.deepEqual(
      copied.split('\n'),
      bars.map(([label, score]) => `${label}: ${score}`),
    );
    await page.click('#use summary');
    assert.match(await text(page, '#use-snippet'), /Classifier\.load\('vit158-imagenet\.safetensors'/);
    const before = await logitsHash(page);
    await page.click('.sample >> nth=3');
    await answered(page, before);
    assert.equal(await text(page, '#copy-answer'), 'Copy', 'another answer is another text');
  },
);

pageTest(
  'on a phone the answer stands in the first screen, and a row of many leads to its picture',
  { context: { viewport: { width: 390, height: 844 } } },
  async (page) => {
    const bottom = await page.$eval('#verdict-score', (one) => one.getBoundingClientRect().bottom);
    assert.ok(bottom <= 844, `the answer ends at ${bottom}`);
    const files = ['cat', 'dog', 'bird', 'ship'].map((name) => path.join(ROOT, `models/samples/${name}.jpg`));
    await page.setInputFiles('#file', files);
    await page.waitForSelector('#many-csv:not([disabled])');
    await page.click('.many-open >> nth=3');
    await page.waitForFunction(() => document.getElementById('file-name')?.textContent === 'ship.jpg');
    const { top, end } = await page.$eval('#stage', (stage) => {
      const box = stage.getBoundingClientRect();
      return { top: box.top, end: box.bottom };
    });
    assert.ok(top >= -1 && end <= 845, `${top} to ${end}`);
  },
);
