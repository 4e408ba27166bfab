// SPDX-License-Identifier: MIT
// The examples of web/examples as a user has them: copied, with the packed package installed and what their package.json
// names from npm, built, started, and given a picture in Chromium. It needs the network and some minutes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { launch } from '../browser/harness.mjs';
import { packInto } from '../node/packed.mjs';
import { ROOT, run, temporaryFolder } from '../node/shared.mjs';

const CAT = join(ROOT, 'models/samples/cat.jpg');
const vit = await Classifier.load(join(ROOT, 'models/vit158-imagenet.safetensors'));
const { predictions } = await vit.classify(CAT, { topK: 3 });
vit.dispose();
const EXPECTED = predictions.map(({ label, score }) => `${label}: ${(100 * score).toFixed(1)} %`);

const browser = await launch();
after(() => browser.close());
const packed = packInto(temporaryFolder());

/** @param {string} name of an example @returns {string} its folder, installed and built */
function built(name) {
  const folder = join(temporaryFolder(), name);
  cpSync(join(ROOT, 'web/examples', name), folder, { recursive: true });
  const env = { NEXT_TELEMETRY_DISABLED: '1', NODE_TEST_CONTEXT: undefined };
  for (const line of [`npm install --no-audit --no-fund '${packed}'`, 'npm run build']) {
    const { code, stdout, stderr } = run('bash', ['-c', `cd '${folder}' && ${line}`], env);
    assert.equal(code, 0, `${name}: ${line}\n${stdout}\n${stderr}`);
  }
  return folder;
}

/**
 * @param {string} folder of an example
 * @param {string[]} args of `npm start`
 * @returns {Promise<string>} its address
 */
async function started(folder, ...args) {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1' };
  const server = spawn('npm', ['start', '--', ...args], { cwd: folder, env, detached: true });
  after(() => process.kill(-(/** @type {number} */ (server.pid))));
  let said = '';
  // Read to the end: who writes to a pipe that nobody reads any more ends.
  return new Promise((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      said += chunk;
      const [address] = said.match(/http:\/\/localhost:\d+/) ?? [];
      if (address) resolve(address);
    });
    server.on('exit', () => reject(new Error(`it did not start: ${said}`)));
  });
}

/** Gives the app a picture, and then what is none. @param {string} address */
async function tryOut(address) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(address).origin)) complaints.push(request.url());
  });
  await page.goto(address, { waitUntil: 'networkidle' });
  await page.setInputFiles('#file', CAT);
  await page.waitForFunction(() => document.querySelectorAll('#guesses li').length === 3);
  assert.deepEqual(await page.$$eval('#guesses li', (all) => all.map((one) => one.textContent)), EXPECTED);
  await page.setInputFiles('#file', { name: 'words.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('words') });
  await page.waitForFunction(() => /picture|JPEG/.test(document.querySelector('#words')?.textContent ?? ''));
  assert.deepEqual(complaints, []);
  await page.close();
}

test('plain: a page without a build', async () => {
  const folder = built('plain');
  const types = /** @type {Record<string, string>} */ ({ html: 'text/html', js: 'text/javascript' });
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream' });
    return createReadStream(file).pipe(response);
  });
  after(() => server.close());
  await new Promise((resolve) => server.listen(0, () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await tryOut(`http://localhost:${port}/`);
  server.closeAllConnections();
});

test('react: React and Vite', async () => {
  await tryOut(await started(built('react'), '--port', '0'));
});

test('svelte: SvelteKit', async () => {
  await tryOut(await started(built('svelte'), '--port', '0'));
});

test('next: a page, and a route handler with workers and threads', async () => {
  const address = await started(built('next'), '-p', '0');
  await tryOut(address);
  for (const [query, workers, threads] of [
    ['', 0, 1],
    ['?workers=1', 1, 1],
    ['?threads=2', 0, 2],
  ]) {
    const response = await fetch(`${address}/api/classify${query}`, { method: 'POST', body: readFileSync(CAT) });
    const answer = await response.json();
    assert.deepEqual(answer, { predictions, workers, threads }, String(query));
  }
  const refused = await fetch(`${address}/api/classify`, { method: 'POST', body: 'words' });
  assert.deepEqual([refused.status, (await refused.json()).code], [400, 'E_FORMAT']);
});
