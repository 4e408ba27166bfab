// SPDX-License-Identifier: MIT
// Users' projects: the package as `npm pack` makes it, installed, imported by Vite, webpack and esbuild
// builds, by pages without a build, and by Node; each runs and gives the logits that this repository
// gives. Pages are served under a strict Content-Security-Policy, with three exceptions: Vite's
// development server sends none, the page that takes the package from another origin allows that origin,
// and one page is opened from the disk.
import assert from 'node:assert/strict';
import { copyFileSync, createReadStream, cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build as esbuild } from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { launch } from '../browser/harness.mjs';
import { packInto } from './packed.mjs';
import { serve } from './server.mjs';
import { ROOT, run, temporaryFolder } from './shared.mjs';

const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');

const project = temporaryFolder();
cpSync(join(ROOT, 'tests/consumer/js'), project, { recursive: true });
copyFileSync(PICTURE, join(project, 'picture.jpg'));
mkdirSync(join(project, 'public'));
copyFileSync(PICTURE, join(project, 'public/picture.jpg'));
copyFileSync(MODEL, join(project, 'public/model.safetensors'));
writeFileSync(join(project, 'public/favicon.ico'), '');
writeFileSync(join(project, 'package.json'), '{"type": "module", "private": true}');
writeFileSync(join(project, 'index.html'), '<!doctype html><script type="module" src="/main.js"></script>');
const installed = run('npm', [
  'install',
  '--offline',
  '--no-audit',
  '--no-fund',
  '--prefix',
  project,
  packInto(project),
]);
assert.equal(installed.code, 0, installed.stderr);

const own = await Classifier.load(MODEL);
const { logitsSha256: EXPECTED } = await own.classify(PICTURE);
own.dispose();
const { width: WIDTH } = await decodeImage(PICTURE);

const browser = await launch();
after(() => browser.close());

const TYPES = /** @type {Record<string, string>} */ ({
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
});

/**
 * A static server as most are: what it does not have is a page.
 * @param {string} folder
 * @param {Record<string, string>} [more] headers
 */
const serveFolder = (folder, more) =>
  serve((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file =
      path === '/model.safetensors'
        ? MODEL
        : path === '/picture.jpg'
          ? PICTURE
          : join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const found = statSync(file, { throwIfNoEntry: false });
    const headers = {
      'content-security-policy': CSP,
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      ...more,
    };
    if (found?.isFile()) {
      response.writeHead(200, headers);
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(path === '/favicon.ico' ? 204 : 404, { ...headers, 'content-type': 'text/html' });
      response.end('<!doctype html><title>Not found</title>');
    }
  });

/**
 * Opens a page and waits for what it leaves in `consumed`.
 * @param {string} address
 * @param {RegExp} [expected] console errors that belong to the test
 */
async function consume(address, expected = /^$/) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expected.test(message.text()))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(address);
  await page.waitForFunction(() => 'consumed' in globalThis || document.readyState === 'complete');
  const result = await page.evaluate(() => /** @type {any} */ (globalThis).consumed);
  assert.deepEqual(complaints, []);
  await page.close();
  return result;
}

/** What main_explicit.js finds. */
const NAMED = { page: EXPECTED, response: EXPECTED, module: EXPECTED, worker: EXPECTED, width: WIDTH };

/** Of main.js. @param {string} folder @param {string} [path] */
async function consumeMain(folder, path = '/') {
  const origin = await serveFolder(folder);
  const found = await consume(origin + path, /404 \(Not Found\)/);
  assert.deepEqual(found, {
    page: EXPECTED,
    scalar: EXPECTED,
    worker: EXPECTED,
    missing: `E_NETWORK ${origin}/no-such-model.safetensors answered 404 Not Found`,
  });
}

/** @type {string[]} */
const viteWarnings = [];
const warn = (/** @type {string} */ text) => viteWarnings.push(text);
/** @type {vite.InlineConfig} */
const VITE = {
  root: project,
  configFile: false,
  logLevel: 'warn',
  customLogger: { ...vite.createLogger('warn'), warn, warnOnce: warn, error: warn },
};

/** A page for a bundle. @param {string} folder @param {string} script */
const writePage = (folder, script) =>
  writeFileSync(join(folder, 'index.html'), `<!doctype html><script type="module" src="${script}"></script>`);

test('Vite, built', async () => {
  await vite.build({ ...VITE, build: { outDir: 'dist-vite' } });
  assert.deepEqual(viteWarnings, []);
  await consumeMain(join(project, 'dist-vite'));
});

