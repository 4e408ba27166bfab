// SPDX-License-Identifier: MIT
// The page without a network: installed at the first visit, whole or not at all, healed when a kept
// file is damaged, and updated as one.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { answered, inPage, launch, ROOT, settled, withSecondRun } from './harness.mjs';

const MODEL = JSON.parse(readFileSync(path.join(ROOT, 'models/manifest.json'), 'utf8')).default;
const folder = mkdtempSync(path.join(tmpdir(), 'vit158-site-'));
const original = path.join(folder, 'original');
const TYPES = /** @type {Record<string, string>} */ ({
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webmanifest': 'application/manifest+json',
});

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  const made = spawnSync(process.execPath, [path.join(ROOT, 'web/site.mjs'), original]);
  assert.equal(made.status, 0, String(made.stderr));
  browser = await launch();
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Serves a copy of the site below /some/path/, with a switch for the network. @param {string} name */
async function serveCopy(name) {
  const root = path.join(folder, name);
  cpSync(original, root, { recursive: true });
  /** @type {{online: boolean, asked: string[], spoil: (name: string, bytes: Buffer) => Buffer}} */
  const state = { online: true, asked: [], spoil: (_name, bytes) => bytes };
  const server = createServer((request, response) => {
    if (!state.online) return request.socket.destroy();
    const wanted = new URL(request.url ?? '/', 'http://x').pathname.replace('/some/path/', '') || 'index.html';
    state.asked.push(wanted);
    try {
      const bytes = state.spoil(wanted, readFileSync(path.join(root, wanted)));
      const headers = {
        'content-type': TYPES[path.extname(wanted)] ?? 'application/octet-stream',
        'cache-control': 'max-age=600',
      };
      return response.writeHead(200, headers).end(bytes);
    } catch {
      return response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    root,
    state,
    url: `http://localhost:${port}/some/path/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @param {import('playwright-core').Page} page waits until the service worker is in charge of the next visit */
const kept = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

/**
 * @param {string} name
 * @param {(page: import('playwright-core').Page, site: Awaited<ReturnType<typeof serveCopy>>) => Promise<void>} body
 */
function siteTest(name, body) {
  const run = async () => {
    const site = await serveCopy(name.replace(/\W+/g, '-'));
    const context = await browser.newContext();
    context.setDefaultTimeout(60000);
    const page = await context.newPage();
    await inPage(page, name, async () => {
      await page.goto(site.url);
      await answered(page);
      await body(page, site);
    }).finally(site.close);
  };
  test(name, (context) => withSecondRun(context, run));
}

siteTest('after one visit everything works without the network', async (page, { state, url }) => {
  await kept(page);
  const hash = await answered(page);
  state.online = false;
  await page.goto(url);
  assert.equal(await answered(page), hash);
  await page.click('.sample >> nth=3');
  await answered(page, hash);
  for (const tab of ['many', 'teach', 'inside']) {
    await page.click(`#tab-${tab}`);
    await page.waitForSelector(`#panel-${tab} > *`);
  }
  await page.waitForSelector('.inside-cell[aria-pressed=true]');
  await page.goto(`${url}?engine=scalar`);
  assert.equal(await answered(page), hash);
  const size = await page.evaluate(async () => {
    const [name] = await caches.keys();
    return (await (await caches.open(name)).keys()).length;
  });
  assert.ok(size > 50, `${size} files are kept`);
});

siteTest('the page can be installed', async (page, { url }) => {
  await kept(page);
  await page.goto(url);
  const session = await page.context().newCDPSession(page);
  const { errors, data } = await session.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  assert.equal(JSON.parse(data ?? '').display, 'standalone');
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  assert.deepEqual(
    installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), // as every test's window
    [],
  );
});

siteTest('kept files that are damaged are fetched again', async (page, { state, url }) => {
  await kept(page);
  const hash = await answered(page);
  /** @param {string[]} names puts something else where these are kept */
  const poison = (names) =>
    page.evaluate(async (wanted) => {
      const cache = await caches.open((await caches.keys())[0]);
      for (const { url: address } of await cache.keys()) {
        if (!wanted.some((one) => address.endsWith(one))) continue;
        const bytes = new Uint8Array(await /** @type {Response} */ (await cache.match(address)).arrayBuffer());
        bytes[bytes.length >> 1] ^= 1;
        await cache.put(address, new Response(bytes.slice(0, address.endsWith('.wasm') ? -100 : undefined)));
      }
    }, names);
  const spoilt = ['dist/vit158.wasm', `models/${MODEL}.safetensors`, 'app/main.js'];
  await poison(spoilt);
  state.asked.length = 0;
  await page.goto(url);
  assert.equal(await answered(page), hash);
  for (const name of spoilt) assert.ok(state.asked.includes(name), `${name} was fetched again`);
  state.online = false; // and kept again
  await page.goto(url);
  assert.equal(await answered(page), hash);
});

