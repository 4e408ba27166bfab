// SPDX-License-Identifier: MIT
// The library in Chromium, from the package's own layout: every kind of image a page may hold, on the
// page and in a worker, under a strict Content-Security-Policy, with the logits of Node.
import assert from 'node:assert/strict';
import { createReadStream, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, test } from 'node:test';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { serve } from '../node/server.mjs';
import { ROOT } from '../node/shared.mjs';
import { launch } from './harness.mjs';

const MODEL = '/models/vit158-cifar10.safetensors';
const PICTURES = {
  jpeg: '/tests/data/images/baseline_420.jpg',
  png: '/tests/data/images/rgb_8.png',
  rotated: '/tests/data/images/orientation_6.jpg',
};
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const TYPES = /** @type {Record<string, string>} */ ({
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
});

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function answer(request, response) {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': CSP }).end('<!doctype html>');
    return;
  }
  if (path === '/favicon.ico') {
    response.writeHead(204).end();
    return;
  }
  const file = join(ROOT, path);
  const type = TYPES[extname(file)] ?? 'application/octet-stream';
  try {
    response.writeHead(200, { 'content-type': type, 'content-length': statSync(file).size });
    createReadStream(file).pipe(response);
  } catch {
    response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>');
  }
}

const origin = await serve(answer);
const other = await serve((request, response) => {
  response.setHeader('cross-origin-resource-policy', 'cross-origin');
  answer(request, response);
});
const browser = await launch();
after(() => browser.close());

/** What Node says of the same images. */
const vit = await Classifier.load(join(ROOT, MODEL));
/** @type {Record<string, string>} */
const HASHES = {};
for (const [kind, path] of Object.entries(PICTURES)) HASHES[kind] = (await vit.classify(join(ROOT, path))).logitsSha256;
const { data, width, height } = await decodeImage(join(ROOT, PICTURES.png));
vit.dispose();

/**
 * Runs `work` in a fresh page.
 * @template T, A
 * @param {(argument: A) => Promise<T>} work
 * @param {A} argument
 * @param {{errors?: RegExp, prepare?: () => void}} [options] `errors` that belong to the test
 * @returns {Promise<T>}
 */
async function inPage(work, argument, { errors = /^$/, prepare } = {}) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !errors.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  if (prepare) await page.addInitScript(prepare);
  await page.goto(origin);
  const result = await page.evaluate(/** @type {any} */ (work), argument);
  assert.deepEqual(complaints, []);
  await page.close();
  return /** @type {T} */ (result);
}

for (const options of [{}, { engine: 'scalar' }, { worker: true }, { worker: 2 }]) {
  test(`files, with ${JSON.stringify(options)}`, async () => {
    const results = await inPage(
      async ({ model, pictures, options: loadOptions }) => {
        const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
        const page = await Page.load(model, loadOptions);
        /** @type {Record<string, Record<string, string>>} */
        const found = {};
        for (const [kind, url] of Object.entries(pictures)) {
          const blob = await (await fetch(url)).blob();
          const sources = {
            url,
            absolute: new URL(url, location.href),
            blob,
            file: new File([blob], 'x'),
            buffer: await blob.arrayBuffer(),
            response: await fetch(url),
          };
          for (const [name, source] of Object.entries(sources))
            (found[kind] ??= {})[name] = (await page.classify(source)).logitsSha256;
        }
        const info = page.info();
        page.dispose();
        return { found, engine: info.engine, workers: info.workers };
      },
      { model: MODEL, pictures: PICTURES, options },
    );
    assert.equal(results.engine, 'engine' in options ? 'scalar' : 'simd128');
    assert.equal(results.workers, Number('worker' in options ? options.worker : 0));
    for (const [kind, sources] of Object.entries(results.found))
      for (const [name, hash] of Object.entries(sources)) assert.equal(hash, HASHES[kind], `${kind} as ${name}`);
  });
}

