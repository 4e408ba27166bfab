// SPDX-License-Identifier: MIT
// Classifier.load: models in pieces of any size, progress, abort, damaged files, and servers that
// answer with something else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Classifier } from '../../web/lib/vit158.js';
import { serve } from './server.mjs';
import { noisePicture, tinyPath } from './tiny.mjs';

const path = tinyPath('ternary-6');
const bytes = readFileSync(path);
const picture = noisePicture(25, 30);
const reference = await Classifier.load(path, { threads: 1 });
const { logitsSha256: EXPECTED } = await reference.classify(picture);
reference.dispose();

/** @param {string} code @param {RegExp} [message] */
const error =
  (code, message = /./) =>
  (/** @type {any} */ e) => {
    assert.equal(e.name, 'Vit158Error', e.stack);
    assert.equal(e.code, code, e.message);
    assert.match(e.message, message);
    return true;
  };

/** @param {any} source @param {import('../../web/lib/vit158.d.ts').LoadOptions} [options] */
async function check(source, options) {
  const vit = await Classifier.load(source, options);
  assert.equal((await vit.classify(picture)).logitsSha256, EXPECTED);
  const { name } = vit.info();
  vit.dispose();
  return name;
}

/** @param {number} size @param {Buffer} [data] */
function streamOf(size, data = bytes) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= data.length) return controller.close();
      controller.enqueue(new Uint8Array(data.subarray(at, at + size)));
      at += size;
    },
  });
}

/** A larger model: spaces after the header. @param {number} count */
function withSpaces(count) {
  const header = Number(bytes.readBigUInt64LE());
  const large = Buffer.concat([bytes.subarray(0, 8 + header), Buffer.alloc(count, ' '), bytes.subarray(8 + header)]);
  large.writeBigUInt64LE(BigInt(header + count));
  return large;
}

const origin = await serve((request, response) => {
  const url = request.url ?? '';
  if (url.startsWith('/gzip')) {
    const packed = gzipSync(bytes);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': String(packed.length) });
    response.end(packed);
  } else if (url.startsWith('/models/')) {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.end(bytes);
  } else if (url === '/half') {
    response.writeHead(200);
    response.end(bytes.subarray(0, bytes.length >> 1));
  } else if (url === '/stuck') {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, 5000));
  } else if (url === '/octet-page') {
    response.writeHead(200).end('<!doctype html><html>single page app</html>');
  } else response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>');
});

test('names come from paths, addresses and files', async () => {
  assert.equal(await check(path), 'ternary-6');
  assert.equal(await check(`${origin}/models/a.b.safetensors?v=1#x`), 'a.b');
  assert.equal(await check(new Blob([bytes])), '');
  assert.equal(await check(bytes), '');
  if (typeof File === 'function') assert.equal(await check(new File([bytes], 'my model.safetensors')), 'my model');
});

for (const size of [1, 7, 63, 4097, 65537]) {
  test(`a stream in pieces of ${size} bytes, of unknown length`, async () => {
    await check(new Response(streamOf(size)));
  });
}

test('a length is a hint: compressed bodies, Responses made anew, and headers that are wrong', async () => {
  await check(`${origin}/gzip`);
  for (const length of [1, 700, bytes.length - 1, bytes.length, bytes.length + 1, 2 ** 40]) {
    await check(new Response(streamOf(1000), { headers: { 'content-length': String(length) } }));
    await check(new Response(streamOf(1000), { headers: { 'content-length': String(length) } }), { worker: true });
  }
});

