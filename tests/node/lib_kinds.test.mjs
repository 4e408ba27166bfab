// SPDX-License-Identifier: MIT
// What callers hand over in other ways than the documents show: objects of other realms, buffers that
// are gone, options that are null, misspelt or of the wrong type. With and without workers the same;
// whatever is thrown is a Vit158Error with a true sentence.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import vm from 'node:vm';
import { isA, tagOf } from '../../web/lib/kinds.js';
import { nearest } from '../../web/lib/options.js';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { verify } from '../../web/lib/golden.js';
import { ROOT } from './shared.mjs';
import { noisePicture, tinyPath } from './tiny.mjs';

const MODEL = tinyPath('ternary-6');
const PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');
const both = [await Classifier.load(MODEL), await Classifier.load(MODEL, { worker: true })];
after(() => both.forEach((vit) => vit.dispose()));
const { logitsSha256: EXPECTED } = await both[0].classify(PICTURE);

/** @param {string} code @param {RegExp} [message] */
const refusal =
  (code, message = /./) =>
  (/** @type {any} */ error) => {
    assert.equal(error.name, 'Vit158Error', error.stack);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

/** Another realm, whose classes are none of ours. */
const realm = vm.createContext({ Blob: undefined });
/** @param {string} code */
const elsewhere = (code, values = {}) => {
  Object.assign(realm, values);
  return vm.runInContext(code, realm);
};

test('buffers, views and promises of another realm', async () => {
  const file = readFileSync(PICTURE);
  const make = 'const u = new Uint8Array(bytes.length); u.set(bytes);';
  for (const [name, value] of Object.entries({
    ArrayBuffer: elsewhere(`(() => { ${make} return u.buffer; })()`, { bytes: file }),
    Uint8Array: elsewhere(`(() => { ${make} return u; })()`),
    DataView: elsewhere(`(() => { ${make} return new DataView(u.buffer); })()`),
    SharedArrayBuffer: elsewhere(
      '(() => { const s = new SharedArrayBuffer(bytes.length); new Uint8Array(s).set(bytes); return s; })()',
    ),
    Promise: elsewhere(`(() => { ${make} return Promise.resolve(u); })()`),
  })) {
    assert.ok(!(value instanceof Uint8Array) && !(value instanceof ArrayBuffer) && !(value instanceof Promise), name);
    for (const vit of both) assert.equal((await vit.classify(value)).logitsSha256, EXPECTED, name);
    assert.ok((await decodeImage(value)).width > 0);
  }
  const { data, width, height } = noisePicture(30, 20);
  for (const type of ['Uint8Array', 'Uint8ClampedArray']) {
    const pixels = elsewhere(`${type}.from(data)`, { data });
    const [a, b, c] = await Promise.all([
      both[0].classify({ data, width, height }),
      both[0].classify({ data: pixels, width, height }),
      both[1].classify({ data: pixels, width, height }),
    ]);
    assert.deepEqual([b.logitsSha256, c.logitsSha256], [a.logitsSha256, a.logitsSha256]);
  }
});

test('models, modules, options and signals of another realm', async () => {
  const model = elsewhere('(() => { const u = new Uint8Array(model.length); u.set(model); return u.buffer; })()', {
    model: readFileSync(MODEL),
  });
  const engine = readFileSync(join(ROOT, 'wasm_build/dist/vit158.wasm'));
  const compiled = elsewhere('new WebAssembly.Module(new Uint8Array(engine))', { engine });
  const options = elsewhere('({ threads: 1, gemm: "dot" })');
  for (const given of [options, { wasm: compiled }, { wasm: elsewhere('({ engine: compiled })', { compiled }) }]) {
    const vit = await Classifier.load(model, given);
    assert.equal((await vit.classify(PICTURE)).logitsSha256, EXPECTED);
    vit.dispose();
  }
});

test('classes are told by what they are, not by a name of their own', () => {
  assert.ok(isA('Blob', new Blob([])) && isA('Blob', new File([], 'a')) && isA('URL', new URL('a:b')));
  class Mine extends Blob {}
  assert.ok(isA('Blob', new Mine([])));
  for (const value of [null, undefined, 5, 'Blob', {}, [], class Blob {}, { constructor: Blob }])
    assert.equal(isA('Blob', value), false);
  assert.equal(tagOf(new Uint8ClampedArray()), 'Uint8ClampedArray');
});

/** @param {string | Uint8Array} from */
function gone(from) {
  const bytes = Uint8Array.from(typeof from === 'string' ? readFileSync(from) : from);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

test('buffers that were transferred', async () => {
  const refused = refusal('E_INPUT', /are gone: their buffer was transferred/);
  for (const bytes of [gone(MODEL), gone(MODEL).buffer])
    for (const worker of [false, true]) await assert.rejects(Classifier.load(bytes, { worker }), refused);
  for (const vit of both) {
    for (const bytes of [
      gone(PICTURE),
      gone(PICTURE).buffer,
      { data: gone(Uint8Array.of(1, 2, 3, 4)), width: 1, height: 1 },
      new DataView(new ArrayBuffer(8)),
    ].slice(0, 3)) {
      await assert.rejects(vit.classify(bytes), refused);
      await assert.rejects(vit.embed(bytes), refused);
      await assert.rejects(vit.preprocess(bytes), refused);
    }
    const tensor = new Float32Array(3 * 20 * 20);
    structuredClone(tensor.buffer, { transfer: [tensor.buffer] });
    await assert.rejects(vit.forward(tensor), refused);
    assert.equal((await vit.classify(PICTURE)).logitsSha256, EXPECTED, 'it works on');
  }
  await assert.rejects(decodeImage(gone(PICTURE)), refused);
  await assert.rejects(Classifier.load(MODEL, { wasm: gone(join(ROOT, 'wasm_build/dist/vit158.wasm')) }), refused);
});

test('an option that is null or undefined is not given', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const none = {
    signal: null,
    onProgress: null,
    sha256: null,
    threads: undefined,
    worker: null,
    newWorker: null,
    wasm: null,
  };
  for (const options of [null, undefined, none, { ...none, worker: true }]) {
    const vit = await Classifier.load(MODEL, /** @type {any} */ (options));
    for (const run of [null, undefined, { signal: null, deadlineMs: null, topK: null, threshold: null, explain: null }])
      assert.equal((await vit.classify(PICTURE, /** @type {any} */ (run))).logitsSha256, EXPECTED);
    vit.dispose();
  }
  await decodeImage(PICTURE, /** @type {any} */ ({ signal: null, wasm: null }));
  const parts = /** @type {any} */ ({ engine: null, threads: null, decoder: null, webp: null });
  for (const worker of [false, true]) {
    const vit = await Classifier.load(MODEL, { worker, wasm: parts });
    assert.equal((await vit.classify(PICTURE)).logitsSha256, EXPECTED);
    vit.dispose();
  }
  await decodeImage(PICTURE, { wasm: parts });
  assert.ok(open() <= before + 4, `open files: ${before}, then ${open()}`);
});

/** Whether a descriptor of this process is of that file. @param {string} fd @param {string} file */
function isOpen(fd, file) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === file;
  } catch {
    return false; // it was the folder's own, and is closed
  }
}

