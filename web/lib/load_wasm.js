// SPDX-License-Identifier: MIT
/**
 * Gets the package's WebAssembly modules compiled: from where they lie next to this file, or from
 * whatever the caller gives (URL, path, bytes, Response, a compiled module).
 */
import { hasWasm } from './detect.js';
import { Vit158Error, isNamed, messageOf } from './errors.js';
import { isPlainObject, tagOf } from './kinds.js';
import { advice, readWhole, settled } from './source.js';

/** @typedef {import('./vit158.d.ts').WasmSource} WasmSource */
/** @typedef {{engine?: WasmSource, threads?: WasmSource, decoder?: WasmSource, webp?: WasmSource}} WasmParts */
/** @typedef {'simd128' | 'scalar' | 'threads' | 'decode' | 'webp'} ModuleName */

// Written out one by one: bundlers find assets by this very expression.
/** @type {Record<ModuleName, () => URL>} */
const DEFAULT_URLS = {
  simd128: () => new URL('../../wasm_build/dist/vit158.wasm', import.meta.url),
  scalar: () => new URL('../../wasm_build/dist/vit158-scalar.wasm', import.meta.url),
  threads: () => new URL('../../wasm_build/dist/vit158-threads.wasm', import.meta.url),
  decode: () => new URL('../../wasm_build/dist/vit158-decode.wasm', import.meta.url),
  webp: () => new URL('../../wasm_build/dist/vit158-webp.wasm', import.meta.url),
};

const MAGIC = [0x00, 0x61, 0x73, 0x6d]; // "\0asm"

/** Modules from the default places, compiled once. @type {Map<string, Promise<WebAssembly.Module>>} */
const compiled = new Map();

/**
 * @param {ModuleName} name
 * @param {WasmSource} [source] instead of the default place
 * @returns {Promise<WebAssembly.Module>}
 */
export function loadWasm(name, source) {
  if (source !== undefined) return compileFrom(name, source);
  let module = compiled.get(name);
  if (module === undefined) {
    module = ownModule(name);
    compiled.set(name, module);
    module.catch(() => compiled.delete(name)); // the next caller tries again
  }
  return module;
}

/** From where it lies, as the package was published. @param {ModuleName} name */
async function ownModule(name) {
  try {
    return await compileFrom(name, DEFAULT_URLS[name]());
  } catch (error) {
    throw (await advice())?.withoutModule(error) ?? error;
  }
}

/**
 * The modules that a caller gave: one source is the engine's, null is none.
 * @param {WasmSource | WasmParts | undefined} wasm
 * @returns {WasmParts}
 */
export function wasmParts(wasm) {
  if (!isPlainObject(wasm)) return { engine: /** @type {WasmSource} */ (wasm) };
  const given = Object.entries(/** @type {WasmParts} */ (wasm)).filter(([, source]) => source !== null);
  return Object.fromEntries(given);
}

/**
 * @param {WebAssembly.Module} module one of ours: it imports nothing, or only its memory
 * @param {WebAssembly.Memory} [memory] for the threads module
 * @returns {Promise<WebAssembly.Instance>}
 */
export async function instantiate(module, memory) {
  try {
    return await WebAssembly.instantiate(module, memory ? { env: { memory } } : {});
  } catch (error) {
    const code = isNamed(error, 'RangeError') ? 'E_MEMORY' : 'E_WASM';
    throw new Vit158Error(code, `starting the WebAssembly module: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * @param {ModuleName} name
 * @param {WasmSource} source
 */
async function compileFrom(name, source) {
  if (!hasWasm())
    throw new Vit158Error('E_WASM', 'this browser runs no WebAssembly (it may be switched off, as in a lockdown mode)');
  const given = await settled(source, `the ${name} module`);
  if (isModule(given)) return given;
  const { bytes, name: where } = await readWhole(given);
  const what = `${where} (the ${name} module)`;
  if (!MAGIC.every((byte, i) => bytes[i] === byte))
    throw new Vit158Error('E_WASM', `${what} is not WebAssembly${(await advice())?.instead(bytes) ?? ''}`);
  try {
    return await WebAssembly.compile(/** @type {BufferSource} */ (bytes));
  } catch (error) {
    throw new Vit158Error('E_WASM', `compiling ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** @param {unknown} value @returns {value is WebAssembly.Module} */
const isModule = (value) => tagOf(value) === 'WebAssembly.Module';
