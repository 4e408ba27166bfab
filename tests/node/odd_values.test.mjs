// SPDX-License-Identifier: MIT
// Whatever is handed to the library, as an image, a model or an option, in this thread or to workers:
// nothing but a Vit158Error comes back, no call hangs, and no file stays open.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { OwnClasses, classesText } from '../../web/lib/classes.js';
import { goldenText, record, recordPicture, verify } from '../../web/lib/golden.js';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const TINY_MODEL = tinyPath('ternary-6');
const TINY_PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');
const bytes = readFileSync(TINY_MODEL);
const detached = new Uint8Array(8);
structuredClone(detached, { transfer: [detached.buffer] });
const refused = Promise.reject(new Error('refused'));
refused.catch(() => {});
/** @type {any} */
const circular = {};
circular.self = circular;
/** @param {string} tag */
const claims = (tag) => ({ [Symbol.toStringTag]: tag });

/** @type {any[]} */
const ODD = [
  ...[undefined, null, 0, -1, NaN, Infinity, 1n, '', 'x', '\0', Symbol('s'), true, false],
  ...[[], {}, [1, 2], [undefined], () => {}, class {}, new Map(), new Date(), /x/, new Error('x'), Object.create(null)],
  ...[refused, Promise.resolve(5), { then: 5 }, circular, new Headers(), new AbortController().signal],
  ...[detached, new Uint8Array(0), new Float32Array(4), new ArrayBuffer(3), new SharedArrayBuffer(4)],
  ...['http://[', 'file:///%00', 'file://host/x', 'data:,', 'blob:none', new URL('data:,x'), 'https://'],
  ...[new Blob([]), new Blob(['x']), new Response('x'), new Response(null), Response.error()],
  ...[
    { data: new Uint8Array(4), width: 1, height: 1 },
    { data: new Uint8Array(4), width: 'a', height: {} },
  ],
  ...['Blob', 'URL', 'ArrayBuffer', 'AbortSignal', 'ImageBitmap', 'WebAssembly.Module'].map(claims),
  ...['HTMLImageElement', 'HTMLCanvasElement', 'HTMLVideoElement', 'VideoFrame', 'SharedArrayBuffer'].map(claims),
  ...[
    { toString: () => assert.fail('asked') },
    {
      get data() {
        throw new Error('data');
      },
    },
  ],
];

const openFiles = () => readdirSync('/proc/self/fd').length;

/**
 * @param {string} what
 * @param {(value: any) => unknown} call
 */
async function takesAll(what, call) {
  for (const [i, value] of ODD.entries()) {
    const where = `${what}, value ${i}`;
    const late = new Promise((_, reject) => setTimeout(reject, 20_000, new Error(`${where}: no end`)).unref());
    try {
      await Promise.race([(async () => call(value))(), late]);
    } catch (/** @type {any} */ error) {
      assert.equal(error?.name, 'Vit158Error', `${where}: ${error?.stack ?? error}`);
      assert.ok(typeof error.code === 'string' && error.message !== '', where);
    }
  }
}

const filesBefore = existsSync('/proc/self/fd') ? openFiles() : 0;
after(() => {
  if (filesBefore > 0) assert.ok(openFiles() <= filesBefore + 2, `${openFiles()} files are open, ${filesBefore} were`);
});

const LOAD = ['signal', 'onProgress', 'sha256', 'metadata', 'engine', 'gemm', 'merge', 'threads', 'worker', 'wasm'];
const CLASSIFY = ['signal', 'deadlineMs', 'topK', 'threshold', 'merge', 'explain', 'stepHashes', 'embedding', 'input'];