test('unknown options are refused by name, wrong values with what is wanted', async () => {
  const load = (/** @type {any} */ options) => Classifier.load(MODEL, options);
  const before = readdirSync('/proc/self/fd').length;
  await assert.rejects(
    load({ thread: 2 }),
    refusal('E_ARGUMENT', /^load has no option "thread": did you mean threads\?$/),
  );
  await assert.rejects(
    load({ zzzzzz: 2 }),
    refusal('E_ARGUMENT', /^load has no option "zzzzzz"; it has signal, onProgress/),
  );
  await assert.rejects(load('fast'), refusal('E_ARGUMENT', /options must be an object, not "fast"/));
  const { signal } = new AbortController();
  for (const odd of [signal, [], new Map([['topK', 1]]), new Date(), () => {}]) {
    const isNone = refusal('E_ARGUMENT', /: options must be an object, not /);
    await assert.rejects(load(odd), isNone);
    for (const vit of both) await assert.rejects(vit.classify(PICTURE, /** @type {any} */ (odd)), isNone);
    await assert.rejects(decodeImage(PICTURE, /** @type {any} */ (odd)), isNone);
  }
  for (const worker of [false, true])
    await assert.rejects(
      load({ worker, wasm: { engin: 'vit158.wasm' } }),
      refusal('E_ARGUMENT', /^wasm has no option "engin": did you mean engine\?$/),
    );
  await assert.rejects(
    decodeImage(PICTURE, /** @type {any} */ ({ wasm: { decode: 1 } })),
    refusal('E_ARGUMENT', /did you mean decoder/),
  );
  for (const [option, value, wanted] of /** @type {[string, any, RegExp][]} */ ([
    ['signal', {}, /signal must be an AbortSignal, not an object of type Object/],
    ['signal', 5, /not 5/],
    ['onProgress', 'x', /onProgress must be a function/],
    ['sha256', 'abc', /64 hexadecimal digits, not "abc"/],
    ['threads', 0, /1 to 64, not 0/],
    ['threads', '2', /not "2"/],
    ['worker', 1.5, /0 to 64, not 1.5/],
    ['engine', 'mmx', /engine must be auto, scalar, simd128, not "mmx"/],
    ['gemm', 1, /gemm must be/],
  ]))
    for (const worker of option === 'worker' ? [value] : [false, true])
      await assert.rejects(load({ worker, [option]: value }), refusal('E_ARGUMENT', wanted));
  assert.ok(readdirSync('/proc/self/fd').length <= before, 'no file was opened');
  assert.ok(!readdirSync('/proc/self/fd').some((fd) => isOpen(fd, MODEL)), 'the model was not opened');
  for (const vit of both) {
    const run = (/** @type {any} */ options) => vit.classify(PICTURE, options);
    await assert.rejects(run({ topk: 2 }), refusal('E_ARGUMENT', /did you mean topK/));
    await assert.rejects(run({ top_k: 2 }), refusal('E_ARGUMENT', /did you mean topK/));
    await assert.rejects(
      run({ timeout: 2 }),
      refusal('E_ARGUMENT', /^classify has no option "timeout"; it has signal, deadlineMs/),
    );
    await assert.rejects(run({ threshold: 2 }), refusal('E_ARGUMENT', /threshold must be from 0 to 1, not 2/));
    await assert.rejects(run({ threshold: '0.5' }), refusal('E_ARGUMENT'));
    await assert.rejects(run({ topK: -1 }), refusal('E_ARGUMENT', /topK must be a whole number, not -1/));
    await assert.rejects(run({ deadlineMs: -1 }), refusal('E_ARGUMENT', /deadlineMs/));
    await assert.rejects(run({ deadlineMs: NaN }), refusal('E_ARGUMENT', /deadlineMs/));
    await assert.rejects(run({ explain: 'yes' }), refusal('E_ARGUMENT', /explain must be true or false/));
    await assert.rejects(
      vit.embed(PICTURE, /** @type {any} */ ({ topK: 2 })),
      refusal('E_ARGUMENT', /embed has no option "topK"/),
    );
    for (const tensor of [null, undefined, 5, {}, 'abc', new BigInt64Array(1200), { length: 2 ** 53 - 1 }])
      await assert.rejects(
        vit.forward(/** @type {any} */ (tensor)),
        refusal('E_ARGUMENT', /forward takes an array of numbers/),
      );
  }
  await assert.rejects(
    decodeImage(PICTURE, /** @type {any} */ ({ topK: 1 })),
    refusal('E_ARGUMENT', /decodeImage has no option/),
  );
  await assert.rejects(
    verify(join(ROOT, 'models/samples/golden.json'), /** @type {any} */ ({ tolerence: 1 })),
    refusal('E_ARGUMENT', /did you mean tolerance/),
  );
});