siteTest('an interrupted download of a file kept on demand is not kept', async (page, { state, url }) => {
  await kept(page);
  await page.goto(url);
  const hash = await answered(page);
  const name = 'models/fashion-mnist.safetensors';
  state.spoil = (wanted, bytes) => (wanted === name ? bytes.subarray(0, bytes.length / 2) : bytes);
  await page.selectOption('#model-select', '2');
  await page.waitForSelector('#trouble:not([hidden])');
  assert.match((await page.textContent('#trouble')) ?? '', /Not the file it should be/);
  state.spoil = (_wanted, bytes) => bytes;
  await page.click('#load-retry');
  const other = await settled(page, 'T-shirt/top', hash); // the first of its samples
  state.online = false;
  await page.goto(url); // opens with the model picked last
  assert.equal(await settled(page, 'T-shirt/top'), other);
  assert.equal(await page.inputValue('#model-select'), '2');
  await page.selectOption('#model-select', '0');
  assert.equal(await settled(page, 'Lake shore', other), hash);
});

test('a site with a wrong file is not kept at all', async () => {
  const site = await serveCopy('wrong');
  writeFileSync(path.join(site.root, 'lib/threads.js'), 'export const wrong = 1;\n');
  const context = await browser.newContext();
  const page = await context.newPage();
  const registered = page.waitForEvent('console', (message) => /sw: /.test(message.text()));
  await page.goto(`${site.url}app.webmanifest`);
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.register('/some/path/sw.js');
    const coming = /** @type {ServiceWorker} */ (registration.installing);
    coming.addEventListener('statechange', () => console.log(`sw: ${coming.state}`));
  });
  assert.match((await registered).text(), /sw: redundant/);
  assert.ok(site.state.asked.filter((name) => name === 'lib/threads.js').length >= 2, 'tried twice');
  await context.close();
  site.close();
});

siteTest('a new version comes as a whole, when the visitor wants it', async (page, { root, state, url }) => {
  await kept(page);
  await page.goto(url);
  await answered(page);
  // The new version: two files changed that must not be mixed with the old ones.
  for (const name of ['app/format.js', 'index.html']) {
    const file = path.join(root, name);
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('} ms`', '} mS`').replace('Where the time goes', 'Where time goes'),
    );
  }
  writeList(root);
  await page.goto(url); // still the old one, from the cache
  await answered(page);
  assert.equal(await page.textContent('#timing-title'), 'Where the time goes');
  await page.waitForSelector('.notice[data-key=version]');
  await page.waitForFunction(() => /ms$/.test(document.getElementById('total-ms')?.textContent ?? ''));
  await Promise.all([page.waitForEvent('load'), page.click('.notice >> text=Use it now')]);
  await answered(page);
  assert.equal(await page.textContent('#timing-title'), 'Where time goes');
  await page.waitForFunction(() => /mS$/.test(document.getElementById('total-ms')?.textContent ?? ''));
  assert.equal(await page.evaluate(async () => (await caches.keys()).length), 1);
  state.online = false;
  await page.goto(url);
  await answered(page);
  assert.equal(await page.textContent('#timing-title'), 'Where time goes');
});

/** Names the files of a changed site anew. @param {string} root */
function writeList(root) {
  const script = `import { createHash } from 'node:crypto'; import { readFileSync, writeFileSync } from 'node:fs';
    const list = ${readFileSync(path.join(root, 'sw-files.js'), 'utf8').replace('self.SITE = ', '')}
    const hash = (x) => createHash('sha256').update(x).digest('hex');
    for (const part of [list.needed, list.onDemand]) for (const name of Object.keys(part)) part[name] = hash(readFileSync(name));
    list.version = hash(JSON.stringify(list)).slice(0, 16);
    writeFileSync('sw-files.js', 'self.SITE = ' + JSON.stringify(list) + ';');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
}