test("a header's claims take no memory where nobody else tells the length", async () => {
  const geometry = { patch_size: '16', image_size: '224', heads: '64', mean: '0.5,0.5,0.5', std: '0.5,0.5,0.5' };
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: geometry };
  let end = 0;
  const add = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => {
    const begin = end;
    end += 4 * shape.reduce((product, side) => product * side, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  };
  const [dim, mlp, depth] = [4096, 16384, 2];
  add('cls_token', 1, 1, dim);
  add('pos_embed', 1, 197, dim);
  add('patch_embed.proj.weight', dim, 3, 16, 16);
  add('patch_embed.proj.bias', dim);
  for (let i = 0; i < depth; i++) {
    for (const norm of ['norm1', 'norm2'])
      for (const part of ['weight', 'bias']) add(`blocks.${i}.${norm}.${part}`, dim);
    for (const [name, n_out, n_in] of /** @type {[string, number, number][]} */ ([
      ['attn.qkv', 3 * dim, dim],
      ['attn.proj', dim, dim],
      ['mlp.fc1', mlp, dim],
      ['mlp.fc2', dim, mlp],
    ])) {
      add(`blocks.${i}.${name}.weight`, n_out, n_in);
      add(`blocks.${i}.${name}.bias`, n_out);
    }
  }
  for (const part of ['weight', 'bias']) add(`norm.${part}`, dim);
  // Just below 2 GB, which the loader takes and no module has.
  const classes = Math.floor((2 ** 31 - 64_000 - end) / (4 * dim + 4));
  add('head.weight', classes, dim);
  add('head.bias', classes);
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.concat([Buffer.alloc(8), json, Buffer.alloc(1000)]);
  start.writeBigUInt64LE(BigInt(json.length));
  const load = Classifier.load(new Response(streamOf(1000, start)), { threads: 1 });
  await assert.rejects(load, error('E_TRUNCATED', /ends after/));
  const told = Classifier.load(new Blob([start, new Uint8Array(1000)]), { threads: 1 });
  await assert.rejects(told, error('E_TRUNCATED', /header describes/));
});

test('as many threads whichever way the model comes', async (t) => {
  const large = withSpaces(1 << 20);
  t.mock.method(os, 'availableParallelism', () => 2);
  syncBuiltinESMExports();
  t.after(() => (t.mock.restoreAll(), syncBuiltinESMExports()));
  const ways = {
    bytes: large,
    chunked: new Response(streamOf(100_000, large)),
    blob: new Blob([new Uint8Array(large)]),
    wrong: new Response(streamOf(100_000, large), { headers: { 'content-length': '5000' } }),
  };
  for (const [name, source] of Object.entries(ways)) {
    const vit = await Classifier.load(source);
    assert.equal(vit.info().threads, 2, name);
    vit.dispose();
  }
});

test('progress goes from 0 to the whole length', async () => {
  for (const [name, source] of Object.entries({
    path,
    chunked: new Response(streamOf(1000)),
    tiny: new Response(streamOf(3)),
    plain: `${origin}/models/m`,
    gzip: `${origin}/gzip`,
    fetched: fetch(`${origin}/gzip`),
    anew: fetch(`${origin}/gzip`).then(({ body }) => new Response(body, { headers: { 'content-length': '700' } })),
  })) {
    /** @type {{loaded: number, total: number}[]} */
    const seen = [];
    await check(source, { onProgress: (progress) => seen.push({ ...progress }) });
    assert.equal(seen[0].loaded, 0);
    assert.ok(
      seen.every((progress) => [0, bytes.length].includes(progress.total)),
      `${name}: the size or nothing`,
    );
    assert.deepEqual(seen.at(-1), { loaded: bytes.length, total: bytes.length }, name);
    assert.ok(seen.every(({ loaded }, i) => i === 0 || loaded > seen[i - 1].loaded));
  }
});

test('an error thrown by onProgress ends the load, and is its cause', async () => {
  const mine = new Error('mine');
  for (const worker of [false, true])
    await assert.rejects(
      check(path, {
        worker,
        onProgress() {
          throw mine;
        },
      }),
      (e) => error('E_ARGUMENT', /^onProgress has thrown: mine$/)(e) && /** @type {any} */ (e).cause === mine,
    );
});

test('abort before, between pieces, and while the server is silent', async () => {
  const aborted = error('E_ABORT');
  await assert.rejects(check(path, { signal: AbortSignal.abort() }), aborted);
  await assert.rejects(check(`${origin}/models/m`, { signal: AbortSignal.abort() }), aborted);
  for (const [source, wait] of /** @type {[any, number][]} */ ([
    [new Response(streamOf(500)), 0],
    [`${origin}/stuck`, 5],
  ])) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    await assert.rejects(
      check(source, {
        signal: controller.signal,
        onProgress: ({ loaded }) => void (loaded > 0 && (wait > 0 ? setTimeout(abort, wait) : abort())),
      }),
      aborted,
    );
  }
  await check(path, { signal: new AbortController().signal });
});

