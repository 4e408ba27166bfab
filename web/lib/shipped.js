// SPDX-License-Identifier: MIT
/**
 * The models that come with the package, by their names: in Node only, since a page has its own
 * addresses.
 */
import { Vit158Error } from './errors.js';
import { nodeModule } from './platform.js';

/** What to do with a folder in a model's place. */
export const FOLDER = 'it is a folder: run vit158 import FOLDER -o OUT.safetensors if Hugging Face or timm wrote it';
const NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * The file of a shipped model where its name was given and no such file lies here, as the commands
 * have it: in the folder that VIT158_MODELS names, else in the package's models/. Any other path as
 * it is; a folder is refused with advice.
 * @param {string} source  a path or a name
 * @returns {Promise<string>}
 */
export async function shippedModel(source) {
  const { stat } = /** @type {typeof import('node:fs/promises')} */ (await nodeModule('fs/promises'));
  const look = (/** @type {string} */ path) => stat(path).catch(() => undefined);
  const found = await look(source);
  if (found?.isDirectory()) throw new Vit158Error('E_IO', `${source}: ${FOLDER}`);
  if (found || !NAME.test(source)) return source;
  const folder = process.env.VIT158_MODELS || (await packageModels());
  const path = `${folder}/${source.replace(/\.safetensors$/, '')}.safetensors`;
  if (await look(path)) return path;
  const { readFile } = /** @type {typeof import('node:fs/promises')} */ (await nodeModule('fs/promises'));
  const list = await readFile(`${folder}/packaged.json`, 'utf8').catch(() => '{}');
  throw new Vit158Error('E_IO', `${source}: ${absentModel(source, folder, list)}`);
}

/**
 * What to say of a name that no file stands for.
 * @param {string} name
 * @param {string} folder of the models
 * @param {string} list  its packaged.json, "{}" if it has none
 * @returns {string}
 */
export function absentModel(name, folder, list) {
  /** @type {{elsewhere?: {names: string[], where: string}}} */
  const { elsewhere } = JSON.parse(list);
  const plain = name.replace(/\.safetensors$/, '');
  if (elsewhere?.names.includes(plain))
    return `this model does not come with the package: take ${plain}.safetensors from ${elsewhere.where}`;
  return `there is no such file, and no model of that name in ${folder}`;
}

/** Not as an asset that bundlers would take along: they may have put this file anywhere. */
async function packageModels() {
  const { fileURLToPath } = /** @type {typeof import('node:url')} */ (await nodeModule('url'));
  const here = fileURLToPath(import.meta.url); // web/lib/FILE; new URL() would be an asset to Turbopack
  return here.replace(/([^/\\]+[/\\]){2}[^/\\]+$/, 'models');
}
