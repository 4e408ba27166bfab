// SPDX-License-Identifier: MIT
// The page where browsers are strict, old or protective: content policy, no SIMD, no workers,
// randomised canvas, and the main thread kept free.
import assert from 'node:assert/strict';
import { answered, settled, suite, text } from './harness.mjs';
import { makePicture } from './pictures.mjs';
import { CSP } from '../../web/serve.mjs';

const pageTest = suite([], 'vit158-cifar10');

/** @param {import('playwright-core').Page} page @returns {Promise<string>} */
const engine = (page) => page.$eval('#facts', (facts) => facts.lastElementChild?.lastElementChild?.textContent ?? '');

pageTest('the page keeps its content policy', { expected: [/style-src|inline style/] }, async (page, url) => {
  const answer = await page.request.get(url);
  assert.equal(answer.headers()['content-security-policy'], CSP);
  assert.equal(CSP, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; media-src 'self' blob:");
  const meta = page.locator('meta[http-equiv=Content-Security-Policy]');
  assert.equal(await meta.getAttribute('content'), CSP);
  // The policy is in force: what it forbids does not happen.
  const evaluated = await page.evaluate(() => {
    const made = document.createElement('div');
    made.setAttribute('style', 'color: red');
    return made.style.color;
  });
  assert.equal(evaluated, '');
});

pageTest('the scalar engine can be forced', { query: '?engine=scalar' }, async (page) => {
  assert.equal(await engine(page), 'WebAssembly, no SIMD, in a worker');
});

pageTest(
  'a browser without SIMD gets the scalar engine',
  {
    query: '?worker=off',
    prepare: (context) =>
      context.addInitScript(() => {
        WebAssembly.validate = () => false;
      }),
  },
  async (page) => {
    assert.equal(await engine(page), 'WebAssembly, no SIMD, on the page');
  },
);

/** Ways in which there is no worker. @type {[string, import('./harness.mjs').PageOptions][]} */
const WITHOUT_WORKER = [
  ['when told so', { query: '?worker=off' }],
  [
    'in a browser that has none',
    {
      prepare: (context) =>
        context.addInitScript(() => {
          Reflect.deleteProperty(globalThis, 'Worker');
        }),
    },
  ],
  [
    'when the worker does not start',
    {
      expected: [/404/],
      prepare: (context) => context.route('**/page_worker.js', (route) => route.fulfill({ status: 404 })),
    },
  ],
];
for (const [when, options] of WITHOUT_WORKER) {
  pageTest(`the page does the work itself ${when}`, options, async (page) => {
    assert.equal(await engine(page), 'WebAssembly SIMD, on the page');
    const before = await answered(page);
    await page.click('.sample >> nth=1');
    await answered(page, before);
    // Nor do the panels ask for workers: here they would end the check.
    await page.evaluate(() => {
      globalThis.Worker = /** @type {any} */ (
        function () {
          throw new Error('a worker was asked for');
        }
      );
    });
    await page.click('#tab-inside');
    await page.click('#check-run');
    await page.waitForFunction(() => /[.:]/.test(document.getElementById('check-words')?.textContent ?? ''));
    assert.match(await text(page, '#check-words'), /^All \d+ pictures/);
  });
}

pageTest(
  'a browser that randomises canvas pixels is named, JPEG stays exact',
  {
    prepare: (context) =>
      context.addInitScript(() => {
        for (const type of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D]) {
          const honest = type.prototype.getImageData;
          type.prototype.getImageData = /** @this {any} */ function (/** @type {any[]} */ ...given) {
            const image = honest.apply(this, /** @type {any} */ (given));
            for (let i = 0; i < image.data.length; i += 97) image.data[i] ^= 1;
            return image;
          };
        }
      }),
  },
  async (page) => {
    assert.match(await text(page, '.notice'), /changes canvas pixels.*JPEG and PNG files are not/s);
    await page.click('.notice .button');
    assert.equal(await page.isVisible('.notice'), false);
  },
);

pageTest('an honest canvas raises no notice', {}, async (page) => {
  assert.equal(await page.$$eval('.notice', (notices) => notices.length), 0);
});

pageTest(
  'no engine runs on the main thread',
  {
    prepare: (context) =>
      context.addInitScript(() => {
        const log = /** @type {any} */ (globalThis);
        log.wasmCalls = [];
        for (const name of ['instantiate', 'instantiateStreaming', 'compile', 'compileStreaming']) {
          const real = /** @type {any} */ (WebAssembly)[name];
          /** @type {any} */ (WebAssembly)[name] = (/** @type {any[]} */ ...given) => {
            log.wasmCalls.push(name);
            return real.apply(WebAssembly, given);
          };
        }
        for (const name of ['Module', 'Instance']) {
          const real = /** @type {any} */ (WebAssembly)[name];
          /** @type {any} */ (WebAssembly)[name] = new Proxy(real, {
            construct(target, given) {
              log.wasmCalls.push(name);
              return Reflect.construct(target, given);
            },
          });
        }
      }),
  },
  async (page) => {
    const before = await answered(page);
    const buffer = await makePicture(page, 'image/jpeg', { width: 4000, height: 3000 });
    await page.setInputFiles('#file', { name: 'large.jpg', mimeType: 'image/jpeg', buffer });
    await settled(page, 'large.jpg', before);
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).wasmCalls), []);
  },
);

pageTest('the newest picture wins', {}, async (page) => {
  const before = await answered(page);
  await page.click('.sample >> nth=1');
  const wanted = await answered(page, before);
  for (const nth of [2, 0, 2, 1]) await page.click(`.sample >> nth=${nth}`);
  await page.waitForFunction((hash) => document.getElementById('results')?.dataset.logitsSha256 === hash, wanted);
  await page.waitForTimeout(300);
  assert.equal(await answered(page), wanted);
});

pageTest('times are shown for every stage and block', {}, async (page) => {
  await page.click('#measure');
  await page.waitForFunction(() =>
    /^Median of \d+ runs/.test(document.getElementById('total-words')?.textContent ?? ''),
  );
  const legend = await page.$$eval('#legend div', (rows) => rows.map((row) => row.textContent ?? ''));
  assert.equal(legend.length, 5);
  for (const row of legend) assert.match(row, /^(Decode|Resize|Embed|Blocks|Head)(<0\.1|\d+(\.\d+)?) ms$/);
  const sum = legend.reduce(
    (total, row) => total + (row.includes('<') ? 0 : Number.parseFloat(row.replace(/^\D+/, ''))),
    0,
  );
  const total = Number.parseFloat(await text(page, '#total-ms'));
  assert.ok(Math.abs(sum - total) <= 0.06 + total * 0.01, `${sum} is not ${total}`);
  assert.match(await text(page, '#total-rate'), /^\d+(\.\d)? images\/s$/);
  const columns = await page.$$eval('.block-column', (all) => all.map((one) => /** @type {HTMLElement} */ (one).title));
  const depth = (await text(page, '#facts')).match(/(\d+) blocks/)?.[1];
  assert.equal(columns.length, Number(depth));
  for (const title of columns) assert.match(title, /attention \d.* ms, MLP \d.* ms/);
});
