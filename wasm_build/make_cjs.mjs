// SPDX-License-Identifier: MIT
// Writes web/lib/*_node.cjs: each entry of the package as one real CommonJS file, for require() where there is
// no import(), as in Jest as it comes. `npm pack` runs it after make_inline.mjs; nothing else wants the files.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './build.mjs';

/** `vit158/inline` reads the modules from where they lie: the package carries them as text only once. */
const INLINE = `const read = (file) => require('node:fs').readFileSync(new URL('../../wasm_build/dist/' + file, vit158Here)).toString('base64');
export const INLINE_MODULES = {
  get simd128() { return read('vit158.wasm'); },
  get scalar() { return read('vit158-scalar.wasm'); },
  get decode() { return read('vit158-decode.wasm'); },
};`;

/** @type {import('esbuild').Plugin} */
const inlineFromFiles = {
  name: 'inline-from-files',
  setup({ onLoad }) {
    onLoad({ filter: /inline_modules\.js$/ }, () => ({ contents: INLINE, loader: 'js' }));
  },
};

const ENTRIES = ['vit158', 'inline', 'golden', 'classes', 'worker_service'];

for (const entry of ENTRIES) {
  const {
    outputFiles: [{ text }],
  } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`web/lib/${entry}.js`],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    minify: true, // five files with much in common; the sources are in the package, too
    target: 'node18',
    plugins: [inlineFromFiles],
    banner: {
      js: '// Made by wasm_build/make_cjs.mjs.\nconst vit158Here = require("node:url").pathToFileURL(__filename).href;',
    },
    // Files lie beside this one as beside the sources; built-in modules come by require().
    define: { 'import.meta.url': 'vit158Here', 'process.getBuiltinModule': 'require' },
  });
  // Another run may be packing the folder: a file changes at once.
  const half = join(ROOT, 'build', `${entry}_node.${process.pid}`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(half, text);
  renameSync(half, join(ROOT, `web/lib/${entry}_node.cjs`));
}
