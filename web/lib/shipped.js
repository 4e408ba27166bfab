// SPDX-License-Identifier: MIT
/**
 * The models that come with the package, by their names: in Node only, since a page has its own
 * addresses.
 */
import { Vit158Error } from './errors.js';
import { hasFiles, nodeModule } from './platform.js';
import { settled } from './source.js';

const NAME = /^[A-Za-z0-9][\w.-]*$/;

/**
 * The file of a shipped model where its name was given and no such file lies here, as the commands
 * have it: in the folder that VIT158_MODELS names, else in the package's models/. Everything else as
 * it is.
 * @param {import('./vit158.d.ts').ByteSource} given
 * @returns {Promise<Awaited<import('./vit158.d.ts').ByteSource>>}
 */
export async function shippedModel(given) {
  const source = await settled(given, 'the source');
  if (typeof source !== 'string' || !NAME.test(source) || !hasFiles()) return source;
  const { access } = /** @type {typeof import('node:fs/promises')} */ (await nodeModule('fs/promises'));
  const isThere = (/** @type {string} */ path) =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await isThere(source)) return source;
  const folder = process.env.VIT158_MODELS || (await packageModels());
  const path = `${folder}/${source.replace(/\.safetensors$/, '')}.safetensors`;
  if (await isThere(path)) return path;
  throw new Vit158Error('E_IO', `${source}: there is no such file, and no model of that name in ${folder}`);
}

/** Not as an asset that bundlers would take along: they may have put this file anywhere. */
async function packageModels() {
  const { fileURLToPath } = /** @type {typeof import('node:url')} */ (await nodeModule('url'));
  const here = import.meta.url;
  return fileURLToPath(new URL('../../models', here));
}
