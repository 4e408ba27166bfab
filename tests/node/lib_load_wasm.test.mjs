// SPDX-License-Identifier: MIT
// web/lib/load_wasm.js and detect.js: modules from anywhere, and errors that name what came instead.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bestVariant, hasSimd128, hasWasm } from '../../web/lib/detect.js';
import { instantiate, loadWasm } from '../../web/lib/load_wasm.js';
import { serve } from './server.mjs';
import { ROOT, temporaryFolder } from './shared.mjs';

const path = join(ROOT, 'wasm_build/dist/vit158.wasm');
const bytes = readFileSync(path);
const PAGE = '<!doctype html><title>404</title>';

const origin = await serve((request, response) => {
  if (request.url === '/as-page.wasm') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  } else if (request.url === '/as-data.wasm') {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(PAGE);
  } else if (request.url?.startsWith('/good')) {
    const type = request.url.endsWith('wasm') ? 'application/wasm' : 'text/plain';
    response.writeHead(200, { 'content-type': type }).end(bytes);
  } else response.writeHead(404, { 'content-type': 'text/html' }).end(PAGE);
});

/** @param {string} code @param {RegExp} message */
const error = (code, message) => (/** @type {any} */ e) => {
  assert.equal(e.name, 'Vit158Error');
  assert.equal(e.code, code, e.message);
  assert.match(e.message, message);
  return true;
};

/** @type {Record<string, () => any>} */
const SOURCES = {
  'the package itself': () => undefined,
  'a path': () => path,
  'a file: URL': () => pathToFileURL(path),
  'an http URL': () => `${origin}/good.wasm`,
  'a server that calls it text': () => `${origin}/good.txt`,
  'a Response': () => fetch(`${origin}/good.wasm`),
  bytes: () => bytes,
  'a compiled module': () => new WebAssembly.Module(bytes),
  'a promise': async () => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
};
for (const [name, source] of Object.entries(SOURCES)) {
  test(`the module from ${name} starts`, async () => {
    const { exports } = await instantiate(await loadWasm('simd128', source()));
    assert.ok(exports.memory instanceof WebAssembly.Memory);
  });
}

test('a page instead of a module is called a page, with its address', async () => {
  await assert.rejects(loadWasm('simd128', `${origin}/none.wasm`), error('E_NETWORK', /none\.wasm answered 404/));
  await assert.rejects(
    loadWasm('simd128', `${origin}/as-page.wasm`),
    error('E_NETWORK', /as-page\.wasm is a web page/),
  );
  await assert.rejects(
    loadWasm('simd128', `${origin}/as-data.wasm`),
    error('E_WASM', /as-data\.wasm .*not WebAssembly.*"<!doctype html>.*a web page came/),
  );
});

test('other things that are no module', async () => {
  const folder = temporaryFolder();
  const empty = join(folder, 'empty.wasm');
  writeFileSync(empty, '');
  await assert.rejects(loadWasm('simd128', empty), error('E_WASM', /empty\.wasm .*it is empty/));
  await assert.rejects(loadWasm('simd128', join(folder, 'none.wasm')), error('E_IO', /none\.wasm/));
  await assert.rejects(loadWasm('simd128', Buffer.from('hello')), error('E_WASM', /begins with "hello"/));
  await assert.rejects(loadWasm('simd128', bytes.subarray(0, 1000)), error('E_WASM', /compiling the buffer given/));
});

test('modules of the package are compiled once', async () => {
  assert.equal(await loadWasm('scalar'), await loadWasm('scalar'));
  assert.notEqual(await loadWasm('scalar'), await loadWasm('simd128'));
});

test('detection agrees with the engine, and finds WebAssembly missing', async (t) => {
  assert.equal(hasSimd128(), WebAssembly.validate(bytes));
  assert.equal(bestVariant(), 'simd128');
  const saved = globalThis.WebAssembly;
  t.after(() => {
    globalThis.WebAssembly = saved;
  });
  const globals = /** @type {any} */ (globalThis);
  globals.WebAssembly = { ...saved, validate: () => false };
  assert.equal(bestVariant(), 'scalar');
  delete globals.WebAssembly;
  assert.equal(hasWasm(), false);
  await assert.rejects(loadWasm('simd128', bytes), error('E_WASM', /runs no WebAssembly/));
});
