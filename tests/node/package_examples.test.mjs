// SPDX-License-Identifier: MIT
// The examples of README.md and web/README.md, run as they stand with the packed package: ```js in Node, ```js cjs with
// require(), ```js page in Chromium in the page that the README shows, ```sh in a shell.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, test } from 'node:test';
import { CAMERA_ARGS, launch } from '../browser/harness.mjs';
import { installPackage } from './packed.mjs';
import { serve } from './server.mjs';
import { ROOT, run, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const [front, readme] = ['README.md', 'web/README.md'].map((name) => readFileSync(join(ROOT, name), 'utf8'));
// tests/node/golden_example.test.mjs has one part.
const others = readme.replace(/\n### Regression tests of a model\n[^]*?(?=\n##)/, '');
assert.notEqual(others, readme);
const chapters = front + others;
/** Code by what follows the three backticks. @type {Record<string, string[]>} */
const blocks = {};
for (const [, kind, code] of chapters.matchAll(/^```([\w ]+)\n(.*?)^```$/gms)) (blocks[kind] ??= []).push(code);

const project = temporaryFolder();
installPackage(project);
mkdirSync(join(project, 'node_modules/.bin'));
symlinkSync('../vit158/web/cli.mjs', join(project, 'node_modules/.bin/vit158'));
const MODEL = join(ROOT, 'models/vit158-cifar10.safetensors');
const PICTURE = join(ROOT, 'tests/data/images/baseline_420.jpg');
copyFileSync(MODEL, join(project, 'model.safetensors'));
copyFileSync(PICTURE, join(project, 'photo.jpg'));

const browser = await launch(CAMERA_ARGS);
after(() => browser.close());

const TYPES = /** @type {Record<string, string>} */ ({
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
});
let example = '';
const origin = await serve((request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  const own = /** @type {Record<string, string>} */ ({
    '/': blocks.html[0],
    '/main.js': `${example}\nglobalThis.ran = true;`,
    '/worker.js': blocks['js worker'][0],
    '/favicon.ico': '',
  });
  const file = join(project, path);
  const type = path === '/' ? 'text/html' : (TYPES[extname(path)] ?? 'application/octet-stream');
  if (path in own) response.writeHead(200, { 'content-type': type }).end(own[path]);
  else if (existsSync(file)) response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
  else response.writeHead(404).end();
});

/** The title of an example: its first call. @param {string} code */
const title = (code) => code.match(/\w+\.(?:load|classify)\([^\n]*|\w+\(\);/)?.[0] ?? '';

for (const [kind, ending] of [
  ['js', 'mjs'],
  ['js cjs', 'cjs'],
]) {
  for (const [i, code] of blocks[kind].entries()) {
    test(`${kind} ${i}: ${title(code)}`, () => {
      const file = join(project, `example-${i}.${ending}`);
      writeFileSync(file, code);
      const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: project, encoding: 'utf8' });
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.notEqual(stdout, '');
      assert.doesNotMatch(stdout, /\bfalse\b|undefined|NaN/);
    });
  }
}

/**
 * The README's page with an example in it.
 * @param {string} code
 * @returns {Promise<{answer: string, complaints: string[]}>}
 */
async function runPage(code) {
  example = code;
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  const failed = new Promise((resolve) => page.on('pageerror', (error) => resolve(complaints.push(String(error)))));
  await page.goto(origin);
  await Promise.race([failed, page.waitForFunction(() => 'ran' in globalThis)]);
  if (code.includes("'change'")) {
    await page.setInputFiles('#file', PICTURE);
    await page.waitForFunction(() => document.querySelector('output')?.value !== '');
  }
  const answer = await page.$eval('output', (output) => output.value);
  await context.close();
  return { answer, complaints };
}

const digest = (/** @type {string} */ path) => createHash('sha256').update(readFileSync(path)).digest('hex');

for (const [i, code] of blocks['js page'].entries()) {
  test(`js page ${i}: ${title(code)}`, async () => {
    const { answer, complaints } = await runPage(code.replace("'...'", `'${digest(MODEL)}'`));
    assert.deepEqual(complaints, []);
    assert.notEqual(answer, '');
    assert.doesNotMatch(answer, /undefined|NaN/);
    if (!code.includes("'...'")) return;
    const other = await runPage(code.replace("'...'", `'${digest(PICTURE)}'`));
    assert.equal(other.answer, '');
    assert.match(other.complaints.join('\n'), /SHA-256/);
  });
}

test('converting and shipping: the commands in the order shown', () => {
  const checkpoint = readFileSync(tinyPath('latent-6'));
  const end = 8 + Number(checkpoint.readBigUInt64LE());
  const { __metadata__: _, ...tensors } = JSON.parse(checkpoint.subarray(8, end).toString());
  const header = Buffer.from(JSON.stringify(tensors));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(join(project, 'checkpoint.safetensors'), Buffer.concat([length, header, checkpoint.subarray(end)]));
  const [metadata] = blocks.json;
  writeFileSync(join(project, 'metadata.json'), metadata);
  for (const label of JSON.parse(JSON.parse(metadata).labels).slice(0, 2)) {
    mkdirSync(join(project, 'images', label), { recursive: true });
    copyFileSync(PICTURE, join(project, 'images', label, 'a.jpg'));
  }
  const env = { PATH: `${join(ROOT, 'build/native')}:${process.env.PATH}`, npm_config_offline: 'true' };
  /** @type {string[]} */
  const outputs = [];
  for (const line of blocks.sh[0].trim().split('\n')) {
    const { code, stdout, stderr } = run('sh', ['-c', `cd '${project}' && ${line}`], env);
    assert.equal(code, 0, `${line}: ${stderr}`);
    outputs.push(stdout);
  }
  assert.match(outputs[2], /ant|bee|cat|dog|eel|fox|gnu/);
  assert.match(outputs[3], /^2 images, /);
  assert.equal(outputs.at(-1), `${digest(join(project, 'animals.safetensors'))}  animals.safetensors\n`);
});
