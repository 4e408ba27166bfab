// SPDX-License-Identifier: MIT
// Many images at once: the table, its files, cancel, and memory that stays flat over hundreds.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { answered, ROOT, settled, suite, text } from './harness.mjs';

/** Small, so that hundreds of images do not take minutes. */
const MODEL = 'vit158-cifar10';
const pageTest = suite([], MODEL);
const SAMPLES = path.join(ROOT, 'models/samples');
const PICTURES = readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'));
const MANY = Number(process.env.VIT158_MANY ?? 400); // tests/proof takes 1,000

const folder = mkdtempSync(path.join(tmpdir(), 'vit158-many-'));
after(() => rmSync(folder, { recursive: true }));
const files = Array.from({ length: MANY }, (_, i) => {
  const file = path.join(folder, `${String(i).padStart(4, '0')}-${PICTURES[i % PICTURES.length]}`);
  symlinkSync(path.join(SAMPLES, PICTURES[i % PICTURES.length]), file);
  return file;
});
const notes = path.join(folder, 'a "quoted", odd name.jpg');
writeFileSync(notes, 'just words');

/** Hashes of Node's logits by sample. @type {Map<string, string>} */
const hashes = new Map();
before(async () => {
  const vit = await Classifier.load(path.join(ROOT, `models/${MODEL}.safetensors`));
  for (const name of PICTURES) hashes.set(name, (await vit.classify(path.join(SAMPLES, name))).logitsSha256);
  vit.dispose();
});

/** @param {import('playwright-core').Page} page @param {string[]} paths */
async function run(page, paths) {
  await page.setInputFiles((await page.$('#many-file')) ? '#many-file' : '#file', paths);
  await page.waitForFunction(
    (count) => document.getElementById('many-words')?.textContent?.startsWith(`${count} pictures in`),
    paths.length.toLocaleString('en'),
  );
}

/** @param {import('playwright-core').Page} page @param {string} button */
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path(), 'utf8') };
}

pageTest("several files become a table with Node's logits", {}, async (page) => {
  await run(page, [...files.slice(0, 10), notes]);
  assert.equal(await page.getAttribute('#tab-many', 'aria-selected'), 'true');
  assert.match(await text(page, '#many-words'), /^11 pictures in .* a second; 1 could not be read\.$/);
  const shown = await page.$$eval('#many-rows tr:not([hidden])', (rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
  );
  assert.equal(shown.length, 11);
  assert.deepEqual(
    shown.map(([, name]) => name),
    [...files.slice(0, 10), notes].map((file) => path.basename(file)),
  );
  assert.match(shown[0][3], /^[\d.<>]+%$/);
  assert.match(shown[0][4], /^[\d.]+ ms$/);
  assert.match(shown[10][2], /picture/i);

  const csv = await saved(page, '#many-csv');
  assert.equal(csv.name, 'vit158-results.csv');
  const lines = csv.content.trimEnd().split('\r\n');
  assert.equal(lines.length, 12);
  assert.equal(lines[0], 'file,label,class,score,unsure,ms,logits_sha256,error');
  assert.match(lines[11], /^"a ""quoted"", odd name\.jpg",,,,,,,"?E_/);

  const { results, ...about } = JSON.parse((await saved(page, '#many-json')).content);
  assert.equal(about.model, MODEL);
  assert.equal(about.engine, 'simd128');
  /** @type {{file: string, logits_sha256: string}[]} */
  const found = results.slice(0, 10);
  for (const { file, logits_sha256 } of found) assert.equal(logits_sha256, hashes.get(file.slice(5)), file);
  assert.match(results[10].error, /^E_[A-Z]+: /);
  assert.ok(!('label' in results[10]));
});

pageTest('a row puts its picture on the stage, pages can be turned', {}, async (page) => {
  const first = await answered(page);
  await run(page, files.slice(0, 30));
  await page.click('#many-next');
  assert.equal(await text(page, '#many-page'), 'Page 2 of 3');
  const row = page.locator('#many-rows tr').nth(1).locator('button');
  const name = await row.textContent();
  await row.click();
  await settled(page, name, first);
  assert.equal(await page.getAttribute('#tab-many', 'aria-selected'), 'true');
});

pageTest(`memory stays flat over ${MANY} files, and none of them waits for the page`, {}, async (page) => {
  const session = await page.context().newCDPSession(page);
  const heapBytes = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
  };
  await session.send('Performance.enable');
  await run(page, files.slice(0, 100));
  const few = JSON.parse((await saved(page, '#many-json')).content);
  const before100 = await heapBytes();
  await run(page, files);
  const many = JSON.parse((await saved(page, '#many-json')).content);
  const growth = (await heapBytes()) - before100;
  assert.equal(many.results.length, MANY);
  assert.equal(many.memory_bytes, few.memory_bytes, 'memory of the engine');
  assert.ok(growth < 3e6, `the page's heap has grown by ${growth} bytes`);
  console.log(`# ${MANY} files: heap +${growth} bytes, engine ${many.memory_bytes} bytes each worker`);
});

pageTest('a long run can be cancelled, and what is there can be saved', {}, async (page) => {
  await page.setInputFiles('#file', files);
  await page.waitForFunction(() =>
    /^\d+ of [\d,]+, .* a second, \d+ s left$/.test(document.getElementById('many-words')?.textContent ?? ''),
  );
  const share = Number(await page.getAttribute('#many-bar', 'aria-valuenow'));
  assert.ok(share >= 0 && share <= 100);
  await page.click('#many-cancel');
  await page.waitForFunction(() => /^Cancelled after/.test(document.getElementById('many-words')?.textContent ?? ''));
  const done = Number((await text(page, '#many-words')).replace(/\D*([\d,]+) of.*/, '$1').replace(',', ''));
  assert.ok(done > 0 && done < MANY, String(done));
  await page.waitForFunction(() => !document.querySelector('#many-csv:disabled'));
  const { results } = JSON.parse((await saved(page, '#many-json')).content);
  assert.equal(results.length, done);
  // And once more, with other images.
  await run(page, files.slice(0, 3));
});

for (const query of ['', '?worker=off']) {
  /** @type {import('./harness.mjs').PageOptions} */
  const withoutSimd = {
    query,
    prepare: (context) =>
      context.addInitScript(() => {
        WebAssembly.validate = () => false;
      }),
  };
  pageTest(`without SIMD the scalar module runs${query && ', also on the page'}`, withoutSimd, async (page) => {
    await run(page, files.slice(0, 6));
    const { engine, results } = JSON.parse((await saved(page, '#many-json')).content);
    assert.equal(engine, 'scalar');
    for (const { file, logits_sha256: hash } of results) assert.equal(hash, hashes.get(file.slice(5)), file);
    await page.click('#tab-inside');
    await page.click('#check-run');
    await page.waitForFunction(() => /\(/.test(document.getElementById('check-words')?.textContent ?? ''));
    assert.match(await text(page, '#check-words'), /^All \d+ pictures .* bit for bit \(scalar\)\.$/);
  });
}

pageTest('without workers the page does it itself', { query: '?worker=off' }, async (page) => {
  await run(page, files.slice(0, 12));
  assert.match(await text(page, '#many-words'), /^12 pictures in/);
});
