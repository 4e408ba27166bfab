// SPDX-License-Identifier: MIT
// The library in a bundle for Node, where its modules and workers are not beside it: vit158/inline works, and
// what cannot work says why. (Bundles for browsers: package_consumers.test.mjs.)
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { ROOT, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

// What vit158/inline embeds is made when the package is: a fresh clone has none.
execFileSync(process.execPath, [join(ROOT, 'wasm_build/make_inline.mjs')]);

const folder = temporaryFolder();
const MODEL = JSON.stringify(tinyPath('ternary-6'));

/** @param {string} entry of web/lib */
const program = (entry) => `
import { Classifier } from ${JSON.stringify(join(ROOT, 'web/lib', entry))};
const tries = { alone: {}, worker: { worker: true }, threads: { threads: 2 } };
(async () => {
  const said = {};
  for (const [name, options] of Object.entries(tries))
    said[name] = await Classifier.load(${MODEL}, options).then(
      (vit) => (vit.dispose(), 'loaded'),
      (error) => [error.name, error.code, error.message].join(' '),
    );
  console.log(JSON.stringify(said));
})();`;

/** @param {string} entry @param {'cjs' | 'esm'} format */
async function outcome(entry, format) {
  const outfile = join(folder, `${entry}.${format === 'cjs' ? 'cjs' : 'mjs'}`);
  const stdin = { contents: program(entry), resolveDir: folder };
  await build({ stdin, bundle: true, platform: 'node', format, outfile, logLevel: 'silent' });
  const { stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const ADVICE =
  /^Vit158Error E_(WASM|THREAD) .*a bundler has moved the files of vit158.*leave the package out of the bundle/;

for (const format of /** @type {const} */ (['cjs', 'esm'])) {
  test(`vit158 in a bundle (${format}) says that its files were moved`, async () => {
    for (const [name, said] of Object.entries(await outcome('vit158.js', format))) assert.match(said, ADVICE, name);
  });

  test(`vit158/inline in a bundle (${format}) needs no files but for workers`, async () => {
    const { alone, worker, threads } = await outcome('inline.js', format);
    assert.deepEqual([alone, threads], ['loaded', 'loaded']);
    assert.match(worker, ADVICE);
  });
}
