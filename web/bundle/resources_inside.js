// SPDX-License-Identifier: MIT
// ../app/resources.js for a page that has everything inside itself: the same exports, nothing
// fetched. Files are base64 text in <script> elements that do not run, named by an index; workers
// start from text as well, and are sent the WebAssembly modules in a first message.
import { yieldToEventLoop } from '../lib/platform.js';
import { NOTICES, WORKER } from './inside_texts.js';

/** @typedef {import('../app/resources.js').ModelSource} ModelSource */
/** @typedef {{manifest: import('../app/resources.js').Manifest, samples: import('../app/samples.js').Sample[],
 *             types: Record<string, string>, golden: import('../lib/golden.js').Golden | null}} Index */

/** Base64 characters to decode at a stretch, about 3 ms of work. */
const STRETCH = 1 << 18;

/**
 * What the page's worker is sent before anything else.
 * @typedef {object} Parcel
 * @property {Record<string, Uint8Array>} modules  WebAssembly by name
 * @property {Blob} probe  must be readable in the worker
 */

/** In the worker. @type {Parcel['modules'] | undefined} */
let received;

/** Called in the worker, first of all. @param {Parcel['modules']} given */
export const receiveModules = (given) => {
  received = given;
};

/** @param {string} name @returns {string} base64 */
function textOf(name) {
  const element = document.getElementById(`inside:${encodeURIComponent(name)}`);
  if (!element) throw new Error(`this page has no ${name} inside`);
  return element.textContent ?? '';
}

/** @param {Parcel['modules']} modules @param {string} name */
function inside(modules, name) {
  if (!modules[name])
    throw new Error(`this page has no ${name}.wasm inside: run vit158 import on the file, and open what it makes`);
  return modules[name];
}

/** @returns {Index} */
const index = () => JSON.parse(textOf('index'));

/** @param {string} name @returns {Promise<Uint8Array>} */
async function bytesOf(name) {
  const text = textOf(name);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < text.length; at += STRETCH) {
    const piece = atob(text.slice(at, at + STRETCH));
    for (let i = 0; i < piece.length; i++) bytes[to++] = piece.charCodeAt(i);
    if (text.length > STRETCH) await yieldToEventLoop();
  }
  return bytes;
}

/** @param {string} name @param {string} type @returns {Promise<File>} */
const fileOf = async (name, type) => new File([/** @type {BlobPart} */ (await bytesOf(name))], name, { type });

export const fetchManifest = async () => index().manifest;

export const fetchSamples = async () => index().samples;

/** @param {string} file */
export const sampleUrl = (file) => `data:${index().types[file]};base64,${textOf(file)}`;

/** @param {string} file @returns {Promise<Blob>} */
export const fetchSample = (file) => fileOf(file, index().types[file]);

/** What Node gave for the samples when the page was made. @type {typeof import('../app/resources.js').goldenFile} */
export const goldenFile = () => {
  const { golden } = index();
  return golden && { golden: async () => golden, read: fetchSample };
};

/** The licence and the notices go with every copy; other documents stay at home. @param {string} file */
export const documentAddress = (file) => (Object.hasOwn(NOTICES, file) ? '#' : null);

/** @param {string} file @returns {Promise<string>} */
export async function fetchDocument(file) {
  if (documentAddress(file) === null) throw new Error(`this page has no ${file} inside`);
  return NOTICES[file];
}

/** @param {import('../app/models.js').Entry} entry @returns {Promise<ModelSource>} */
export const modelSource = async ({ file, sha256 }) => ({
  file: await fileOf(file, 'application/octet-stream'),
  sha256,
});

/** @param {ModelSource} source @returns {Promise<Blob>} */
export async function modelBlob({ file }) {
  if (!file) throw new Error('this page has no addresses');
  return file;
}

/** @type {Map<string, Promise<WebAssembly.Module>>} */
const modules = new Map();

/** @param {'vit158' | 'vit158-scalar' | 'vit158-decode'} name */
export function wasmModule(name) {
  let module = modules.get(name);
  if (!module) {
    const bytes = received ? Promise.resolve(inside(received, name)) : bytesOf(`${name}.wasm`);
    module = bytes.then((code) => WebAssembly.compile(/** @type {BufferSource} */ (code)));
    modules.set(name, module);
  }
  return module;
}

/** Memory is never shared here. @returns {URL | undefined} */
export const threadsModule = () => undefined;

/** @param {'vit158' | 'classifier'} name as worker_inside.js has them @returns {Worker} */
function workerNamed(name) {
  const url = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));
  const worker = new Worker(url, { name });
  URL.revokeObjectURL(url);
  return worker;
}

/** @returns {Worker} */
export function startWorker() {
  const worker = workerNamed('vit158');
  sendParcel(worker);
  return worker;
}

/** @param {Worker} worker */
async function sendParcel(worker) {
  const names = ['vit158', 'vit158-scalar', 'vit158-decode'];
  const all = await Promise.all(names.map((name) => bytesOf(`${name}.wasm`)));
  /** @type {Parcel} */
  const parcel = {
    modules: Object.fromEntries(names.map((name, i) => [name, all[i]])),
    probe: new Blob(['probe']),
  };
  worker.postMessage(parcel);
}

/**
 * @param {ModelSource} source
 * @param {import('../app/resources.js').PoolOptions} options
 */
export async function loadPool({ file, sha256, metadata }, { variant, ...options }) {
  const { Classifier } = await import('../lib/vit158.js');
  const { variantHere } = await import('../app/variant.js');
  const { engine, module } = variantHere(variant);
  const wasm = { engine: await wasmModule(module), decoder: await wasmModule('vit158-decode') };
  const newWorker = () => workerNamed('classifier');
  const more = { engine, sha256, metadata, wasm, newWorker };
  return Classifier.load(/** @type {Blob} */ (file), { ...options, ...more });
}
