// SPDX-License-Identifier: MIT
// What lies behind the tabs, and videos: attention over the image, own classes, the weights.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';
import { count, percent } from '../../web/app/format.js';
import { classesFile } from '../../web/app/teach.js';
import { OwnClasses } from '../../web/lib/classes.js';
import { Classifier } from '../../web/lib/vit158.js';
import { answered, ROOT, suite, text } from './harness.mjs';
import { give } from './pictures.mjs';

/** Its samples are taught, and its weights drawn. */
const MODEL = 'vit158-cifar10';
const pageTest = suite([], MODEL);
/** @type {{models: {name: string, sha256: string}[]}} */
const { models } = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8'));
const PLACE = models.findIndex(({ name }) => name === MODEL);

/** @param {string[]} names of samples */
const samples = (...names) => names.map((name) => path.join(ROOT, `models/samples/${name}.jpg`));

const TAUGHT = { Animals: ['cat', 'dog', 'deer'], Machines: ['ship', 'truck', 'automobile'] };

/** The model that the page opens with. @type {import('../../web/lib/vit158.js').ModelInfo} */
let model;
/** What that model makes of the samples in TAUGHT and a few more. @type {Map<string, Float32Array>} */
const embeddings = new Map();
before(async () => {
  const vit = await Classifier.load(path.join(ROOT, `models/${MODEL}.safetensors`));
  ({ model } = vit.info());
  for (const name of [...Object.values(TAUGHT).flat(), 'horse', 'airplane']) {
    const { embedding } = await vit.classify(samples(name)[0], { embedding: true });
    embeddings.set(name, /** @type {Float32Array} */ (embedding));
  }
  vit.dispose();
});

/**
 * @param {string} title of a sample
 * @param {import('../../web/app/teach.js').Method} method
 * @returns {string} what the page shall say about it after TAUGHT
 */
function taughtBars(title, method) {
  /** @param {string} name */
  const embedding = (name) => /** @type {Float32Array} */ (embeddings.get(name));
  const classes = Object.entries(TAUGHT).map(([name, names]) => ({
    name,
    examples: names.map((one) => ({ vector: embedding(one), thumbnail: '' })),
  }));
  const file = classesFile({ method, unlike: -1, classes }, { name: '', sha256: '0'.repeat(64) });
  return new OwnClasses(file)
    .match(embedding(title.toLowerCase()))
    .predictions.map(({ label, score }) => `${label}${percent(score)}`)
    .join('');
}

/** @param {import('playwright-core').Page} page @returns {Promise<number[]>} alpha, least and most */
const shade = (page) =>
  page.$eval('#shade', (node) => {
    const canvas = /** @type {HTMLCanvasElement} */ (node);
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
    const alphas = (data ?? new Uint8ClampedArray()).filter((_, i) => i % 4 === 3).sort();
    return [alphas[0], alphas[alphas.length - 1]];
  });

/** @param {import('playwright-core').Page} page waits for the small images of all heads */
const looked = (page) =>
  page.waitForFunction((heads) => {
    /** @type {NodeListOf<HTMLCanvasElement>} */
    const maps = document.querySelectorAll('button.looked-tile canvas');
    return maps.length === 1 + heads && [...maps].every(({ width }) => width > 1);
  }, model.heads);

const READBACK = { expected: [/willReadFrequently/] }; // it is the test that reads back

pageTest('where it looked can be laid over the picture', READBACK, async (page) => {
  await looked(page);
  assert.equal(await page.isVisible('#shade'), false);
  assert.equal(await page.isDisabled('#looked-strength'), true);
  await page.click('.looked-tile >> nth=0');
  assert.equal(await page.isVisible('#shade'), true);
  const [least, most] = await shade(page);
  assert.ok(least < 30 && most > 150, `${least} to ${most}`);
  await page.fill('#looked-strength', '20');
  assert.ok((await shade(page))[1] < 60);
  const picture = () => page.$eval('#shade', (node) => /** @type {HTMLCanvasElement} */ (node).toDataURL());
  await page.click('.looked-tile >> nth=2');
  const lastBlock = await picture();
  await page.fill('#looked-block', '1');
  assert.equal(await text(page, '#looked-block-words'), 'Block 1');
  assert.notEqual(await picture(), lastBlock);
  await page.click('.looked-tile >> nth=2');
  assert.equal(await page.isVisible('#shade'), false);
});

pageTest('times are those of runs without attention', {}, async (page) => {
  await looked(page);
  const hash = await answered(page);
  await page.click('.sample >> nth=1');
  await answered(page, hash);
  await looked(page);
  await page.click('#measure');
  await page.waitForFunction(() => /^Median/.test(document.getElementById('total-words')?.textContent ?? ''));
});

