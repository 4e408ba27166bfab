// SPDX-License-Identifier: MIT
// web/API.md is what the declarations say, and nothing that can be imported is missing from it; the zoo in web/README.md is
// what the manifest says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { apiText, TARGET } from '../../web/make_api.mjs';
import { BEGIN, END, entries, README, rowOf } from '../../web/make_zoo.mjs';
import * as classes from '../../web/lib/classes.js';
import * as golden from '../../web/lib/golden.js';
import * as library from '../../web/lib/vit158.js';

const text = apiText();

test('the reference is current', () => {
  assert.ok(readFileSync(TARGET, 'utf8') === text, 'web/API.md is out of date: run `npm run api`');
});

test('it has everything that the modules export, and what it is for', () => {
  const headings = new Set([...text.matchAll(/^### (\w+)$/gm)].map(([, name]) => name));
  const names = [library, classes, golden].flatMap((module) => Object.keys(module));
  assert.deepEqual(
    names.filter((name) => !headings.has(name)),
    [],
  );
  assert.match(text, /^## vit158\n\nvit158: ternary Vision Transformers in a page/m);
  assert.match(text, /\| `topK\?` \| `number \\\| null` \|/);
  assert.match(text, /### Vit158Error\nEverything this package throws\./);
});

test('the zoo has every model of the manifest, with a time', () => {
  const text = readFileSync(README, 'utf8');
  const rows = text
    .slice(text.indexOf(BEGIN), text.indexOf(END))
    .split('\n')
    .filter((line) => line.startsWith('| ['));
  assert.deepEqual(
    rows.map((row) => row.replace(/ \d+\.\d \|$/, '')),
    entries().map(rowOf),
    'web/README.md is out of date: run `npm run zoo`',
  );
});
