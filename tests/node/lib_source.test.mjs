// SPDX-License-Identifier: MIT
// web/lib/source.js: every kind of source, lengths, abort, and errors that say what was wrong.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sizedModel } from '../../web/lib/model_stream.js';
import { isByteSource, openSource, readWhole } from '../../web/lib/source.js';
import { serve } from './server.mjs';
import { ROOT, temporaryFolder } from './shared.mjs';

const BYTES = Uint8Array.from({ length: 3_000_017 }, (_, i) => (i * 7919) >> 5);
const folder = temporaryFolder();
const path = join(folder, 'a file.bin');
writeFileSync(path, BYTES);

const origin = await serve((request, response) => {
  const reply = (/** @type {number} */ status, /** @type {Record<string, string>} */ headers, body = '') => {
    response.writeHead(status, headers);
    response.end(body);
  };
  if (request.url === '/file.bin') {
    response.writeHead(200, { 'content-length': String(BYTES.length) });
    response.end(BYTES);
  } else if (request.url === '/chunked.bin') {
    response.writeHead(200);
    response.end(BYTES);
  } else if (request.url === '/page') reply(200, { 'content-type': 'text/html; charset=utf-8' }, '<!doctype html>');
  else if (request.url === '/cut') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('only this');
    setTimeout(() => response.destroy(), 20);
  } else if (request.url === '/slow') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('x');
  } else reply(404, { 'content-type': 'text/html' }, '<h1>missing</h1>');
});

/** @param {string} code @param {RegExp} message */
const error = (code, message) => (/** @type {any} */ e) => {
  assert.equal(e.name, 'Vit158Error');
  assert.equal(e.code, code, e.message);
  assert.match(e.message, message);
  return true;
};

/** @type {[string, () => any, number][]} name, source, expected length (0 = unknown: a server's word is none) */
const SOURCES = [
  ['path', () => path, BYTES.length],
  ['file: URL', () => pathToFileURL(path), BYTES.length],
  ['file: URL as text', () => pathToFileURL(path).href, BYTES.length],
  ['http URL', () => `${origin}/file.bin`, 0],
  ['http URL object', () => new URL(`${origin}/file.bin`), 0],
  ['http without a length', () => `${origin}/chunked.bin`, 0],
  ['Response', () => fetch(`${origin}/file.bin`), 0],
  ['Response of a stream', () => new Response(new Blob([BYTES]).stream()), 0],
  ['Blob', () => new Blob([BYTES.subarray(0, 9), BYTES.subarray(9)]), BYTES.length],
  ['Uint8Array', () => BYTES, BYTES.length],
  ['part of a buffer', () => new Uint8Array(Uint8Array.of(1, ...BYTES.subarray(0, 50)).buffer, 1), 50],
  ['ArrayBuffer', () => BYTES.slice().buffer, BYTES.length],
  ['Buffer', () => Buffer.from(BYTES), BYTES.length],
  ['DataView', () => new DataView(BYTES.slice().buffer), BYTES.length],
  ['a promise of any', async () => BYTES, BYTES.length],
  ['nothing at all', () => new Uint8Array(0), 0],
];

for (const [name, source, length] of SOURCES) {
  test(`${name} gives its bytes`, async () => {
    const expected = name === 'nothing at all' ? new Uint8Array(0) : BYTES.subarray(0, length || undefined);
    const stream = await openSource(source());
    assert.equal(stream.length, length);
    const chunks = [];
    for (let chunk = await stream.pull(); chunk; chunk = await stream.pull()) chunks.push(chunk.slice());
    await stream.close();
    assert.ok(Buffer.concat(chunks).equals(expected));
    const { bytes } = await readWhole(source());
    assert.ok(Buffer.from(bytes).equals(expected));
  });
}

test('data: URLs work', async () => {
  const { bytes } = await readWhole('data:application/octet-stream;base64,AAEC');
  assert.deepEqual([...bytes], [0, 1, 2]);
});

