// SPDX-License-Identifier: MIT
// What a visitor downloads before the first answer stays small: the library as a bundler makes it, and the
// page's own modules. What is seldom needed is loaded when it is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ROOT } from './shared.mjs';

/** Bytes after gzip: what the library had before it knew files of other libraries. */
const LIBRARY_BYTES = 12_842;
/** With the choice of merges; each panel loads with its first visit. */
const PAGE_BYTES = 88_000;

/** Loaded on demand. */
const COLD = ['files', 'import_module', 'pooled', 'sha256_stream', 'shipped', 'thread_team', 'what_is', 'workers'];

/**
 * Entries with all that they import statically, as served or as bundled.
 * @param {string[]} entries
 * @param {boolean} bundled  minified, in chunks; else file by file
 * @returns {Promise<{sources: string[], bytes: number}>} gzip of all together, or of each
 */
async function firstLoad(entries, bundled) {
  const { metafile, outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries,
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    outdir: 'build/first-load',
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  const { outputs } = metafile;
  /** @type {Set<string>} */
  const chunks = new Set();
  const add = (/** @type {string} */ name) => {
    if (chunks.has(name)) return;
    chunks.add(name);
    for (const { path, kind } of outputs[name].imports) if (kind === 'import-statement') add(path);
  };
  for (const [name, { entryPoint }] of Object.entries(outputs)) if (entries.includes(entryPoint ?? '')) add(name);
  const sources = [...chunks].flatMap((name) => Object.keys(outputs[name].inputs));
  const contents = bundled
    ? [
        Buffer.concat(
          outputFiles.filter(({ path }) => chunks.has(path.slice(ROOT.length))).map((file) => file.contents),
        ),
      ]
    : sources.map((file) => readFileSync(join(ROOT, file)));
  return { sources, bytes: contents.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0) };
}

/** @param {string[]} sources */
const coldOnes = (sources) => COLD.filter((name) => sources.includes(`web/lib/${name}.js`));

test(`the library's first load is at most ${LIBRARY_BYTES} bytes`, async (t) => {
  const { sources, bytes } = await firstLoad(['web/lib/vit158.js'], true);
  t.diagnostic(`${bytes} bytes`);
  assert.deepEqual(coldOnes(sources), []);
  assert.ok(sources.includes('web/lib/engine.js') && bytes > 8000, 'something was measured');
  assert.ok(bytes <= LIBRARY_BYTES, `${bytes} bytes`);
});

test(`the page's own modules are at most ${PAGE_BYTES} bytes before the first answer`, async (t) => {
  const { sources, bytes } = await firstLoad(['web/app/main.js', 'web/app/page_worker.js'], false);
  t.diagnostic(`${bytes} bytes in ${sources.length} modules`);
  assert.deepEqual(coldOnes(sources), []);
  for (const name of [
    'missing_form',
    'import_file',
    'documents',
    'offline',
    'many_panel',
    'teach_panel',
    'inside_panel',
  ])
    assert.ok(!sources.includes(`web/app/${name}.js`), name);
  assert.ok(sources.includes('web/app/main.js') && sources.includes('web/lib/engine.js'));
  assert.ok(bytes <= PAGE_BYTES, `${bytes} bytes`);
});
