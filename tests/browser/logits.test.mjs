// SPDX-License-Identifier: MIT
// The page gives the same logits as Node, bit for bit: through its own input for JPEG and PNG, and
// for raw pixels through the library in the page; with and without SIMD, with and without a worker.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { answered, ROOT, suite } from './harness.mjs';
import { makePicture } from './pictures.mjs';
import { nativeCommand, temporaryFolder } from '../node/shared.mjs';

const pageTest = suite();
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8'));
const MODEL = `${manifest.default}.safetensors`;

/** @type {Classifier} */
let vit;
before(async () => {
  vit = await Classifier.load(path.join(ROOT, 'models', MODEL));
});

for (const query of ['', '?engine=scalar', '?worker=off']) {
  for (const mimeType of ['image/jpeg', 'image/png']) {
    const name = `${mimeType} has Node's logits${query && ` with ${query.slice(1)}`}`;
    pageTest(name, { query }, async (page) => {
      const old = await answered(page);
      const buffer = await makePicture(page, mimeType, { width: 211, height: 157 });
      await page.setInputFiles('#file', { name: 'picture', mimeType, buffer });
      const { logitsSha256 } = await vit.classify(buffer);
      assert.equal(await answered(page, old), logitsSha256);
    });
  }
}

/**
 * Hash of an image's logits by the library in the page.
 * @param {import('playwright-core').Page} page
 * @param {string} model its address
 * @param {{data: Uint8Array, width: number, height: number}} picture
 */
function classifyInPage(page, model, { data, width, height }) {
  return page.evaluate(
    async ([address, base64, w, h]) => {
      const library = '/lib/vit158.js';
      const { Classifier: PageClassifier } = await import(library);
      const pixels = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const inPage = await PageClassifier.load(address, { wasm: '/dist/vit158.wasm' });
      return (await inPage.classify({ data: pixels, width: w, height: h })).logitsSha256;
    },
    /** @type {[string, string, number, number]} */ ([model, Buffer.from(data).toString('base64'), width, height]),
  );
}

const picture = {
  data: Uint8Array.from({ length: 97 * 61 * 3 }, (_, i) => (i * i + 7 * i) >> 4),
  width: 97,
  height: 61,
};

pageTest("raw pixels have Node's logits", {}, async (page) => {
  const here = await vit.classify(picture);
  assert.equal(await classifyInPage(page, `/models/${MODEL}`, picture), here.logitsSha256);
});

pageTest("a ViT-Ti of 197 tokens has Node's logits", { bare: true }, async (page) => {
  const file = path.join(temporaryFolder(), 'ti.safetensors');
  assert.equal(nativeCommand('synth', '--arch', 'ti', '-o', file).code, 0);
  await page.route('**/ti.safetensors', (route) => route.fulfill({ path: file }));
  const large = await Classifier.load(file, { threads: 1 });
  const here = await large.classify(picture);
  large.dispose();
  assert.equal(await classifyInPage(page, '/ti.safetensors', picture), here.logitsSha256);
});
