// SPDX-License-Identifier: MIT
// `vit158 bundle`: a title of one's own, and a model unless told. What the page does: tests/browser/one_file.test.mjs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, jsonLines, npmCommand, run, temporaryFolder } from './shared.mjs';

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
