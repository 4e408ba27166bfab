// SPDX-License-Identifier: MIT
// Model files of other libraries on the page: a form asks for what they do not say, and the import module is
// fetched only for names that the engine does not know.
import assert from 'node:assert/strict';
import path from 'node:path';
import { answered, ROOT, suite, text } from './harness.mjs';

const pageTest = suite([], 'vit158-cifar10');
const DATA = path.join(ROOT, 'tests/data/import');

/**
 * Opens a file, fills the form and waits for the model.
 * @param {import('playwright-core').Page} page @param {string} file
 */
async function open(page, file) {
  await page.setInputFiles('#model-file', path.join(DATA, file));
  await page.waitForSelector('#missing[open]');
  await page.fill('#missing [name=heads]', '2');
  await page.selectOption('#missing [name=scale]', { index: 0 });
  await page.fill('#missing [name=labels]', 'apple\npear\nlemon\nd\u00e4tyl\nfig\n');
  const before = await answered(page);
  await page.click('#missing button[value=open]');
  await page.waitForFunction(() => !document.getElementById('missing'));
  const hash = await answered(page, before);
  assert.match(await text(page, '#scope'), /5 things only: apple, .*fig/);
  return hash;
}

pageTest('a bare timm file is asked about and opens as it is; a .pth is imported', {}, async (page) => {
  /** @type {string[]} */
  const fetched = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  const bare = await open(page, 'bare-timm.safetensors');
  assert.ok(!fetched.some((name) => /import/.test(name)), 'the import module was not needed');
  const pickled = await open(page, 'plain.pth');
  assert.ok(fetched.includes('/dist/vit158-import.wasm'), fetched.join(' '));
  assert.match(pickled, /^[0-9a-f]{64}$/);
  assert.notEqual(pickled, bare, 'imported weights are F16');
});

pageTest('the form can be left, and then the error is shown', {}, async (page) => {
  await page.setInputFiles('#model-file', path.join(DATA, 'bare-timm.safetensors'));
  await page.click('#missing button[value=cancel]');
  await page.waitForSelector('#trouble:not([hidden])');
  assert.match(await text(page, '#trouble-words'), /heads is missing/);
});