test('misspelt words find the one meant', () => {
  const known = ['classify', 'eval', 'info', 'inspect', 'record', 'verify'];
  for (const [word, meant] of [
    ['clasify', 'classify'],
    ['clsasify', 'classify'],
    ['Verify', 'verify'],
    ['inof', 'info'],
    ['inspct', 'inspect'],
    ['x', undefined],
    ['train', undefined],
    ['', undefined],
  ])
    assert.equal(nearest(/** @type {string} */ (word), known), meant, word);
});

test('promises that fail, and what is no source or picture', async () => {
  const failed = () => Promise.reject(new TypeError('Failed to fetch'));
  const isFailed = refusal('E_INPUT', /given could not be had: Failed to fetch/);
  for (const worker of [false, true]) await assert.rejects(Classifier.load(failed(), { worker }), isFailed);
  await assert.rejects(Classifier.load(MODEL, { wasm: failed() }), isFailed);
  await assert.rejects(decodeImage(failed()), isFailed);
  const things = [
    null,
    undefined,
    5,
    true,
    Symbol('s'),
    10n,
    {},
    [],
    () => {},
    new Map(),
    new Date(),
    new (class Own {})(),
    { data: null },
    { data: [1, 2, 3], width: 1, height: 1 },
    { data: new Float32Array(3), width: 1, height: 1 },
    { data: new Uint8Array(3) },
    { data: new Uint8Array(3), width: -1, height: -1 },
    new Proxy({}, {}),
    Object.create(null),
  ];
  for (const thing of /** @type {any[]} */ (things)) {
    for (const worker of [false, true]) await assert.rejects(Classifier.load(thing, { worker }), refusal('E_INPUT'));
    for (const vit of both) {
      await assert.rejects(vit.classify(failed()), isFailed);
      await assert.rejects(vit.classify(thing), refusal('E_INPUT'));
    }
    await assert.rejects(decodeImage(thing), refusal('E_INPUT'));
  }
});