for (const workers of [0, 1]) {
  const place = workers > 0 ? 'a worker' : 'this thread';
  const base = { worker: workers };

  test(`load, in ${place}`, async () => {
    const close = async (/** @type {Promise<Classifier>} */ loading) => (await loading).dispose();
    await takesAll('the source', (value) => close(Classifier.load(value, base)));
    await takesAll('the options', (value) => close(Classifier.load(bytes.slice(), value)));
    for (const name of [...LOAD, 'newWorker'])
      await takesAll(name, (value) => close(Classifier.load(bytes.slice(), { ...base, [name]: value })));
  });

  test(`classify and the others, in ${place}`, async () => {
    const vit = await Classifier.load(TINY_MODEL, base);
    for (const name of /** @type {const} */ (['classify', 'embed', 'preprocess', 'forward'])) {
      await takesAll(name, (value) => /** @type {any} */ (vit)[name](value));
      await takesAll(`options of ${name}`, (value) => /** @type {any} */ (vit)[name](TINY_PICTURE, value));
    }
    for (const name of CLASSIFY) await takesAll(name, (value) => vit.classify(TINY_PICTURE, { [name]: value }));
    vit.dispose();
  });

  test(`methods without their object, in ${place}`, async () => {
    const vit = await Classifier.load(TINY_MODEL, base);
    for (const name of /** @type {const} */ (['classify', 'forward', 'embed', 'preprocess', 'inspect'])) {
      const { [name]: method } = vit;
      const wanted = { name: 'Vit158Error', code: 'E_ARGUMENT', message: new RegExp(`write vit\\.${name}\\(\\)`) };
      for (const self of [undefined, {}, new Proxy(vit, {}), Object.create(vit)]) {
        const promise = /** @type {any} */ (method).call(self, TINY_PICTURE);
        await assert.rejects(promise, wanted); // never thrown at once
      }
    }
    for (const name of /** @type {const} */ (['info', 'labels', 'dispose'])) {
      const wanted = { name: 'Vit158Error', code: 'E_ARGUMENT', message: new RegExp(`write vit\\.${name}\\(\\)`) };
      for (const self of [undefined, {}, new Proxy(vit, {})])
        assert.throws(() => /** @type {any} */ (vit[name]).call(self), wanted);
    }
    const { load } = Classifier; // needs no object
    (await load(TINY_MODEL, base)).dispose();
    vit.dispose();
    vit.dispose();
  });
}

test('decodeImage', async () => {
  await takesAll('the image', (value) => decodeImage(value));
  await takesAll('the options', (value) => decodeImage(TINY_PICTURE, value));
  for (const name of /** @type {const} */ (['signal', 'wasm']))
    await takesAll(name, (value) => decodeImage(TINY_PICTURE, { [name]: value }));
});

test('classes of one’s own', async () => {
  /** @type {any} */
  const file = {
    model: { name: 'tiny', sha256: '0'.repeat(64) },
    dim: 2,
    method: 'centroid',
    classes: [{ name: 'a', vectors: [new Float32Array([1, 2])] }],
  };
  const own = new OwnClasses(file);
  const vit = await Classifier.load(TINY_MODEL);
  await takesAll('the file', (value) => new OwnClasses(value));
  await takesAll('the file’s text', (value) => classesText(value));
  for (const name of Object.keys(file)) {
    await takesAll(name, (value) => new OwnClasses({ ...file, [name]: value }));
    await takesAll(`${name} of the text`, (value) => classesText({ ...file, [name]: value }));
  }
  await takesAll('a class', (value) => new OwnClasses({ ...file, classes: [value] }));
  await takesAll('its vectors', (value) => new OwnClasses({ ...file, classes: [{ name: 'a', vectors: value }] }));
  await takesAll('a vector', (value) => new OwnClasses({ ...file, classes: [{ name: 'a', vectors: [value] }] }));
  await takesAll('load', (value) => OwnClasses.load(value));
  await takesAll('options of load', (value) => OwnClasses.load(TINY_PICTURE, value));
  await takesAll('match', (value) => own.match(value));
  await takesAll('options of match', (value) => own.match([1, 2], value));
  await takesAll('the classifier', (value) => own.classify(value, TINY_PICTURE));
  await takesAll('the image', (value) => own.classify(vit, value));
  const wanted = { name: 'Vit158Error', message: /write own\./ };
  const { match, labels, classify } = own;
  assert.throws(() => match([1, 2]), wanted);
  assert.throws(() => labels(), wanted);
  await assert.rejects(classify(vit, TINY_PICTURE), wanted);
  vit.dispose();
});

test('golden files', async () => {
  const vit = await Classifier.load(TINY_MODEL);
  const model = { file: 'tiny', sha256: '' };
  const golden = await record(vit, model, [{ file: 'a', source: TINY_PICTURE }]);
  await takesAll('verify', (value) => verify(value));
  await takesAll('options of verify', (value) => verify(/** @type {any} */ (golden), value));
  for (const name of ['tolerance', 'classifier', 'model', 'modelSha256', 'read', 'load', 'signal', 'onProgress'])
    await takesAll(name, (value) => verify(/** @type {any} */ (golden), { classifier: vit, [name]: value }));
  await takesAll('the classifier', (value) => recordPicture(value, 'a', TINY_PICTURE));
  await takesAll('the image', (value) => recordPicture(vit, 'a', value));
  await takesAll('the signal', (value) => recordPicture(vit, 'a', TINY_PICTURE, value));
  await takesAll('images', (value) => record(vit, model, value));
  await takesAll('an image', (value) => record(vit, model, [value]));
  await takesAll('record', (value) => record(value, model, []));
  await takesAll('goldenText', (value) => goldenText(value));
  vit.dispose();
});
