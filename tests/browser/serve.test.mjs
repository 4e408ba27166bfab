// SPDX-License-Identifier: MIT
// The development server.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { serve } from '../../web/serve.mjs';
import { nativeCommand, temporaryFolder } from '../node/shared.mjs';
import { answered, FLOAT_MODEL, launch, needs, ROOT } from './harness.mjs';

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
before(async () => {
  server = await serve();
});
after(() => server.close());

/**
 * Asks for a path exactly as written; fetch would tidy it up first.
 * @param {string} path
 * @param {string} [method]
 * @param {{url: string}} [of]
 * @returns {Promise<{status: number, type: string, length: number}>}
 */
function ask(path, method = 'GET', { url } = server) {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, agent: false };
    const request = get(options, async (response) => {
      let length = 0;
      for await (const chunk of response) length += chunk.length;
      const type = response.headers['content-type'] ?? '';
      resolve({ status: response.statusCode ?? 0, type, length });
    });
    request.on('error', reject);
  });
}

test('files come with their types', async () => {
  for (const [path, type] of [
    ['/', 'text/html; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/app/main.js', 'text/javascript; charset=utf-8'],
    ['/icon.svg', 'image/svg+xml'],
    ['/app.webmanifest', 'application/manifest+json; charset=utf-8'],
    ['/dist/vit158.wasm', 'application/wasm'],
    ['/models/manifest.json', 'application/json; charset=utf-8'],
  ]) {
    const answer = await ask(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.type, type);
    assert.ok(answer.length > 0);
  }
  assert.equal((await ask('/', 'HEAD')).length, 0);
});

test('nothing outside the site is given away', async () => {
  for (const path of [
    '/../package.json',
    '/app/../../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/models/..%2f..%2fpackage.json',
    '/models/%00',
    '/app',
    '/app/',
    '/nothing.html',
  ])
    assert.equal((await ask(path)).status, 404, path);
  assert.equal((await ask('/%zz')).status, 400);
  assert.equal((await ask('/', 'POST')).status, 405);
});

test('what goes wrong in an answer is answered, and the server stays', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vit158-half-'));
  mkdirSync(path.join(folder, 'web/app'), { recursive: true });
  for (const name of ['serve.mjs', 'site_files.mjs', 'app/resources.js'])
    cpSync(path.join(ROOT, 'web', name), path.join(folder, 'web', name));
  const said = t.mock.method(console, 'error', () => {});
  const module = await import(pathToFileURL(path.join(folder, 'web/serve.mjs')).href);
  const half = await module.serve();
  try {
    // The list names the files of folders that are not there.
    assert.equal((await ask('/sw-files.js', 'GET', half)).status, 500);
    assert.match(String(said.mock.calls[0]?.arguments[0]), /sw-files\.js: ENOENT/);
    assert.equal((await ask('/serve.mjs', 'GET', half)).status, 200);
  } finally {
    await half.close();
    rmSync(folder, { recursive: true });
  }
});

test('--coi isolates the page', async () => {
  const isolated = await serve({ coi: true });
  const browser = await launch();
  try {
    const page = await browser.newPage();
    for (const [url, expected] of /** @type {[string, boolean][]} */ ([
      [isolated.url, true],
      [server.url, false],
    ])) {
      await page.goto(url);
      assert.equal(await page.evaluate(() => crossOriginIsolated), expected);
      await answered(page);
    }
  } finally {
    await browser.close();
    await isolated.close();
  }
});

/** The model's logits in a page on threads and in one that is not isolated. @param {string} file */
async function sameLogitsOnThreads(file) {
  const isolated = await serve({ coi: true });
  const browser = await launch();
  try {
    const hashes = [];
    for (const url of [isolated.url, server.url]) {
      const page = await browser.newPage();
      await page.goto(url);
      const before = await answered(page);
      await page.setInputFiles('#model-file', file);
      hashes.push(await answered(page, before));
      const threaded = /\d threads/.test((await page.textContent('#facts')) ?? '');
      assert.equal(threaded, url === isolated.url);
    }
    assert.equal(hashes[0], hashes[1]);
  } finally {
    await browser.close();
    await isolated.close();
  }
}

test('an isolated page runs a ternary ViT-S on threads, with the same logits', async () => {
  const file = path.join(temporaryFolder(), 's.safetensors');
  assert.equal(nativeCommand('synth', '--arch', 's', '-o', file).code, 0);
  await sameLogitsOnThreads(file);
});

test('the same of a float model', needs(FLOAT_MODEL), () => sameLogitsOnThreads(FLOAT_MODEL));

test('the copied site works below any path, whatever the types of a plain host', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vit158-site-'));
  const script = path.join(ROOT, 'web/site.mjs');
  assert.equal(spawnSync(process.execPath, [script, folder]).status, 0);
  assert.notEqual(spawnSync(process.execPath, [script, folder]).status, 0, 'a full folder is kept');
  const types = {
    html: 'text/html',
    css: 'text/css',
    js: 'text/javascript',
    json: 'application/json',
  };
  /** @type {string[]} */
  const outside = [];
  const host = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (!pathname.startsWith('/some/where/')) outside.push(pathname);
    const name = pathname.slice('/some/where/'.length) || 'index.html';
    const type = types[/** @type {keyof typeof types} */ (name.split('.').pop())];
    response.setHeader('content-type', type ?? 'application/octet-stream');
    try {
      response.end(readFileSync(path.join(folder, name)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => host.listen(0, '127.0.0.1', () => resolve(undefined)));
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const { port } = /** @type {import('node:net').AddressInfo} */ (host.address());
    await page.goto(`http://localhost:${port}/some/where/`);
    await answered(page);
    assert.deepEqual(outside, []);
  } finally {
    await browser.close();
    host.closeAllConnections();
    host.close();
    rmSync(folder, { recursive: true });
  }
});

/**
 * @param {string[]} args of npm start
 * @returns {Promise<{output: string, url: string}>} once the page is served
 */
function start(args) {
  const child = spawn(process.execPath, [path.join(ROOT, 'web/start.mjs'), ...args]);
  after(() => child.kill());
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
      const url = /The page: (\S+)/.exec(output)?.[1];
      if (url) resolve({ output, url });
    });
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
}

test('npm start classifies a photo, then serves the page', async () => {
  const { output, url } = await start(['--port', '0', '--coi']);
  assert.match(output, /\d+(\.\d+)? % +lakeside/);
  const response = await fetch(url);
  assert.equal(response.headers.get('cross-origin-opener-policy'), 'same-origin');
  assert.match(await response.text(), /<title>vit158/);
});

test('npm start refuses what it does not know', () => {
  for (const args of [['--nonsense'], ['--port', 'x']]) {
    const { status, stderr } = spawnSync(process.execPath, ['web/serve.mjs', ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(status, 2);
    assert.match(stderr, /usage/);
  }
});