test('what is no source is refused by name', async () => {
  await assert.rejects(openSource(/** @type {any} */ (42)), error('E_INPUT', /got 42/));
  await assert.rejects(openSource(/** @type {any} */ (null)), error('E_INPUT', /got null/));
  await assert.rejects(openSource(/** @type {any} */ ({})), error('E_INPUT', /type Object/));
  await assert.rejects(openSource(''), error('E_INPUT', /empty/));
  for (const value of [null, undefined, 5, {}, []]) assert.equal(isByteSource(value), false);
});

test('files that cannot be read', async () => {
  const missing = join(folder, 'missing');
  await assert.rejects(openSource(missing), error('E_IO', /missing.*no such file/));
  await assert.rejects(openSource(folder), error('E_IO', /folder/));
});

test('an address that answers with an error or a page', async () => {
  await assert.rejects(openSource(`${origin}/none`), error('E_NETWORK', /\/none answered 404/));
  await assert.rejects(openSource(`${origin}/page`), error('E_NETWORK', /\/page is a web page \(text\/html/));
  await assert.rejects(openSource('http://127.0.0.1:1/x'), error('E_NETWORK', /fetching http:\/\/127.0.0.1:1\/x/));
});

test('a connection that breaks', async () => {
  await assert.rejects(readWhole(`${origin}/cut`), error('E_NETWORK', /reading .*\/cut after 9 bytes/));
});

test('a stream of other things than bytes, and a network error', async () => {
  const strings = new ReadableStream({
    start(controller) {
      controller.enqueue('text');
      controller.close();
    },
  });
  await assert.rejects(readWhole(new Response(strings)), error('E_NETWORK', /the stream gives "text", not bytes$/));
  await assert.rejects(readWhole(Response.error()), error('E_NETWORK', /is a network error$/));
});

test('a Response that was read before', async () => {
  const response = new Response('x');
  await response.text();
  await assert.rejects(openSource(response), error('E_NETWORK', /no body/));
});

test('abort before, while waiting for bytes, and of a Response that has no signal', async () => {
  const reason = new Error('changed my mind');
  const aborted = error('E_ABORT', /abort/);
  await assert.rejects(openSource(`${origin}/file.bin`, AbortSignal.abort(reason)), aborted);
  for (const open of [() => `${origin}/slow`, () => fetch(`${origin}/slow`)]) {
    const controller = new AbortController();
    const stream = await openSource(open(), controller.signal);
    assert.equal((await stream.pull())?.length, 1);
    setTimeout(() => controller.abort(reason), 10);
    await assert.rejects(stream.pull(), (e) => aborted(e) && /** @type {any} */ (e).cause === reason);
    await stream.close();
  }
});

test('closing early and twice is fine', async () => {
  for (const source of [path, `${origin}/file.bin`, BYTES, new Blob([BYTES])]) {
    const stream = await openSource(/** @type {any} */ (source));
    assert.ok((await stream.pull())?.length);
    await stream.close();
    await stream.close();
  }
});

test("a model's size is found in headers up to the engine's own limit", async () => {
  const [, mib] =
    /VIT158_MAX_HEADER_BYTES \((\d+)U << 20\)/.exec(readFileSync(join(ROOT, 'src/model/header.h'), 'utf8')) ?? [];
  const most = Number(mib) << 20;
  for (const [headerBytes, size] of [
    [100, 8 + 100 + 12],
    [most, 8 + most + 12],
    [most + 1, 0],
  ]) {
    const file = Buffer.alloc(8 + headerBytes + 12, ' ');
    file.writeBigUInt64LE(BigInt(headerBytes));
    file.write('{"t":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}', 8);
    /** @type {number[]} */
    const totals = [];
    const stream = await sizedModel(await openSource(new Blob([file])), ({ total }) => totals.push(total));
    assert.equal(stream.length, file.length, 'a Blob knows its length');
    const unknown = await sizedModel({ ...(await openSource(new Blob([file]))), length: 0 }, ({ total }) =>
      totals.push(total),
    );
    assert.deepEqual([unknown.size, unknown.length, totals.at(-1)], [size, 0, size]);
  }
});
