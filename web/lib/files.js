// SPDX-License-Identifier: MIT
/** Node's files as streams of bytes, and what is said of those that cannot be read. */
import { Vit158Error, messageOf, wrapErrors } from './errors.js';
import { nodeModule } from './platform.js';
import { CHUNK_BYTES } from './source.js';

/** What the commands say, too (src/cli/files.c). @type {Record<string, string>} */
const FILE_PROBLEMS = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** Why a file could not be read. @param {any} error of node:fs @returns {string} */
export function fileProblem(error) {
  return FILE_PROBLEMS[error?.code] ?? `it cannot be read: ${messageOf(error)}`;
}

/** @param {string} where file: URL @returns {Promise<string>} */
async function pathOfUrl(where) {
  const { fileURLToPath } = /** @type {typeof import('node:url')} */ (await nodeModule('url'));
  return wrapErrors('E_INPUT', where, () => fileURLToPath(where));
}

/**
 * @param {string} where path or file: URL
 * @returns {Promise<import('./source.js').ByteStream>}
 */
export async function openFile(where) {
  const { open } = /** @type {typeof import('node:fs/promises')} */ (await nodeModule('fs/promises'));
  const path = where.startsWith('file:') ? await pathOfUrl(where) : where;
  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  const reading = async (work) => {
    try {
      return await work();
    } catch (error) {
      throw new Vit158Error('E_IO', `${where}: ${fileProblem(error)}`, { cause: error });
    }
  };
  const file = await reading(() => open(path, 'r'));
  try {
    const stat = await reading(() => file.stat());
    if (stat.isDirectory()) throw new Vit158Error('E_IO', `${where}: it is a folder`);
    const length = stat.isFile() ? stat.size : 0;
    const buffer = new Uint8Array(CHUNK_BYTES);
    /** @type {Promise<unknown>} */
    let busy = Promise.resolve();
    return {
      name: where,
      path: where,
      length,
      announced: 0,
      pull() {
        const read = reading(async () => {
          const { bytesRead } = await file.read(buffer, 0, buffer.length);
          return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
        });
        busy = read.catch(() => {});
        return read;
      },
      close: () => busy.then(() => file.close()).catch(() => {}),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}