/** The names in a ZIP archive of JPEG files that are stored as they are. @param {Buffer} zip */
function storedNames(zip) {
  const names = [];
  for (let at = 0; zip.readUInt32LE(at) === 0x04034b50;) {
    const [size, length] = [zip.readUInt32LE(at + 22), zip.readUInt16LE(at + 26)];
    names.push(zip.toString('utf8', at + 30, at + 30 + length));
    assert.equal(zip.readUInt16BE(at + 30 + length), 0xffd8, 'a JPEG file');
    at += 30 + length + size;
  }
  return names;
}

pageTest('own classes: taught, saved, opened again', {}, async (page) => {
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  const verdict = () => text(page, '#teach-verdict');
  assert.match(await verdict(), /Two classes/);
  for (const [i, [name, names]] of Object.entries(TAUGHT).entries()) {
    await page.fill(`.teach-class >> nth=${i} >> .teach-name`, name);
    await page.setInputFiles(`.teach-class >> nth=${i} >> input[type=file]`, samples(...names));
    await page.waitForFunction(
      (words) => document.getElementById('teach-words')?.textContent?.startsWith(words),
      `3 pictures added to ${name}.`,
    );
  }
  /** @param {string} title @param {import('../../web/app/teach.js').Method} method */
  const classified = async (title, method) => {
    await page.click(`.sample[title="${title}"]`);
    await page.waitForFunction(
      (bars) => document.getElementById('teach-bars')?.textContent === bars,
      taughtBars(title, method),
    );
  };
  await classified('Horse', 'centroid');
  await classified('Airplane', 'centroid');
  await page.selectOption('#teach-method', 'neighbours');
  await classified('Dog', 'neighbours');
  assert.equal(await verdict(), 'Animals', 'a picture that was given is nearest to itself');

  const before = await text(page, '#teach-bars');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#teach-save')]);
  const buffer = readFileSync(await download.path());
  assert.ok(buffer.length < 40000, `${buffer.length} bytes`);
  const [zip] = await Promise.all([page.waitForEvent('download'), page.click('#teach-pictures')]);
  const names = storedNames(readFileSync(await zip.path()));
  assert.deepEqual(
    names,
    Object.keys(TAUGHT).flatMap((name) => [1, 2, 3].map((n) => `${name}/000${n}.jpg`)),
  );
  assert.match(await text(page, '#teach-words'), /^my-pictures\.zip has 6 pictures/);
  assert.match(await text(page, '#teach-command'), /^vit158 finetune my-pictures\.zip -o /);
  const own = await OwnClasses.load(buffer);
  assert.equal(own.model.sha256, models[PLACE].sha256);
  const vit = await Classifier.load(path.join(ROOT, `models/${MODEL}.safetensors`), { sha256: own.model.sha256 });
  const { predictions } = await own.classify(vit, samples('dog')[0]);
  assert.equal(
    predictions.map(({ label, score }) => `${label}${percent(score)}`).join(''),
    before,
    'the library says the same',
  );
  vit.dispose();
  assert.match(await text(page, '#teach-snippet'), /OwnClasses\.load\('my-classes\.json'\)/);
  const file = { name: 'mine.json', mimeType: 'application/json', buffer };

  await page.waitForFunction(() => document.getElementById('teach-kept')?.textContent === 'Kept in this browser.');
  await page.reload();
  await answered(page);
  await page.waitForFunction(() =>
    /2 classes .* are back, with 6 pictures/.test(document.getElementById('teach-words')?.textContent ?? ''),
  );
  assert.equal(await page.$$eval('.teach-drop', (all) => all.length), 6);
  assert.equal(await page.inputValue('#teach-method'), 'neighbours');
  await page.click('.teach-class >> nth=0 >> .teach-remove');
  await page.click('.teach-class >> nth=0 >> .teach-remove');
  await page.setInputFiles('#teach-file', file);
  await page.waitForFunction(() => /2 classes/.test(document.getElementById('teach-words')?.textContent ?? ''));
  await page.selectOption('#teach-method', 'neighbours');
  await page.click('.sample[title="Dog"]');
  await page.waitForFunction((wanted) => document.getElementById('teach-bars')?.textContent === wanted, before);

  await page.setInputFiles('#teach-file', { ...file, name: 'cut.json', buffer: buffer.subarray(0, 99) });
  await page.waitForFunction(() =>
    /^cut\.json: not a classes file: /.test(document.getElementById('teach-words')?.textContent ?? ''),
  );
  assert.equal(await page.$$eval('.teach-class', (all) => all.length), 2, 'what was there stays');

  const hash = await answered(page);
  await page.setInputFiles('#model-file', path.join(ROOT, 'models/fashion-mnist.safetensors'));
  await answered(page, hash);
  await page.waitForFunction(() => document.querySelectorAll('.teach-drop').length === 0);
  await page.setInputFiles('#teach-file', file);
  await page.waitForFunction(() =>
    /mine\.json: .*another model/.test(document.getElementById('teach-words')?.textContent ?? ''),
  );
  await page.click('#tab-picture');
  await page.selectOption('#model-select', String(PLACE));
  await page.waitForFunction(() => document.querySelectorAll('.teach-drop').length === 6);
});

