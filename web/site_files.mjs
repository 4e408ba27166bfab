// SPDX-License-Identifier: MIT
// Which files make up the site, and the list of their SHA-256 that the service worker (sw.js) goes by:
// made here, never kept, so it cannot be out of date.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOCUMENTS } from './app/resources.js';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Folders of the repository by their place in the site; the longest match wins. */
export const LAYOUT = Object.freeze({
  '/': 'web',
  '/dist/': 'wasm_build/dist',
  '/models/': 'models',
});

/** Documents, wherever in the repository they are. */
export const DOCUMENTS_MOUNT = '/docs/';

/** Parts of the folders that a page does not need. */
const LEFT_OUT =
  /(^|\/)(cli|bundle|examples|recipes|drawings|build\.json|sbom\.spdx\.json|packaged\.json|screenshot\.png|inline(_modules)?\.js)(\/|$)|\.(mjs|cjs|md|d\.ts|d\.cts)$/;

/** But the models' cards, which the page shows. */
const CARD = /^models\/[^/]+\.md$/;

/** Of the rest, what the page can wait for: kept for offline use once it was asked for. */
const ON_DEMAND = /^models\/.*\.safetensors$|^dist\/vit158-import\.wasm$|^models\/[^/]*\.(svg|md)$|^docs\//;

/** The name of the list in the site. */
export const LIST = 'sw-files.js';

/**
 * @returns {Promise<Map<string, string>>} files of the repository by their path in the site, sorted
 */
export async function siteFiles() {
  /** @type {[string, string][]} */
  const found = [];
  for (const [mount, folder] of Object.entries(LAYOUT)) {
    const entries = await readdir(path.join(ROOT, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const file = path.join(entry.parentPath ?? entry.path, entry.name);
      const inFolder = path.relative(path.join(ROOT, folder), file).split(path.sep).join('/');
      const isWanted = !LEFT_OUT.test(inFolder) || CARD.test(mount.slice(1) + inFolder);
      if (entry.isFile() && isWanted) found.push([mount.slice(1) + inFolder, file]);
    }
  }
  for (const name of DOCUMENTS) found.push([DOCUMENTS_MOUNT.slice(1) + name, path.join(ROOT, name)]);
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The list as a script: what is needed to run offline, what is kept when it was asked for, and a
 * version that changes with any of it.
 * @param {Map<string, string>} files
 * @returns {Promise<string>}
 */
export async function listScript(files) {
  const manifest = JSON.parse(await readFile(path.join(ROOT, 'models/manifest.json'), 'utf8'));
  /** @type {Record<string, string>} */
  const needed = {};
  /** @type {Record<string, string>} */
  const onDemand = {};
  for (const [name, file] of files) {
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const isFirst = name === `models/${manifest.default}.safetensors`;
    (ON_DEMAND.test(name) && !isFirst ? onDemand : needed)[name] = hash;
  }
  const list = { needed, onDemand };
  const version = createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 16);
  return `self.SITE = ${JSON.stringify({ version, ...list }, null, 1)};\n`;
}
