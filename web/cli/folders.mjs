// SPDX-License-Identifier: MIT
// Folders of images, and lists of paths that are read as the work goes on.
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';

/** Names in a folder in order of their bytes. @param {string} folder */
export function listNames(folder) {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}

/** Names of the images in a folder. @param {string} folder */
export const listPictures = (folder) => listNames(folder).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));

/** @param {string} path */
export function isFolder(path) {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // reading it will say why
  }
}

/** @typedef {import('./pictures.mjs').Picture} Picture */

/**
 * The images that arguments name: files, folders, "-" for standard input.
 * @param {string[]} paths
 * @returns {Picture[]}
 */
export function picturesOf(paths) {
  return paths.flatMap(
    /** @returns {Picture[]} */ (path) => {
      if (path === '-') return [{ file: path, image: () => bytesOf(process.stdin) }];
      if (!isFolder(path)) return [{ file: path, image: () => path }];
      try {
        const names = listPictures(path);
        if (names.length === 0)
          throw new Vit158Error('E_ARGUMENT', 'the folder has no images (*.jpg, *.jpeg, *.png, *.webp)');
        return names.map((name) => path.replace(/\/?$/, '/') + name).map((file) => ({ file, image: () => file }));
      } catch (error) {
        return [{ file: path, image: () => Promise.reject(error) }];
      }
    },
  );
}

/** @param {AsyncIterable<Buffer>} stream */
async function bytesOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/**
 * A path a line; empty lines do not count. No more is read than is asked for.
 * @param {string} list a file, or "-" for standard input
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Picture>}
 */
export async function* picturesListed(list, signal) {
  const stream = list === '-' ? process.stdin : createReadStream(list);
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let rest = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = /** @type {string} */ (lines.pop());
      yield* picturesOfLines(lines);
    }
    yield* picturesOfLines([rest + decoder.decode()]);
  } catch (error) {
    if (!signal.aborted) throw new Vit158Error('E_IO', fileProblem(error), { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** @param {string[]} lines @returns {Generator<Picture>} */
function* picturesOfLines(lines) {
  for (const line of lines) {
    const file = line.replace(/\r+$/, '');
    if (file !== '') yield { file, image: () => file };
  }
}

/** Sub-folders of a folder with the images in them. @param {string} root */
export function listClassFolders(root) {
  return listNames(root)
    .filter((name) => isFolder(join(root, name)))
    .map((name) => {
      const path = join(root, name);
      return { name, path, files: listPictures(path) };
    });
}