pageTest('own classes: a wrong picture is taken away, and everything taken away can come back', {}, async (page) => {
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  for (const [i, names] of [
    ['cat', 'dog', 'ship'],
    ['truck', 'automobile'],
  ].entries()) {
    await page.setInputFiles(`.teach-class >> nth=${i} >> input[type=file]`, samples(...names));
    await page.waitForFunction(
      (words) => document.getElementById('teach-words')?.textContent === words,
      `${names.length} pictures added to Class ${i + 1}.`,
    );
  }
  await page.waitForSelector('#teach-confusion:not([hidden])');
  assert.match(await text(page, '#teach-confusion-words'), /: \d of 5 would be named right\.$/);
  const cells = await page.$$eval('#teach-confusion-table tbody td', (all) =>
    all.map((one) => Number(one.textContent) || 0),
  );
  assert.deepEqual([cells.length, cells.reduce((sum, n) => sum + n, 0)], [4, 5]);
  const counts = () => page.$$eval('.teach-count', (all) => all.map((one) => one.textContent));
  await page.click('.teach-class >> nth=0 >> .teach-drop >> nth=0');
  assert.deepEqual(await counts(), ['2 pictures', '2 pictures']);
  await page.click('#teach-undo');
  assert.deepEqual(await counts(), ['3 pictures', '2 pictures']);
  await page.click('.teach-class >> nth=0 >> .teach-remove');
  assert.deepEqual(await counts(), ['2 pictures']);
  await page.click('#teach-undo');
  assert.deepEqual(await counts(), ['3 pictures', '2 pictures']);
  assert.equal(await page.isVisible('#teach-undo'), false);
  await page.fill('#teach-unlike', '99');
  await page.waitForFunction(() => document.getElementById('teach-verdict')?.textContent === 'Unlike all of them');
  await page.fill('#teach-unlike', '-100');
  await page.waitForFunction(() => /^Class/.test(document.getElementById('teach-verdict')?.textContent ?? ''));
});

pageTest('own classes: the picture on the stage, a class more, a class less', {}, async (page) => {
  await page.click('#tab-teach');
  await page.waitForSelector('.teach-class');
  await page.click('.teach-class >> nth=0 >> text=Add this picture');
  await page.waitForFunction(() => /Class 1 has it/.test(document.getElementById('teach-words')?.textContent ?? ''));
  await page.click('.sample[title="Cat"]');
  await page.waitForFunction(() => document.getElementById('file-name')?.textContent === 'Cat');
  await page.click('.teach-class >> nth=1 >> text=Add this picture');
  await page.waitForFunction(() => document.getElementById('teach-verdict')?.textContent === 'Class 2');
  await page.click('#teach-new');
  assert.equal(
    await page.$eval('.teach-class:last-child .teach-name', (name) => name === document.activeElement),
    true,
  );
  await page.click('.teach-class >> nth=1 >> .teach-remove');
  assert.equal(await page.$$eval('.teach-class', (all) => all.length), 2);
  assert.match(await text(page, '#teach-verdict'), /Two classes/);
});

pageTest('the weights of a matrix are drawn', {}, async (page) => {
  await page.click('#tab-inside');
  await page.waitForSelector('.inside-cell[aria-pressed=true]');
  assert.equal(await page.$$eval('.inside-cell', (all) => all.length), 4 * model.depth);
  assert.ok(
    (await text(page, '#inside-words')).startsWith(
      `${count(model.ternaryParameters)} ternary weights in ${4 * model.depth} matrices; `,
    ),
  );
  await page.click('[data-name="blocks.1.mlp.fc1.weight"]');
  await page.waitForFunction(() => document.getElementById('inside-name')?.textContent === 'Block 2, mlp.fc1');
  const { size, colours } = await page.$eval('#inside-canvas', (node) => {
    const canvas = /** @type {HTMLCanvasElement} */ (node);
    const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const reds = [...data].filter((_, i) => i % 4 === 0);
    return { size: [canvas.width, canvas.height], colours: [...new Set(reds)].sort((a, b) => a - b) };
  });
  assert.deepEqual(size, [model.dim, model.mlpDim]);
  assert.deepEqual(colours, [0x1a, 0x8c, 0xff]);
  assert.ok((await text(page, '#inside-counts')).startsWith(`${model.mlpDim} × ${model.dim} weights.`));
  assert.match(await text(page, '#inside-counts'), / weights\. −1: \d+\.\d%, 0: \d+\.\d%, \+1: \d+\.\d%$/);
  assert.match(await text(page, '#inside-meaning'), /A row is an output; a column is an input\.$/);
  await page.click('#tab-picture');
  await page.selectOption('#model-select', { index: models.findIndex(({ name }) => name === 'vit158-imagenet') });
  await page.click('#tab-inside');
  await page.waitForFunction(() =>
    /[\d,]+ rows, each with .* add up to [\d,]+ outputs; /.test(
      document.getElementById('inside-meaning')?.textContent ?? '',
    ),
  );
});

