// SPDX-License-Identifier: MIT
// Firefox and WebKit: the page and the library give Node's logits there, bit for bit, with SIMD and
// without, in workers and on the page; files, many files and the panels work.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { serve } from '../../web/serve.mjs';
import { artifact, ROOT } from './harness.mjs';
import { inBrowser, lasting, startFirefox, startWebKit } from './webdriver.mjs';

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8'));

/**
 * A model of the manifest with its samples.
 * @param {string} name
 * @returns {{name: string, model: string, samples: string[]}} paths in the repository
 */
function entryOf(name) {
  const { file, samples: list } = manifest.models.find((/** @type {{name: string}} */ one) => one.name === name);
  /** @type {{samples: {file: string}[]}} */
  const { samples } = JSON.parse(readFileSync(path.join(ROOT, 'models', list), 'utf8'));
  return { name, model: `models/${file}`, samples: samples.map((one) => `models/${path.dirname(list)}/${one.file}`) };
}

/** The page opens with it when nothing else is said. */
const DEFAULT = entryOf(manifest.default);
/** All is done with it: a small one, since the scalar engine takes long for large ones; tests/proof takes the default. */
const USED = entryOf(process.env.VIT158_BROWSERS_MODEL ?? 'vit158-cifar10');
const FILES = [
  USED.samples[0],
  'tests/data/images/baseline_420.jpg',
  'tests/data/images/rgb_8.png',
  'tests/data/images/orientation_6.jpg',
];
const MANY = [1, 3, 4].map((i) => USED.samples[i]);
const RAW = {
  data: Array.from({ length: 97 * 61 * 3 }, (_, i) => ((i * i + 7 * i) >> 4) & 255),
  width: 97,
  height: 61,
};

/** What Node says. @type {Map<string, string>} */
const hashes = new Map();
/** @type {Map<string, string>} */
const labels = new Map();
let [rawHash, defaultHash] = ['', ''];
/** @type {import('../../web/lib/vit158.js').ModelInfo} */
let shape;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
before(async () => {
  const first = await Classifier.load(path.join(ROOT, DEFAULT.model));
  defaultHash = (await first.classify(path.join(ROOT, DEFAULT.samples[0]))).logitsSha256;
  first.dispose();
  const vit = await Classifier.load(path.join(ROOT, USED.model));
  for (const file of [...FILES, ...MANY]) {
    const { logitsSha256, predictions } = await vit.classify(path.join(ROOT, file));
    hashes.set(file, logitsSha256);
    labels.set(file, predictions[0].label);
  }
  rawHash = (await vit.classify({ ...RAW, data: Uint8Array.from(RAW.data) })).logitsSha256;
  shape = vit.info().model;
  vit.dispose();
  server = await serve();
});
const firefox = lasting(startFirefox);
after(async () => {
  await firefox.close();
  await server.close();
});

/** @typedef {import('./webdriver.mjs').Driver} Driver */

/** @param {Driver} driver @param {string} [query] */
async function open(driver, query = '') {
  await driver.open(`${server.url}?offline=off&model=${USED.name}${query}`);
  await driver.evaluate(() => {
    const log = /** @type {any} */ (globalThis);
    log.problems = [];
    for (const type of ['error', 'unhandledrejection', 'securitypolicyviolation'])
      addEventListener(type, (/** @type {any} */ event) =>
        log.problems.push(`${type}: ${event.message ?? event.reason ?? event.violatedDirective}`),
      );
  });
  await answered(driver, hashes.get(FILES[0]));
}

/** @param {Driver} driver @param {string} [hash] */
const answered = (driver, hash) =>
  driver.waitFor(
    `the answer ${hash}`,
    (wanted) => document.getElementById('results')?.dataset.logitsSha256 === wanted,
    hash,
  );