test('Vite, its development server', async (t) => {
  const server = await vite.createServer({ ...VITE, server: { port: 0 } });
  t.after(() => server.close());
  await server.listen();
  const address = server.resolvedUrls?.local[0] ?? '';
  const found = await consume(address);
  assert.deepEqual(viteWarnings, []);
  assert.deepEqual(found, {
    page: EXPECTED,
    scalar: EXPECTED,
    worker: EXPECTED,
    missing: `E_NETWORK ${address}no-such-model.safetensors is a web page (text/html), not a file: is the address right?`,
  });
});

test('webpack', async () => {
  const folder = join(project, 'dist-webpack');
  const compiler = webpack({ mode: 'production', context: project, entry: './main.js', output: { path: folder } });
  const stats = /** @type {import('webpack').Stats} */ (await promisify(compiler.run.bind(compiler))());
  assert.deepEqual(stats.toJson({ all: false, warnings: true, errors: true }), { warnings: [], errors: [] });
  writePage(folder, '/main.js');
  await consumeMain(folder);
});

test('no bundler: a page that imports the installed files', async () => {
  mkdirSync(join(project, 'plain'));
  const main = readFileSync(join(project, 'main.js'), 'utf8');
  writeFileSync(join(project, 'plain/main.js'), main.replace("'vit158'", "'/node_modules/vit158/web/lib/vit158.js'"));
  writePage(join(project, 'plain'), '/plain/main.js');
  await consumeMain(project, '/plain/');
});

test('no bundler: a page that imports from another origin, as from a CDN', async () => {
  const cdn = await serveFolder(project, { 'access-control-allow-origin': '*' });
  const folder = join(project, 'cdn');
  mkdirSync(folder);
  const lib = `${cdn}/node_modules/vit158/web/lib`;
  const main = readFileSync(join(project, 'main_explicit.js'), 'utf8')
    .replace("'vit158'", `'${lib}/vit158.js'`)
    .replace(
      /^import (engine|decoder) from 'vit158\/(.*)';$/gm,
      `const $1 = '${cdn}/node_modules/vit158/wasm_build/dist/$2';`,
    );
  writeFileSync(join(folder, 'main.js'), main);
  writeFileSync(
    join(folder, 'worker.js'),
    readFileSync(join(project, 'worker.js'), 'utf8').replace("'vit158/worker'", `'${lib}/worker_service.js'`),
  );
  writePage(folder, '/main.js');
  const policy = `${CSP} ${cdn}; connect-src 'self' ${cdn}`;
  assert.deepEqual(await consume(await serveFolder(folder, { 'content-security-policy': policy })), NAMED);
});

test('esbuild: modules and worker named by the user', async () => {
  const folder = join(project, 'dist-esbuild');
  const { warnings } = await esbuild({
    absWorkingDir: project,
    entryPoints: ['main_explicit.js', 'worker.js'],
    bundle: true,
    format: 'esm',
    outdir: folder,
    loader: { '.wasm': 'file' },
    publicPath: '/',
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
  writePage(folder, '/main_explicit.js');
  assert.deepEqual(await consume(await serveFolder(folder)), NAMED);
});

test('esbuild, inline: one HTML file with model and picture, opened from the disk', async () => {
  const {
    outputFiles: [{ text }],
    warnings,
  } = await esbuild({
    absWorkingDir: project,
    entryPoints: ['main_inline.js'],
    bundle: true,
    format: 'esm',
    write: false,
    minify: true,
    logLevel: 'silent',
    loader: { '.safetensors': 'binary', '.jpg': 'binary' },
  });
  assert.deepEqual(warnings, []);
  const file = join(project, 'one.html');
  writeFileSync(file, `<!doctype html><script type="module">${text.replaceAll('</script', '<\\/script')}</script>`);
  const found = await consume(pathToFileURL(file).href);
  assert.deepEqual(found, {
    page: { hash: EXPECTED, engine: 'simd128' },
    scalar: { hash: EXPECTED, engine: 'scalar' },
    width: WIDTH,
  });
});

for (const program of ['main_node.mjs', 'main_node.cjs']) {
  test(`Node, ${extname(program)}`, () => {
    const { code, stdout, stderr } = run(process.execPath, [join(project, program), MODEL, PICTURE]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    const hashes = JSON.parse(stdout);
    for (const [name, hash] of Object.entries(hashes)) assert.equal(hash, EXPECTED, name);
    assert.ok(Object.keys(hashes).length >= 4, stdout);
  });
}
