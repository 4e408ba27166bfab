// SPDX-License-Identifier: MIT
// Models on the page: those of the manifest, local files, downloads that fail or are cancelled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { size } from '../../web/app/format.js';
import { answered, FLOAT_MODEL, ROOT, suite, text } from './harness.mjs';
import { dropPath, give } from './pictures.mjs';

const pageTest = suite();
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8'));
const DEFAULT = manifest.models.find((/** @type {{name: string}} */ { name }) => name === manifest.default);
const MODEL_URL = `**/models/${manifest.default}.safetensors`;

/** @param {import('playwright-core').Page} page @returns {Promise<Record<string, string>>} */
const facts = (page) =>
  page.$$eval('#facts div', (rows) =>
    Object.fromEntries(rows.map((row) => [...row.children].map((cell) => cell.textContent ?? ''))),
  );

pageTest('the facts are those of the shipped model', {}, async (page) => {
  const shown = await facts(page);
  const bytes = readFileSync(path.join(ROOT, 'models', `${manifest.default}.safetensors`)).length;
  assert.equal(shown['File size'], size(bytes));
  assert.equal(shown['File size'], '3.40 MB');
  assert.equal(shown.Classes, '1,000');
  assert.equal(shown['Trained on'], 'ImageNet-1k');
  assert.match(shown.Accuracy, /%/);
  assert.match(shown.Parameters, /ternary$/);
  assert.match(shown['Bits per weight'], /^4\.\d\d ternary, 4\.76 overall$/); // sums of rows
  assert.match(shown['Memory in use'], /^\d+\.\d+ MB$/);
  assert.equal(shown.Engine, 'WebAssembly SIMD, in a worker');
  assert.match(await text(page, '#scope'), /1,000 things/);
});

pageTest('the small model can be chosen, with samples of its own', { query: '?model=vit158-cifar10' }, async (page) => {
  const shown = await facts(page);
  assert.match(shown['Trained on'], /CIFAR-10/);
  assert.match(shown['Bits per weight'], /^1\.6\d ternary, \d\.\d\d overall$/);
  assert.match(await text(page, '#scope'), /10 things only: airplane, .* and truck\./);
  assert.equal(await page.$$eval('.sample', (all) => all.length), 10);
});

pageTest('a local copy of the model gives the same logits', {}, async (page) => {
  const before = await answered(page);
  const file = path.join(ROOT, 'models', `${manifest.default}.safetensors`);
  await page.setInputFiles('#model-file', file);
  await page.waitForFunction(
    () => /** @type {HTMLSelectElement} */ (document.getElementById('model-select')).value === '-1',
  );
  await page.click('.sample >> nth=1');
  await answered(page, before);
  await page.click('.sample >> nth=0');
  await page.waitForFunction((hash) => document.getElementById('results')?.dataset.logitsSha256 === hash, before);
  await page.selectOption('#model-select', '0');
  await page.waitForFunction(() => !document.querySelector('#model-select [value="-1"]'));
});

/** The shipped model, said to have random weights as `vit158 synth` says it. */
function untrainedModel() {
  const bytes = readFileSync(path.join(ROOT, 'models', `${manifest.default}.safetensors`));
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, end));
  header.__metadata__.trained = 'false';
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, bytes.subarray(end)]);
}

pageTest('a model that was not trained is named so, until another is in use', {}, async (page) => {
  const words = 'Not trained: random weights, for measuring speed';
  assert.doesNotMatch(await text(page, '#verdict-words'), /trained/);
  const file = { name: 'synth.safetensors', mimeType: '', buffer: untrainedModel() };
  await page.setInputFiles('#model-file', file);
  await page.waitForFunction(
    (expected) => document.getElementById('verdict-words')?.textContent === `${expected}.`,
    words,
  );
  assert.equal((await facts(page))['Trained on'], words);
  await page.selectOption('#model-select', '0');
  await page.waitForFunction(() => /sure|decide/.test(document.getElementById('verdict-words')?.textContent ?? ''));
  assert.equal((await facts(page))['Trained on'], DEFAULT.dataset);
});

for (const how of ['chosen', 'dropped']) {
  pageTest(`the float ViT-Ti can be ${how}`, { needs: FLOAT_MODEL }, async (page) => {
    const before = await answered(page);
    if (how === 'chosen') await page.setInputFiles('#model-file', FLOAT_MODEL);
    else await dropPath(page, FLOAT_MODEL);
    await answered(page, before);
    const shown = await facts(page);
    assert.equal(shown.Parameters, '5.72 M, float');
    assert.match(shown['Bits per weight'], /^32\.\d$/); // and its header
    assert.equal(shown.Input, '224 × 224 pixels');
    assert.equal(await page.$$eval('.block-column', (columns) => columns.length), 12);
    assert.match(await text(page, '#scope'), /1,000 things/);
    assert.match(await text(page, '#input-facts'), /224 × 224/);
  });
}

