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

pageTest("raw pixels have Node's logits", {}, async (page) => {
  const width = 97;
  const height = 61;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i + 7 * i) >> 4);
  const here = await vit.classify({ data, width, height });
  const there = await page.evaluate(
    async ([model, base64, w, h]) => {
      const library = '/lib/vit158.js';
      const { Classifier: PageClassifier } = await import(library);
      const pixels = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

      const inPage = await PageClassifier.load(`/models/${model}`, { wasm: '/dist/vit158.wasm' });
      return (await inPage.classify({ data: pixels, width: w, height: h })).logitsSha256;
    },
    /** @type {[string, string, number, number]} */ ([
      MODEL,
      Buffer.from(data).toString('base64'),
      width,
      height,
    ]),
  );
  assert.equal(there, here.logitsSha256);
});
