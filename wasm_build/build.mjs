// SPDX-License-Identifier: MIT
// `npm run build:wasm`: builds the modules with emcc, checks them (no imports, the promised exports,
// size), and writes dist/ with build.json, which names compiler, sources and digests, and
// sbom.spdx.json, which names whose work is inside.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { libwebpSource } from './libwebp.mjs';
import { sbomText } from './sbom.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const BUILD = join(ROOT, 'build/wasm');
export const DIST = join(ROOT, 'wasm_build/dist');

/** Exports that emcc adds to every module. */
const EMSCRIPTEN_EXPORTS = [
  'memory',
  '_initialize',
  'stackSave',
  'stackRestore',
  'stackAlloc',
  '__indirect_function_table',
];

/** Which exports_*.txt a module follows. @type {Record<string, string>} */
const EXPORT_LISTS = {
  'vit158.wasm': 'exports_engine.txt',
  'vit158-scalar.wasm': 'exports_engine.txt',
  'vit158-threads.wasm': 'exports_threads.txt',
  'vit158-decode.wasm': 'exports_decode.txt',
  'vit158-webp.wasm': 'exports_decode.txt',
  'vit158-import.wasm': 'exports_import.txt',
};

/** @typedef {{bytes: number, gzip_bytes: number, sha256: string}} ModuleFacts */
/** @typedef {{compiler: string, libwebp: string, sources_sha256: string, sources: string[],
 *             modules: Record<string, ModuleFacts>}} BuildFacts */

/** Budgets in bytes; its keys are the modules that there are. @returns {Record<string, number>} */
export function sizeBudget() {
  return JSON.parse(readFileSync(join(ROOT, 'wasm_build/size_budget.json'), 'utf8'));
}

/** The first line of `emcc --version`, undefined without emcc. */
export function compilerVersion() {
  try {
    return execFileSync('emcc', ['--version'], { encoding: 'utf8' }).split('\n')[0].trim();
  } catch {
    return undefined;
  }
}

/** Configures and builds in build/wasm. @param {'inherit' | 'pipe'} stdio */
export function buildModules(stdio) {
  libwebpSource(stdio);
  const options = { cwd: ROOT, stdio };
  execFileSync('cmake', ['--preset', 'wasm'], options);
  execFileSync('cmake', ['--build', '--preset', 'wasm', '-j', '2'], options);
}

/** @param {Buffer | string} data */
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** Files besides the sources that decide what comes out. */
const BUILD_FILES = [
  'CMakeLists.txt',
  'wasm_build/flags.cmake',
  'wasm_build/wasm.cmake',
  ...new Set(Object.values(EXPORT_LISTS).map((list) => `wasm_build/${list}`)),
];

/** Our files that the modules were made from; the sources by ninja's record of the last build. */
export function moduleSources() {
  const log = execFileSync('ninja', ['-C', BUILD, '-t', 'deps'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  /** @type {Set<string>} */
  const files = new Set();
  for (const section of log.split(/^(?=\S)/m)) {
    const [, target = ''] = section.match(/^CMakeFiles\/(.+?)_(?:small|fast)\.dir\//) ?? [];
    if (`${target}.wasm` in sizeBudget())
      for (const [, path] of section.matchAll(/^ +(.+)$/gm)) files.add(resolve(BUILD, path));
  }
  const sources = [...files].map((path) => relative(ROOT, path)).filter((path) => path.startsWith('src/'));
  return [...sources, ...BUILD_FILES].sort();
}

/** One digest over names and contents. @param {string[]} paths */
export function sourcesDigest(paths) {
  return sha256(paths.map((path) => `${sha256(readFileSync(join(ROOT, path)))}  ${path}\n`).join(''));
}

/**
 * What is wrong with a module, as sentences.
 * @param {string} name
 * @param {Buffer} bytes
 */
export function complaints(name, bytes) {
  const module = new WebAssembly.Module(/** @type {BufferSource} */ (bytes));
  const list = readFileSync(join(ROOT, 'wasm_build', EXPORT_LISTS[name]), 'utf8');
  /** @type {string[]} */
  const listed = list.match(/^[a-z_]\w+$/gm) ?? [];
  const exported = WebAssembly.Module.exports(module)
    .map((entry) => entry.name)
    .filter((symbol) => !EMSCRIPTEN_EXPORTS.includes(symbol));
  const budget = sizeBudget()[name];
  return [
    ...WebAssembly.Module.imports(module)
      .filter(
        (entry) =>
          !(name.includes('threads') && entry.kind === 'memory') &&
          !(name.includes('import') && entry.module === 'vit158'),
      )
      .map((entry) => `imports ${entry.module}.${entry.name}`),
    ...exported.filter((symbol) => !listed.includes(symbol)).map((symbol) => `exports ${symbol}`),
    ...listed.filter((symbol) => !exported.includes(symbol)).map((symbol) => `lacks ${symbol}`),
    ...(bytes.length > budget ? [`has ${bytes.length} bytes, more than ${budget}`] : []),
  ].map((complaint) => `${name} ${complaint}`);
}

/** @param {string} name @param {Buffer} bytes @returns {ModuleFacts} */
function facts(name, bytes) {
  const found = complaints(name, bytes);
  if (found.length > 0) throw new Error(found.join('\n'));
  return { bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length, sha256: sha256(bytes) };
}

function main() {
  buildModules('inherit');
  mkdirSync(DIST, { recursive: true });
  /** @type {Record<string, ModuleFacts>} */
  const modules = {};
  for (const name of Object.keys(sizeBudget())) {
    modules[name] = facts(name, readFileSync(join(BUILD, name)));
    copyFileSync(join(BUILD, name), join(DIST, name));
    console.log(`${name}: ${modules[name].bytes} bytes, ${modules[name].gzip_bytes} gzipped`);
  }
  const sources = moduleSources();
  /** @type {BuildFacts} */
  const build = {
    compiler: compilerVersion() ?? '',
    libwebp: libwebpSource('inherit').version,
    sources_sha256: sourcesDigest(sources),
    sources,
    modules,
  };
  writeFileSync(join(DIST, 'build.json'), `${JSON.stringify(build, null, 2)}\n`);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  writeFileSync(join(DIST, 'sbom.spdx.json'), sbomText(build, version));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