pageTest('every tensor of a model is listed, and its values spread', {}, async (page) => {
  await page.click('#tab-inside');
  await page.waitForSelector('.inside-cell[aria-pressed=true]');
  await page.click('#tensors summary');
  await page.click('.tensor-name >> text=head.weight');
  await page.waitForFunction(() =>
    /values from -?[\d.]+.* are zero\.$/.test(document.getElementById('spread-words')?.textContent ?? ''),
  );
  assert.equal(await text(page, '#spread-name'), 'head.weight');
  assert.match(await text(page, '#tensor-metadata'), /datasetCIFAR-10/);
  assert.match(await text(page, '#tensor-steps'), /^decode, preprocess, embed, blocks\.0\.attn, .*, head$/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#tensor-save')]);
  const saved = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(saved.name, MODEL);
  assert.equal(saved.model.depth, model.depth);
  assert.equal(saved.tensors.length, await page.$$eval('#tensor-rows tr', (all) => all.length));
});

/** @param {import('playwright-core').Page} page @returns {Promise<Buffer>} a second of moving shapes */
async function makeVideo(page) {
  const base64 = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm' });
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
    const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve));
    recorder.start();
    for (let i = 0; i < 25; i++) {
      context.fillStyle = `hsl(${i * 14} 80% 50%)`;
      context.fillRect(0, 0, 160, 120);
      context.fillStyle = 'white';
      context.fillRect(i * 5, 30, 50, 50);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    recorder.stop();
    await stopped;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  return Buffer.from(base64, 'base64');
}

pageTest('a video file is classified as it plays, frames dropped', {}, async (page) => {
  let hash = await answered(page);
  const buffer = await makeVideo(page);
  await give(page, 'drop', { name: 'moving.webm', mimeType: 'video/webm', buffer });
  await page.waitForSelector('#stage[data-state=live]');
  assert.equal(await text(page, '#file-name'), 'moving.webm');
  assert.match(await text(page, '#file-facts'), /^160 × 120 pixels/);
  for (let i = 0; i < 4; i++) hash = await answered(page, hash);
  await page.click('.looked-tile >> nth=0');
  await page.waitForFunction(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('shade'));
    return !canvas.hidden && canvas.width === 160;
  });
  assert.equal(await text(page, '#camera'), 'Stop video');
  await page.click('#shoot');
  await page.waitForFunction(() => document.getElementById('file-name')?.textContent === 'Video picture');
  assert.equal(await page.isVisible('#video'), false);
});

pageTest('a video that does not play is named', { expected: [/decode|demuxer|Failed to load/i] }, async (page) => {
  await give(page, 'drop', { name: 'broken.webm', mimeType: 'video/webm', buffer: Buffer.from('no video') });
  await page.waitForSelector('.notice');
  assert.match(await text(page, '.notice'), /broken\.webm: this browser cannot play it/);
  assert.equal(await page.isVisible('#preview'), true);
});

pageTest('this browser gives what was recorded', {}, async (page) => {
  await page.click('#tab-inside');
  await page.click('#check-run');
  await page.waitForSelector('#check-words[data-state=good]');
  assert.match(await text(page, '#check-words'), /^All 10 pictures .* bit for bit \(simd128\)\.$/);
});

pageTest(
  'a browser that gives something else is told where it begins',
  {
    prepare: (context) =>
      context.route('**/golden.json', (route) => {
        const golden = JSON.parse(readFileSync(path.join(ROOT, 'models/samples/golden.json'), 'utf8'));
        const cat = golden.pictures.find((/** @type {any} */ { file }) => file === 'cat.jpg');
        for (const step of Object.keys(cat.steps).slice(6)) cat.steps[step] = '0'.repeat(64);
        cat.logits[0] += 0.5;
        cat.logits_sha256 = createHash('sha256')
          .update(new Uint8Array(Float32Array.from(cat.logits).buffer))
          .digest('hex');
        return route.fulfill({ json: golden });
      }),
  },
  async (page) => {
    await page.click('#tab-inside');
    await page.click('#check-run');
    await page.waitForSelector('#check-words[data-state=bad]');
    assert.match(await text(page, '#check-words'), /^1 of 10 pictures differ/);
    assert.match(await text(page, '#check-list'), /cat\.jpg: .*blocks\.2\.attn/);
  },
);
