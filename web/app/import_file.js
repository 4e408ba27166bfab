// SPDX-License-Identifier: MIT
// A model file of another library, made one of ours in the page's worker. Fetched, with the import
// module, when the first such file is opened.
import { IMPORT_WEIGHTS, runImport } from '../lib/import_module.js';

/**
 * What someone has said of a file that does not say it itself.
 * @typedef {object} Said
 * @property {number} heads      0: as the file tells
 * @property {string} labels     one a line, "" for none
 * @property {Record<string, string>} metadata  mean and std
 */

/**
 * @param {WebAssembly.Module | URL} given  the import module, or where it is
 * @param {File} file
 * @param {Said} said
 * @returns {Promise<File>} the same model as a file that the engine opens
 */
export async function importFile(given, file, { heads, labels, metadata }) {
  const module = given instanceof URL ? await WebAssembly.compile(await (await fetch(given)).arrayBuffer()) : given;
  const whole = new Uint8Array(await file.arrayBuffer());
  const files = {
    size: (/** @type {string} */ name) => (name === file.name ? whole.length : -1),
    read(/** @type {string} */ name, /** @type {number} */ offset, /** @type {Uint8Array} */ into) {
      if (name !== file.name || offset + into.length > whole.length) return false;
      into.set(whole.subarray(offset, offset + into.length));
      return true;
    },
  };
  const utf8 = new TextEncoder();
  const { write } = await runImport(module, files, {
    file: utf8.encode(file.name),
    weights: IMPORT_WEIGHTS[0],
    heads,
    labels: labels === '' ? undefined : utf8.encode(labels),
    metadata: utf8.encode(JSON.stringify(metadata)),
  });
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const pieces = [];
  write((bytes) => pieces.push(new Uint8Array(bytes)));
  return new File(pieces, `${file.name.replace(/\.\w+$/, '')}.safetensors`);
}
