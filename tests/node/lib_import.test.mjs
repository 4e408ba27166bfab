// SPDX-License-Identifier: MIT
// Importing the package does nothing: it works where process, document, fetch and WebAssembly do not
// exist, adds no globals, keeps no process alive, and reads nothing but its own modules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './shared.mjs';

const LIB = join(ROOT, 'web/lib');

test('import has no side effects', () => {
  const script = `
    const before = new Set(Object.getOwnPropertyNames(globalThis));
    const { log } = console;
    const traps = ['process', 'document', 'window', 'navigator', 'fetch', 'WebAssembly', 'Worker',
      'setTimeout', 'setInterval', 'createImageBitmap', 'OffscreenCanvas', 'caches', 'indexedDB'];
    for (const name of traps)
      Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error(name + ' was touched'); } });
    const names = Object.keys(await import(${JSON.stringify(join(LIB, 'vit158.js'))}));
    const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name) && !traps.includes(name));
    log(JSON.stringify({ names, added }));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const { names, added } = JSON.parse(output);
  assert.deepEqual(added, []);
  assert.deepEqual(names.sort(), ['Classifier', 'VERSION', 'Vit158Error', 'decodeImage', 'hasSimd128']);
});

test('the types name exactly what the package exports', () => {
  const types = readFileSync(join(LIB, 'vit158.d.ts'), 'utf8');
  const declared = [...types.matchAll(/^export declare (?:const|class|function) (\w+)/gm)].map((m) => m[1]);
  assert.deepEqual(declared.sort(), ['Classifier', 'VERSION', 'Vit158Error', 'decodeImage', 'hasSimd128']);
});

test('the library imports nothing but itself', () => {
  let count = 0;
  for (const name of readdirSync(LIB).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(LIB, name), 'utf8');
    for (const [, from] of text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gms)) {
      assert.match(from, /^\.\/\w+\.js$/, `${name} imports ${from}`);
      count++;
    }
  }
  assert.ok(count > 100, `only ${count} imports were found`);
});

test('one version number', () => {
  const version = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
  assert.ok(readFileSync(join(LIB, 'version.js'), 'utf8').includes(`'${version}'`));
});

test('only heap.js touches the memory of a module', () => {
  for (const name of readdirSync(LIB).filter((file) => file.endsWith('.js') && file !== 'heap.js')) {
    const use = readFileSync(join(LIB, name), 'utf8').match(/exports\.memory|memory\.buffer(?! instanceof)/i);
    assert.equal(use, null, `${name} uses ${use}`);
  }
  assert.match(readFileSync(join(LIB, 'heap.js'), 'utf8'), /memory\.buffer/i);
});
