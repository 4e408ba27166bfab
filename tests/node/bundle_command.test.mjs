// SPDX-License-Identifier: MIT
// `vit158 bundle`: a title of one's own, and a model unless told. What the page does: tests/browser/one_file.test.mjs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, nativeCommand, npmCommand, run, temporaryFolder } from './shared.mjs';

const folder = temporaryFolder();
const PICTURE = join(ROOT, 'models/samples/cat.jpg');
assert.equal(run(process.execPath, ['web/bundle/make_template.mjs']).code, 0);

test("the title is the page's, as text", () => {
  const file = join(folder, 'app.html');
  const { code, stderr } = npmCommand('bundle', PICTURE, '-o', file, '--title', 'Cats & <dogs> $1');
  assert.equal(code, 0, stderr);
  const text = readFileSync(file, 'utf8');
  assert.match(text, /<title>Cats &#38; &#60;dogs&#62; \$1<\/title>/);
  assert.match(text, /<h1[^]*?<span>Cats &#38; &#60;dogs&#62; \$1<\/span>/);
});

test('the default model, with and without pictures; a model named', () => {
  for (const [args, pictures] of /** @type {[string[], number][]} */ ([
    [[], 0],
    [[PICTURE, PICTURE], 2],
    [['vit158-cifar10'], 0],
    [['vit158-cifar10', PICTURE], 1],
  ])) {
    const { code, stdout, stderr } = npmCommand('bundle', ...args, '-o', join(folder, 'b.html'), '--json');
    assert.equal(code, 0, stderr);
    const [{ model, pictures: found }] = jsonLines(stdout);
    assert.deepEqual([model, found], [args[0] === 'vit158-cifar10' ? args[0] : 'vit158-imagenet', pictures]);
  }
});

/** @param {string[]} args @returns {Promise<{url: string, end: () => Promise<unknown>}>} once it listens */
function startServing(...args) {
  const child = spawn(process.execPath, [join(ROOT, 'web/cli.mjs'), 'serve', ...args]);
  return new Promise((resolve, reject) => {
    let [said, complaint] = ['', ''];
    child.stderr.on('data', (data) => {
      complaint += data;
    });
    child.on('close', (code) => reject(new Error(`ended with ${code}: ${complaint}`)));
    child.stdout.on('data', (data) => {
      said += data;
      const url = /^vit158-cifar10: (http:\/\/localhost:\d+\/) \(Ctrl-C ends it\)\n$/.exec(said)?.[1];
      const end = () => new Promise((ended) => child.once('close', (_code, signal) => ended(signal)).kill('SIGINT'));
      if (url) resolve({ url, end });
    });
  });
}

test('serve: the page of a model, for this machine, until it is ended', async () => {
  const { url, end } = await startServing('vit158-cifar10', PICTURE, '--title', 'Served');
  try {
    const response = await fetch(url);
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    const text = await response.text();
    assert.match(text, /<title>Served<\/title>/);
    const file = join(folder, 'same.html');
    assert.equal(npmCommand('bundle', 'vit158-cifar10', PICTURE, '--title', 'Served', '-o', file).code, 0);
    assert.ok(text === readFileSync(file, 'utf8'), 'it is what bundle writes');
    assert.equal((await fetch(`${url}other`)).status, 404);
    const { port } = new URL(url);
    const second = npmCommand('serve', 'vit158-cifar10', '--port', port);
    assert.deepEqual([second.code, second.stderr], [1, `vit158 serve: port ${port} is taken: name another one\n`]);
  } finally {
    assert.equal(await end(), 'SIGINT');
  }
});

test('a command of the other kind is named as such', () => {
  const [npm, native] = [npmCommand('train', 'x'), nativeCommand('serve')];
  assert.deepEqual([npm.code, native.code], [2, 2]);
  assert.match(npm.stderr, /^vit158: 'train' is a command of the native build \(npm run build:native\)/);
  assert.match(native.stderr, /^vit158: 'serve' is a command of the npm package \(npx vit158 serve\)/);
});