for (const [name, start, keep] of /** @type {const} */ ([
  ['Firefox', firefox.start, true],
  // In a browser for each test: after some pages in a row it lets requests to the same server wait for minutes.
  ['WebKit', startWebKit, false],
])) {
  /** @type {Driver} */
  let driver;

  /** @param {string} what @param {() => Promise<void>} body */
  const browserTest = (what, body) =>
    test(`${name}: ${what}`, () =>
      inBrowser(
        start,
        artifact(`${name} ${what}`),
        async (started) => {
          driver = started;
          await body();
          assert.deepEqual(await driver.evaluate(() => /** @type {any} */ (globalThis).problems ?? []), []);
        },
        { keep },
      ));

  for (const [query, engine] of /** @type {const} */ ([
    ['', 'WebAssembly SIMD, in a worker'],
    ['&engine=scalar', 'WebAssembly, no SIMD, in a worker'],
    ['&worker=off', 'WebAssembly SIMD, on the page'],
  ])) {
    browserTest(`the page has Node's logits${query && ` with ${query.slice(1)}`}`, async () => {
      await open(driver, query);
      assert.equal(
        await driver.evaluate(() => document.getElementById('facts')?.lastElementChild?.lastElementChild?.textContent),
        engine,
      );
      for (const file of FILES.slice(1)) {
        await driver.setFiles('#file', [path.join(ROOT, file)]);
        await answered(driver, hashes.get(file));
      }
    });
  }

  browserTest("the default model has Node's logits", async () => {
    await driver.open(`${server.url}?offline=off`);
    await answered(driver, defaultHash);
  });

  browserTest('a browser without SIMD gets the scalar module, with the same logits', async () => {
    await open(driver);
    const found = await driver.evaluate(
      async ({ model, file }) => {
        const real = WebAssembly.validate;
        WebAssembly.validate = () => false;
        try {
          const { Classifier: Page } = await import(/** @type {any} */ ('/lib/vit158.js'));
          const blob = (/** @type {string} */ url) => fetch(url).then((response) => response.blob());
          const wasm = { engine: '/dist/vit158-scalar.wasm', decoder: '/dist/vit158-decode.wasm' };
          const vit = await Page.load(`/${model}`, { wasm });
          return { engine: vit.info().engine, hash: (await vit.classify(await blob(file))).logitsSha256 };
        } finally {
          WebAssembly.validate = real;
        }
      },
      { model: USED.model, file: `/${FILES[0]}` },
    );
    assert.deepEqual(found, { engine: 'scalar', hash: hashes.get(FILES[0]) });
  });

  browserTest('the library on the page and in two workers: files, pixels, bitmaps, embeddings', async () => {
    await open(driver);
    for (const worker of [false, 2]) {
      const found = await driver.evaluate(
        async ({ model, file, raw, workers }) => {
          const { Classifier: Page } = await import(/** @type {any} */ ('/lib/vit158.js'));
          const wasm = { engine: '/dist/vit158.wasm', decoder: '/dist/vit158-decode.wasm' };
          const vit = await Page.load(`/${model}`, { wasm, worker: workers });
          const pixels = { ...raw, data: Uint8Array.from(raw.data) };
          const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 });
          canvas.getContext('2d')?.fillRect(3, 4, 20, 20);
          const [first, again, drawn, bitmap] = await Promise.all([
            vit.classify(await (await fetch(file)).blob()),
            vit.classify(pixels, { embedding: true, explain: true }),
            vit.classify(canvas),
            vit.classify(await createImageBitmap(canvas)),
          ]);
          vit.dispose();
          return {
            file: first.logitsSha256,
            raw: again.logitsSha256,
            same: drawn.logitsSha256 === bitmap.logitsSha256,
            embedding: again.embedding.length,
            heads: again.attention.heads,
          };
        },
        { model: USED.model, file: `/${FILES[0]}`, raw: RAW, workers: worker },
      );
      assert.deepEqual(found, {
        file: hashes.get(FILES[0]),
        raw: rawHash,
        same: true,
        embedding: shape.dim,
        heads: shape.heads,
      });
    }
  });

  browserTest('many files become a table', async () => {
    await open(driver);
    await driver.setFiles(
      '#file',
      MANY.map((file) => path.join(ROOT, file)),
    );
    await driver.waitFor('the table', () =>
      /^3 pictures in/.test(document.getElementById('many-words')?.textContent ?? ''),
    );
    const rows = await driver.evaluate(() =>
      [...document.querySelectorAll('#many-rows tr:not([hidden])')].map((row) =>
        [...row.children].slice(1, 3).map((cell) => cell.textContent),
      ),
    );
    assert.deepEqual(
      rows,
      MANY.map((file) => [path.basename(file), labels.get(file)]),
    );
  });

  browserTest('where it looked, own classes, the weights and the check are there', async () => {
    await open(driver);
    await driver.waitFor(
      'attention',
      (heads) =>
        [
          .../** @type {NodeListOf<HTMLCanvasElement>} */ (document.querySelectorAll('button.looked-tile canvas')),
        ].filter(({ width }) => width > 1).length ===
        1 + heads,
      shape.heads,
    );
    await driver.click('.looked-tile');
    await driver.waitFor('the shade', () => !document.getElementById('shade')?.hidden);
    await driver.click('#tab-teach');
    await driver.waitFor('classes', () => document.querySelectorAll('.teach-class').length === 2);
    await driver.click('.teach-class .teach-add button');
    await driver.waitFor('a picture taught', () =>
      /has it/.test(document.getElementById('teach-words')?.textContent ?? ''),
    );
    await driver.click('#tab-inside');
    await driver.waitFor(
      'the weights',
      (matrices) => document.querySelectorAll('.inside-cell').length === matrices,
      4 * shape.depth,
    );
    await driver.click('#check-run');
    await driver.waitFor('the check', () => document.getElementById('check-words')?.dataset.state === 'good');
    const overflow = await driver.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(overflow, 0);
  });

  browserTest('nothing of another origin is asked for', async () => {
    await open(driver);
    const names = await driver.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
    assert.ok(names.length > 10);
    assert.deepEqual(
      names.filter((one) => !one.startsWith(server.url)),
      [],
    );
  });

  browserTest('works without the network after one visit', async () => {
    const own = await serve();
    try {
      await driver.open(own.url);
      await answered(driver, defaultHash);
      await driver.waitFor('the service worker', async () => {
        const registration = await navigator.serviceWorker.getRegistration();
        return registration?.active?.state === 'activated';
      });
    } finally {
      await own.close();
    }
    await driver.open(own.url);
    await answered(driver, defaultHash);
  });
}
