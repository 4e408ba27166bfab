// SPDX-License-Identifier: MIT
// What the commands share about models: the options that choose one and how it runs, where --model
// leads, and the members that end every record.
import { accessSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bestVariant } from '../lib/detect.js';
import { Engine } from '../lib/engine.js';
import { Vit158Error, isVit158Error, messageOf } from '../lib/errors.js';
import { loadWasm } from '../lib/load_wasm.js';
import { absentModel } from '../lib/shipped.js';
import { Classifier } from '../lib/vit158.js';
import { complain, printable, problemWith } from './console.mjs';
import { chooseWorkers } from './images.mjs';
import { statOf } from './whole_file.mjs';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));

/** @type {import('./options.mjs').Option[]} */
export const RUN_OPTIONS = [
  { name: '--model', letter: '-m', placeholder: 'M', help: 'model file, or name of a model in models/' },
  { name: '--engine', choices: ['auto', 'scalar', 'simd128', 'avx2'], help: 'kernels to run (auto: the fastest)' },
  { name: '--gemm', choices: ['auto', 'dot', 'table'], help: 'kernel of ternary products (auto: by layer shape)' },
  { name: '--threads', placeholder: 'N', range: [1, 64], help: 'threads per image (1)' },
  {
    name: '--merge',
    placeholder: 'M',
    help: 'tokens to merge: fast, faster, fastest, or block:tokens,... (off)',
  },
];

/**
 * The model that the options ask for; on failure the complaint has been printed.
 * @param {string} command
 * @param {import('./options.mjs').Values} values
 * @param {{images?: number, signal?: AbortSignal, called?: string}} [how] for many images there may be workers;
 *   called: the model's name in complaints, if it is not its path
 * @returns {Promise<Classifier | undefined>}
 */
export async function loadModel(command, values, { images = 1, signal, called } = {}) {
  const wanted = /** @type {string | undefined} */ (values['--model']);
  let path = wanted;
  try {
    path = findModel(wanted);
    const workers = chooseWorkers(values, images, statOf(path)?.size ?? 0);
    return await Classifier.load(path, { ...loadOptions(values), worker: workers > 1 && workers, signal });
  } catch (error) {
    if (!signal?.aborted) complain(command, called ?? path, called === undefined ? error : unnamed(path, error));
    return undefined;
  }
}

/** An error that is told of a model by another name than its path. @param {string | undefined} path @param {unknown} error */
const unnamed = (path, error) => (isVit158Error(error) ? new Vit158Error(error.code, problemWith(path, error)) : error);

/**
 * @param {string} [wanted] a path, or the name of a model in the collection, which is the folder
 *   named by the environment variable VIT158_MODELS, else the package's models/
 */
export function findModel(wanted) {
  if (wanted !== undefined && (wanted.includes('/') || isReadable(wanted))) return wanted;
  const folder = process.env.VIT158_MODELS || MODELS;
  const name = wanted ?? defaultModel(folder);
  const path = join(folder, name.includes('.safetensors') ? name : `${name}.safetensors`);
  if (!isReadable(path)) {
    const list = join(folder, 'packaged.json');
    throw new Vit158Error('E_IO', absentModel(name, folder, isReadable(list) ? readFileSync(list, 'utf8') : '{}'));
  }
  return path;
}

/**
 * What the package's collection says of the model with this content.
 * @param {string} sha256
 * @returns {{title?: string, dataset?: string, accuracy?: string}}
 */
export function collectionEntry(sha256) {
  const { models } = JSON.parse(readFileSync(manifestOf(MODELS), 'utf8'));
  const entry = models.find((/** @type {any} */ model) => model.sha256 === sha256);
  if (!entry) return {};
  const { title, dataset, accuracy } = entry;
  return { title, dataset, accuracy };
}

/** The package has fewer models than the repository, and a list of its own. @param {string} folder */
function manifestOf(folder) {
  const whole = join(folder, 'manifest.json');
  const packaged = join(folder, 'packaged.json');
  return !isReadable(whole) && isReadable(packaged) ? packaged : whole;
}

/** @param {string} folder */
function defaultModel(folder) {
  try {
    return String(JSON.parse(readFileSync(manifestOf(folder), 'utf8')).default);
  } catch (error) {
    throw new Vit158Error('E_IO', `no --model given, and no default: ${messageOf(error)}`);
  }
}

/** @param {string} path */
export function isReadable(path) {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The members that end every record. @param {Classifier} vit */
export function modelMembers(vit) {
  const { name, engine, numericsVersion: numerics, memoryBytes } = vit.info();
  return { model: name, engine, numerics_version: numerics, memory_bytes: memoryBytes };
}

/** How the options ask a model to be run. @param {import('./options.mjs').Values} values */
export function loadOptions({
  '--engine': engine = 'auto',
  '--gemm': gemm = 'auto',
  '--threads': threads = 1,
  '--merge': merge,
}) {
  if (engine === 'avx2')
    throw new Vit158Error('E_UNSUPPORTED', '--engine avx2: not in this build, or not for this processor');
  return /** @type {import('../lib/vit158.d.ts').LoadOptions} */ ({ engine, gemm, threads, merge });
}

/** Of the module that would run. */
export async function numericsVersion() {
  return (await Engine.create(await loadWasm(bestVariant()))).numericsVersion;
}

/**
 * The facts of a model under the names that C has for them: "imageSize" is "image_size".
 * @param {import('../lib/vit158.d.ts').ModelInfo} model
 * @returns {Record<string, number>}
 */
export function modelFacts(model) {
  return Object.fromEntries(
    Object.entries(model).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** Without the long lists. @param {Record<string, string>} metadata */
export function shortMetadata({ labels: _labels, wnids: _wnids, encodings: _encodings, ...rest }) {
  return rest;
}

/** A line of a name and a value for each. @param {Record<string, string | number>} facts */
export const factLines = (facts) =>
  Object.entries(facts)
    .map(([name, value]) => `  ${printable(name).padEnd(20)} ${printable(String(value))}\n`)
    .join('');