test('everything a page can draw, on the page and through a worker', async () => {
  for (const worker of [false, true]) {
    const found = await inPage(
      async ({ model, png, pixels, worker: inWorker }) => {
        const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
        const page = await Page.load(model, { worker: inWorker });
        const { data: rgb, width: w, height: h } = pixels;
        const rgba = new Uint8ClampedArray(w * h * 4).fill(255);
        for (let i = 0; i < w * h; i++) rgba.set(rgb.slice(3 * i, 3 * i + 3), 4 * i);
        const imageData = new ImageData(rgba, w, h);
        const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
        canvas.getContext('2d', { willReadFrequently: true })?.putImageData(imageData, 0, 0);
        const offscreen = new OffscreenCanvas(w, h);
        offscreen.getContext('2d', { willReadFrequently: true })?.putImageData(imageData, 0, 0);
        const img = new Image();
        img.src = png;
        await img.decode();
        const bitmap = await createImageBitmap(imageData);
        const frame = new VideoFrame(canvas, { timestamp: 0 });
        const bitmapCanvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
        bitmapCanvas.getContext('bitmaprenderer')?.transferFromImageBitmap(await createImageBitmap(imageData));
        /** @type {Record<string, string>} */
        const hashes = {};
        const sources = {
          imageData,
          pixels: { data: Uint8Array.from(rgb), width: w, height: h },
          canvas,
          offscreen,
          img,
          bitmap,
          frame,
          bitmapCanvas,
        };
        for (let round = 0; round < 2; round++)
          // what the caller holds stays usable
          for (const [name, source] of Object.entries(sources))
            hashes[`${name} ${round}`] = (await page.classify(source)).logitsSha256;
        frame.close();
        page.dispose();
        return hashes;
      },
      { model: MODEL, png: PICTURES.png, pixels: { data: [...data], width, height }, worker },
    );
    for (const [name, hash] of Object.entries(found)) assert.equal(hash, HASHES.png, `${name}, worker: ${worker}`);
  }
});

test('a video, a lossy WebP and a bitmap with transparency are classified', async () => {
  const sums = await inPage(async (model) => {
    const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
    const page = await Page.load(model);
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.fillStyle = 'teal';
    context.fillRect(0, 0, 40, 48);
    const webp = await /** @type {Promise<Blob>} */ (
      new Promise((resolve) => canvas.toBlob((blob) => resolve(/** @type {Blob} */ (blob)), 'image/webp', 0.9))
    );
    const video = Object.assign(document.createElement('video'), { muted: true, srcObject: canvas.captureStream(30) });
    const drawing = setInterval(() => context.fillRect(0, 0, 40, 48), 20);
    await video.play();
    /** @type {Record<string, number>} */
    const found = {};
    const sources = { webp, video, transparent: await createImageBitmap(canvas) };
    for (const [name, source] of Object.entries(sources)) {
      const { predictions } = await page.classify(source, { topK: Infinity });
      found[name] = predictions.reduce(
        (/** @type {number} */ sum, /** @type {{score: number}} */ p) => sum + p.score,
        0,
      );
    }
    clearInterval(drawing);
    return found;
  }, MODEL);
  assert.deepEqual(Object.keys(sums), ['webp', 'video', 'transparent']);
  for (const sum of Object.values(sums)) assert.ok(Math.abs(sum - 1) < 1e-5);
});

