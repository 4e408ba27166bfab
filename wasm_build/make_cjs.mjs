// SPDX-License-Identifier: MIT
// Writes web/lib/*_node.cjs: the entries of the package as real CommonJS files, for require() where there is
// no import(), as in Jest as it comes. `npm pack` runs it after make_inline.mjs; nothing else wants the files.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './build.mjs';
import { EMBEDDED } from './make_inline.mjs';

/** `vit158/inline` reads the modules from where they lie: the package carries them as text only once. */
const INLINE = `const FILES = ${JSON.stringify(EMBEDDED)};
export const inlineBytes = (name) =>
  require('node:fs').readFileSync(new URL('../../wasm_build/dist/' + FILES[name], vit158Here));`;

/** @type {import('esbuild').Plugin} */
const inlineFromFiles = {
  name: 'inline-from-files',
  setup({ onLoad }) {
    onLoad({ filter: /inline_bytes\.js$/ }, () => ({ contents: INLINE, loader: 'js' }));
  },
};

/** Entries of the package that are parts of one file, since they have most in common: errors and
 * classifiers of one are those of the others. */
const TOGETHER = ['vit158', 'inline', 'golden', 'classes'];
const PARTS = 'parts_node.cjs';

/**
 * @param {import('esbuild').BuildOptions} entry
 * @returns {Promise<string>} one CommonJS file
 */
async function bundle(entry) {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    minify: true, // the sources are in the package, too
    target: 'node18',
    plugins: [inlineFromFiles],
    banner: {
      js: '// Made by wasm_build/make_cjs.mjs.\nconst vit158Here = require("node:url").pathToFileURL(__filename).href;',
    },
    // Files lie beside this one as beside the sources; built-in modules come by require().
    define: { 'import.meta.url': 'vit158Here', 'process.getBuiltinModule': 'require' },
    ...entry,
  });
  return /** @type {import('esbuild').OutputFile[]} */ (outputFiles)[0].text;
}

/**
 * Another run may be packing the folder: a file changes at once.
 * @param {string} name in web/lib
 * @param {string} text
 */
function replace(name, text) {
  const half = join(ROOT, 'build', `${name}.${process.pid}`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(half, text);
  renameSync(half, join(ROOT, 'web/lib', name));
}

/** @param {string} entry  @returns {Promise<string>} its names, spelt out as Node's lexer wants them */
async function namesOf(entry) {
  const names = Object.keys(await import(`../web/lib/${entry}.js`));
  const head = `// Made by wasm_build/make_cjs.mjs.\nObject.defineProperty(exports, '__esModule', { value: true });\n`;
  const from = `const { ${entry} } = require('./${PARTS}');\n`;
  return head + from + names.map((name) => `exports.${name} = ${entry}.${name};\n`).join('');
}

const contents = TOGETHER.map((entry) => `export * as ${entry} from './web/lib/${entry}.js';\n`).join('');
replace(PARTS, await bundle({ stdin: { contents, resolveDir: ROOT } }));
for (const entry of TOGETHER) replace(`${entry}_node.cjs`, await namesOf(entry));
replace('worker_service_node.cjs', await bundle({ entryPoints: ['web/lib/worker_service.js'] }));