test('damaged files are refused, each with its code', async () => {
  const header = Number(bytes.readBigUInt64LE());
  const changed = (/** @type {(copy: Buffer) => void} */ change) => {
    const copy = Buffer.from(bytes);
    change(copy);
    return copy;
  };
  const cases = /** @type {[string, Buffer, RegExp?][]} */ ([
    ['E_TRUNCATED', Buffer.alloc(0)],
    ['E_TRUNCATED', bytes.subarray(0, 5)],
    ['E_TRUNCATED', bytes.subarray(0, header)],
    ['E_TRUNCATED', bytes.subarray(0, bytes.length - 1)],
    ['E_FORMAT', Buffer.from('<!doctype html><html><body>not found</body></html>')],
    ['E_JSON', changed((copy) => copy.write('{"a" "b"', 8))],
    ['E_VALUE', changed((copy) => copy.fill(0xff, copy.length - 8))],
  ]);
  for (const [code, data] of cases) await assert.rejects(check(data), error(code), code);
  await assert.rejects(check(tinyPath('latent-6')), error('E_METADATA', /run `vit158 pack` on it first$/));
});

test('truncation anywhere and in any piece size is an error, never a crash', async () => {
  for (let n = 0; n < bytes.length; n += 997)
    await assert.rejects(check(new Response(streamOf(1 + (n % 3001), bytes.subarray(0, n)))), (e) => {
      assert.ok(['E_TRUNCATED', 'E_FORMAT'].includes(/** @type {any} */ (e).code), String(e));
      return true;
    });
});

test('servers that answer with something else', async () => {
  await assert.rejects(check(`${origin}/none.safetensors`), error('E_NETWORK', /none\.safetensors answered 404/));
  for (const worker of [false, true])
    await assert.rejects(
      check(`${origin}/octet-page`, { worker }),
      error('E_FORMAT', new RegExp(`^${origin}/octet-page is an HTML page, not a model`)),
    );
  await assert.rejects(check(`${origin}/half`), error('E_TRUNCATED'));
  await assert.rejects(check('/no/such/model.safetensors'), error('E_IO', /model\.safetensors/));
  await assert.rejects(check(undefined), error('E_INPUT'));
});

test('the modules may come from the caller', async () => {
  const dist = (/** @type {string} */ name) => new URL(`../../wasm_build/dist/${name}`, import.meta.url);
  for (const worker of [false, 2]) {
    await check(path, { worker, wasm: dist('vit158.wasm') });
    await check(path, { worker, wasm: readFileSync(dist('vit158.wasm')) });
    await check(path, {
      worker,
      engine: 'scalar',
      wasm: {
        engine: dist('vit158-scalar.wasm'),
        decoder: WebAssembly.compile(readFileSync(dist('vit158-decode.wasm'))),
      },
    });
    await assert.rejects(
      check(path, { worker, wasm: `${origin}/none.wasm` }),
      error('E_NETWORK', /none\.wasm answered 404/),
    );
    await assert.rejects(
      check(path, { worker, wasm: `${origin}/octet-page` }),
      error('E_WASM', new RegExp(`^${origin}/octet-page .*is not WebAssembly.*a web page came`)),
    );
    await assert.rejects(check(path, { worker, wasm: Buffer.from('nonsense') }), error('E_WASM'));
    await assert.rejects(check(path, { worker, wasm: dist('vit158-decode.wasm') }), error('E_WASM', /./));
  }
});

test('without the threads module "auto" is one thread, a number of threads is an error', async (t) => {
  const large = withSpaces(1 << 20);
  t.mock.method(os, 'availableParallelism', () => 2);
  syncBuiltinESMExports();
  t.after(() => (t.mock.restoreAll(), syncBuiltinESMExports()));
  const whole = await Classifier.load(large);
  assert.equal(whole.info().threads, 2, 'with the module');
  whole.dispose();
  for (const threads of [`${origin}/none.wasm`, '/no/such/file.wasm', Buffer.from('no module')]) {
    const vit = await Classifier.load(large, { wasm: { threads } });
    assert.equal(vit.info().threads, 1);
    assert.equal((await vit.classify(picture)).logitsSha256, EXPECTED);
    vit.dispose();
    await assert.rejects(Classifier.load(large, { threads: 2, wasm: { threads } }), {
      name: 'Vit158Error',
      code: /^E_(NETWORK|IO|WASM)$/,
    });
  }
});