test('canvases, bitmaps and frames that are gone are named, the same with a worker as without', async () => {
  const [alone, worker] = await inPage(async (model) => {
    const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
    const canvas = () => Object.assign(document.createElement('canvas'), { width: 40, height: 40 });
    const pieces = {
      transferred: async () => {
        const one = canvas();
        one.transferControlToOffscreen();
        return one;
      },
      posted: async () => {
        const one = new OffscreenCanvas(40, 40);
        structuredClone(one, { transfer: [one] });
        return one;
      },
      flat: async () => Object.assign(canvas(), { height: 0 }),
      bitmap: async () => {
        const one = await createImageBitmap(new ImageData(4, 4));
        one.close();
        return one;
      },
      frame: async () => {
        const one = new VideoFrame(await createImageBitmap(new ImageData(4, 4)), { timestamp: 0 });
        one.close();
        return one;
      },
    };
    const said = [];
    for (const options of [{}, { worker: true }]) {
      const page = await Page.load(model, options);
      /** @type {Record<string, string>} */
      const found = {};
      for (const [name, make] of Object.entries(pieces))
        found[name] = await page.classify(await make()).then(
          () => 'no error',
          (/** @type {any} */ e) => `${e.name} ${e.code} ${e.message}`,
        );
      page.dispose();
      said.push(found);
    }
    return said;
  }, MODEL);
  for (const [name, words] of Object.entries({
    transferred: /E_INPUT the canvas is gone/,
    posted: /E_INPUT the canvas has no pixels/,
    flat: /E_INPUT the canvas has no pixels/,
    bitmap: /E_INPUT the ImageBitmap has been closed/,
  })) {
    assert.match(alone[name], words);
    assert.equal(worker[name], alone[name]);
  }
  for (const { frame } of [alone, worker]) assert.match(frame, /^Vit158Error E_INPUT /);
});

test('errors say what is wrong', async () => {
  const errors = await inPage(
    async ({ model, foreign }) => {
      const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
      const page = await Page.load(model);
      const tries = {
        text: () => page.classify(new Blob(['hello'])),
        missing: () => page.classify('/no/such.jpg'),
        unloaded: () => page.classify(new Image()),
        empty: () => page.classify(Object.assign(document.createElement('canvas'), { width: 0 })),
        model: () => Page.load('/no/such.safetensors'),
        wasm: () => Page.load(model, { wasm: '/no/such.wasm' }),
        blocked: () => Page.load(foreign),
      };
      /** @type {Record<string, string>} */
      const found = {};
      for (const [name, work] of Object.entries(tries))
        found[name] = await work().then(
          () => 'no error',
          (/** @type {any} */ e) => `${e.name} ${e.code} ${e.message}`,
        );
      await page.classify(new ImageData(4, 4));
      return found;
    },
    { model: MODEL, foreign: other + MODEL },
    { errors: /404|Content Security Policy|violates/ },
  );
  assert.match(errors.text, /Vit158Error E_UNSUPPORTED .*cannot read/);
  assert.match(errors.missing, /Vit158Error E_NETWORK .*such\.jpg answered 404/);
  assert.match(errors.unloaded, /Vit158Error E_INPUT /);
  assert.match(errors.empty, /Vit158Error E_INPUT .*no pixels/);
  assert.match(errors.model, /Vit158Error E_NETWORK .*such\.safetensors answered 404/);
  assert.match(errors.wasm, /Vit158Error E_NETWORK .*such\.wasm answered 404/);
  assert.match(errors.blocked, /Vit158Error E_NETWORK fetching /);
});

test('without SIMD the scalar module runs, with the same logits', async () => {
  const [engine, hash] = await inPage(
    async ({ model, url }) => {
      const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
      const page = await Page.load(model);
      return [page.info().engine, (await page.classify(url)).logitsSha256];
    },
    { model: MODEL, url: PICTURES.jpeg },
    {
      prepare: () => {
        WebAssembly.validate = () => false;
      },
    },
  );
  assert.deepEqual([engine, hash], ['scalar', HASHES.jpeg]);
});

test('abort and progress while a model loads', async () => {
  const found = await inPage(async (model) => {
    const { Classifier: Page } = await import(/** @type {any} */ ('/web/lib/vit158.js'));
    const controller = new AbortController();
    /** @type {number[]} */
    const seen = [];
    const onProgress = (/** @type {{loaded: number, total: number}} */ { loaded, total }) => seen.push(loaded, total);
    const vitHere = await Page.load(model, { onProgress });
    vitHere.dispose();
    controller.abort();
    const code = await Page.load(model, { signal: controller.signal }).catch((/** @type {any} */ e) => e.code);
    return { code, first: seen.slice(0, 2), last: seen.slice(-2) };
  }, MODEL);
  const total = statSync(join(ROOT, MODEL)).size;
  assert.deepEqual(
    found,
    { code: 'E_ABORT', first: [0, 0], last: [total, total] },
    'what a server announces is no size yet',
  );
});
