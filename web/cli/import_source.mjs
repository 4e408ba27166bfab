// SPDX-License-Identifier: MIT
// What the import module reads from: the files of a folder.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';

export const IMPORT_MODULE = new URL('../../wasm_build/dist/vit158-import.wasm', import.meta.url);

/** Files as the module asks for them: the one read last stays open. */
export class SourceFolder {
  /** @type {{name: string, descriptor: number, size: number} | undefined} */
  #open;

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
  }

  /** @param {string} name */
  #find(name) {
    if (this.#open?.name === name) return this.#open;
    this.close();
    try {
      const path = join(this.folder, name);
      const { size } = statSync(path);
      if (!statSync(path).isFile()) return undefined;
      this.#open = { name, descriptor: openSync(path, 'r'), size };
    } catch {
      return undefined;
    }
    return this.#open;
  }

  /** Length, -1 if there is no such file. @param {string} name */
  size(name) {
    return this.#find(name)?.size ?? -1;
  }

  /** @param {string} name @param {number} offset @param {Uint8Array} into */
  read(name, offset, into) {
    const file = this.#find(name);
    if (file === undefined) return false;
    for (let done = 0; done < into.length;) {
      const n = readSync(file.descriptor, into, done, into.length - done, offset + done);
      if (n === 0) return false;
      done += n;
    }
    return true;
  }

  close() {
    if (this.#open !== undefined) closeSync(this.#open.descriptor);
    this.#open = undefined;
  }
}

/** Whether a source is a folder; throws if it cannot be looked at. @param {string} source */
export function isFolder(source) {
  try {
    return statSync(source).isDirectory();
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}