test('after dispose() everything is refused, with and without workers', async () => {
  for (const worker of [false, true]) {
    const vit = await Classifier.load(MODEL, { worker });
    vit.dispose();
    vit.dispose();
    assert.throws(() => vit.info(), refusal('E_STATE', /^the classifier has been disposed of$/));
    assert.throws(() => vit.labels(), refusal('E_STATE', /^the classifier has been disposed of$/));
    for (const call of [
      () => vit.classify(PICTURE),
      () => vit.embed(PICTURE),
      () => vit.preprocess(PICTURE),
      () => vit.forward(new Float32Array(1200)),
    ])
      await assert.rejects(call(), refusal('E_STATE', /disposed of/));
  }
});

test('a Response without a web stream, as node-fetch makes them', async () => {
  const bytes = readFileSync(MODEL);
  const response = {
    [Symbol.toStringTag]: 'Response',
    ok: true,
    status: 200,
    statusText: 'OK',
    url: '',
    bodyUsed: false,
    headers: new Headers(),
    body: { pipe() {} },
    arrayBuffer: async () => new Uint8Array(bytes).buffer,
  };
  const vit = await Classifier.load(/** @type {any} */ (response));
  assert.equal((await vit.classify(PICTURE)).logitsSha256, EXPECTED);
  vit.dispose();
});

test('a Response that something else reads is refused, and load() needs no object before it', async () => {
  const response = () => new Response(readFileSync(PICTURE));
  for (const vit of both) {
    const read = response();
    read.body?.getReader();
    await assert.rejects(vit.classify(read), refusal('E_NETWORK', /it is being read already$/));
  }
  const { load } = Classifier;
  const vit = await load(MODEL);
  assert.equal((await vit.classify(response())).logitsSha256, EXPECTED);
  vit.dispose();
});

test('an opaque Response says what it is', async () => {
  const opaque = {
    [Symbol.toStringTag]: 'Response',
    type: 'opaque',
    ok: false,
    status: 0,
    url: '',
    bodyUsed: false,
    headers: new Headers(),
    body: null,
  };
  await assert.rejects(
    Classifier.load(/** @type {any} */ (opaque)),
    refusal('E_NETWORK', /is opaque, fetched with mode "no-cors"/),
  );
});

test('a Classifier is made by load, which says so', () => {
  const Constructor = /** @type {new () => Classifier} */ (/** @type {unknown} */ (Classifier));
  assert.throws(() => new Constructor(), { name: 'Vit158Error', code: 'E_ARGUMENT', message: /Classifier\.load/ });
});