pageTest('a file that is no model is refused, the model before stays', {}, async (page) => {
  const before = await answered(page);
  const buffer = Buffer.from('{"not": "a model"}');
  await give(page, 'drop', { name: 'wrong.safetensors', mimeType: '', buffer });
  await page.waitForSelector('#trouble:not([hidden])');
  assert.match(await text(page, '#trouble'), /Not a model file.*wrong\.safetensors: .*stays in use/s);
  await page.click('#load-close');
  assert.equal(await page.isVisible('#trouble'), false);
  await page.click('.sample >> nth=1');
  await answered(page, before);
});

pageTest('a damaged model is refused with what is wrong', {}, async (page) => {
  const file = path.join(ROOT, 'models', `${manifest.default}.safetensors`);
  const cut = readFileSync(file).subarray(0, -100);
  await give(page, 'drop', { name: 'cut.safetensors', mimeType: '', buffer: cut });
  await page.waitForSelector('#trouble:not([hidden])');
  assert.match(await text(page, '#trouble-title'), /Incomplete model file/);
});

pageTest(
  'a missing model is named, and trying again works',
  {
    bare: true,
    expected: [/404/],
    prepare: (context) => context.route(MODEL_URL, (route) => route.fulfill({ status: 404 })),
  },
  async (page) => {
    await page.waitForSelector('#results[data-state=error]');
    assert.match(await text(page, '#trouble'), /Could not fetch the model.*404/s);
    await page.waitForFunction(() => /** @type {HTMLCanvasElement} */ (document.querySelector('#preview')).width > 4); // the image is shown
    await page.context().unroute(MODEL_URL);
    await page.click('#load-retry');
    await answered(page);
    assert.equal(await page.isVisible('#trouble'), false);
  },
);

pageTest(
  'a web page instead of a model is called so',
  {
    bare: true,
    prepare: (context) =>
      context.route(MODEL_URL, (route) =>
        route.fulfill({ contentType: 'text/html', body: '<!doctype html><p>Not found' }),
      ),
  },
  async (page) => {
    await page.waitForSelector('#trouble:not([hidden])');
    assert.match(await text(page, '#trouble-words'), /web page/);
  },
);

pageTest(
  'a missing manifest is named',
  {
    bare: true,
    expected: [/404/],
    prepare: (context) => context.route('**/models/manifest.json', (route) => route.fulfill({ status: 404 })),
  },
  async (page) => {
    await page.waitForSelector('#trouble:not([hidden])');
    assert.match(await text(page, '#trouble-words'), /manifest\.json.*404/);
  },
);

pageTest(
  'a missing engine is named',
  {
    bare: true,
    expected: [/404/],
    prepare: (context) => context.route('**/vit158.wasm', (route) => route.fulfill({ status: 404 })),
  },
  async (page) => {
    await page.waitForSelector('#trouble:not([hidden])');
    assert.match(await text(page, '#trouble-words'), /vit158\.wasm answered 404/);
  },
);

pageTest(
  'a download shows its progress and can be cancelled',
  {
    bare: true,
    async prepare(context) {
      // Half of the model, then silence.
      const file = readFileSync(path.join(ROOT, 'models', `${manifest.default}.safetensors`));
      const server = createServer((_request, response) => {
        response.writeHead(200, { 'content-length': file.length });
        response.write(file.subarray(0, file.length >> 1));
      });
      await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      await context.route(MODEL_URL, (route) => route.continue({ url: `http://127.0.0.1:${port}/` }));
      context.once('close', () => {
        server.closeAllConnections();
        server.close();
      });
    },
  },
  async (page) => {
    await page.waitForFunction(() => {
      const bar = document.getElementById('load-bar');
      return bar?.getAttribute('aria-valuenow') === '50';
    });
    assert.match(await text(page, '#load-words'), /^1\.70 MB of 3\.40 MB(, \d+ s left)?$/);
    await page.click('#load-cancel');
    assert.equal(await text(page, '#load-words'), 'Cancelled.');
    assert.match(await text(page, '#verdict-words'), /Pick a model/);
    await page.context().unroute(MODEL_URL);
    await page.selectOption('#model-select', '0');
    await answered(page);
  },
);
