// SPDX-License-Identifier: MIT
// Where everything comes from that the page and its worker need besides their own modules: models,
// samples, WebAssembly and workers. The only module that knows an address, so that a page with
// everything inside itself needs another one of these and nothing else.

const ROOT = new URL('../', import.meta.url);
const MODELS = new URL('models/', ROOT);
const WORKER = new URL('./page_worker.js', import.meta.url);

/**
 * models/manifest.json.
 * @typedef {object} Manifest
 * @property {string} default  name of the model to load first
 * @property {import('./models.js').Entry[]} models
 */

/** @type {Promise<Manifest> | undefined} */
let manifest;

/** Fetched once, or anew after a failure. @returns {Promise<Manifest>} */
export function fetchManifest() {
  manifest ??= fetchJson(new URL('manifest.json', MODELS)).catch((error) => {
    manifest = undefined;
    throw error;
  });
  return /** @type {Promise<Manifest>} */ (manifest);
}

/**
 * The sample images of a model.
 * @param {import('./models.js').Entry} entry
 * @returns {Promise<import('./samples.js').Sample[]>} their files relative to models/
 */
export async function fetchSamples({ samples: list }) {
  if (!list) return [];
  /** @type {{samples: import('./samples.js').Sample[]}} */
  const { samples } = await fetchJson(new URL(list, MODELS));
  return samples.map((sample) => ({ ...sample, file: list.replace(/[^/]*$/, sample.file) }));
}

/** @param {string} file of a sample @returns {string} an address for <img> and fetchSample */
export const sampleUrl = (file) => new URL(file, MODELS).href;

/** @param {string} file of a sample @returns {Promise<Blob>} */
export async function fetchSample(file) {
  const response = await fetch(sampleUrl(file));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.blob();
}

/**
 * What was recorded of a model and its samples, and where these images are.
 * @param {import('./models.js').Entry} entry
 * @returns {{golden: () => Promise<import('../lib/golden.js').Golden>,
 *            read: (file: string) => import('../lib/vit158.js').ByteSource} | null}
 *   null where there is none
 */
export function goldenFile({ golden }) {
  if (!golden) return null;
  const url = new URL(golden, MODELS);
  return { golden: () => fetchJson(url), read: (file) => new URL(file, url).href };
}

/** The documents that the page offers, by their path in the repository; the site has them under docs/. */
export const DOCUMENTS = Object.freeze([
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'THIRD-PARTY.md',
  'models/recipes/README.md',
  'models/samples/README.md',
  'src/METHODS.md',
  'src/README.md',
  'src/compress/QUANTIZE.md',
  'src/model/FORMAT.md',
  'web/API.md',
  'web/COMMANDS.md',
  'web/FILES.md',
  'web/IMPORT.md',
  'web/README.md',
  'web/TUTORIAL.md',
  'web/app/README.md',
  'web/lib/README.md',
]);

/** Cards of models and what they show; the modules of this page, which are its source. */
const BESIDE = /^models\/[^/]+\.(md|svg)$|^web\/(app|lib)\/\w+\.js$/;

/**
 * Where a document is.
 * @param {string} file  its path in the repository
 * @returns {string | null} null if this page does not have it
 */
export function documentAddress(file) {
  if (DOCUMENTS.includes(file)) return new URL(`docs/${file}`, ROOT).href;
  return BESIDE.test(file) ? new URL(file.replace(/^web\//, ''), ROOT).href : null;
}

/** @param {string} file  its path in the repository @returns {Promise<string>} */
export async function fetchDocument(file) {
  const address = documentAddress(file);
  if (address === null) throw new Error(`there is no ${file} here`);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.text();
}

/**
 * A model as it crosses to the worker: an address, or the file itself.
 * @typedef {object} ModelSource
 * @property {string} [url]
 * @property {Blob} [file]
 * @property {string} [sha256]  what the file must have
 * @property {Record<string, string>} [metadata]  what it does not say
 */

/**
 * @param {import('./models.js').Entry} entry
 * @returns {Promise<ModelSource>}
 */
export async function modelSource({ file, sha256 }) {
  return { url: new URL(file, MODELS).href, sha256 };
}

/**
 * The whole of a model file, for a look inside.
 * @param {ModelSource} source
 * @returns {Promise<Blob>}
 */
export async function modelBlob({ url, file }) {
  if (file) return file;
  const response = await fetch(/** @type {string} */ (url));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.blob();
}

/** Compiled modules by name. @type {Map<string, Promise<WebAssembly.Module | URL>>} */
const modules = new Map();

/**
 * Compiles while it downloads. If that fails, the library is given the address instead: it tries
 * again and says what is wrong.
 * @param {'vit158' | 'vit158-scalar' | 'vit158-decode' | 'vit158-import'} name
 * @returns {Promise<WebAssembly.Module | URL>}
 */
export function wasmModule(name) {
  let module = modules.get(name);
  if (!module) {
    const url = wasmUrl(name);
    module = WebAssembly.compileStreaming(fetch(url)).catch(() => url);
    modules.set(name, module);
  }
  return module;
}

/** @returns {URL | undefined} of the module with threads, where memory can be shared */
export const threadsModule = () => (globalThis.crossOriginIsolated ? wasmUrl('vit158-threads') : undefined);

/** @returns {Worker} one that answers protocol.js */
export const startWorker = () => new Worker(WORKER, { type: 'module', name: 'vit158' });

/**
 * @typedef {object} PoolOptions
 * @property {'auto' | 'scalar'} variant
 * @property {number | false} worker  how many, or none: on the page's own thread
 * @property {AbortSignal} [signal]
 */

/**
 * The library's own workers, for many images at once.
 * @param {ModelSource} source
 * @param {PoolOptions} options
 */
export async function loadPool({ url, file, sha256, metadata }, { variant, ...options }) {
  const { Classifier } = await import('../lib/vit158.js');
  const { variantHere } = await import('./variant.js');
  const { engine, module } = variantHere(variant);
  const wasm = { engine: await wasmModule(module), decoder: await wasmModule('vit158-decode') };
  return Classifier.load(file ?? /** @type {string} */ (url), { ...options, engine, sha256, metadata, wasm });
}

/** @param {string} name of a WebAssembly module */
const wasmUrl = (name) => new URL(`dist/${name}.wasm`, ROOT);

/**
 * @param {URL} url
 * @returns {Promise<any>}
 */
async function fetchJson(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  if (!/json/.test(response.headers.get('content-type') ?? '')) throw new Error(`${response.url} is not JSON`);
  return response.json();
}
