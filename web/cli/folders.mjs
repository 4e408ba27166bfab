// SPDX-License-Identifier: MIT
// Folders of images, and lists of paths that are read as the work goes on.
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Names in a folder in order of their bytes. @param {string} folder */
function listNames(folder) {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new Vit158Error('E_IO', code === 'ENOTDIR' ? 'it is not a folder' : fileProblem(error));
  }
}

/** Names of the images in a folder. @param {string} folder */
export const listImages = (folder) => listNames(folder).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));

/** @param {string} path */
export function isFolder(path) {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // reading it will say why
  }
}

/** @typedef {import('./images.mjs').NamedImage} NamedImage */

/**
 * The images that arguments name: files, folders, "-" for standard input.
 * @param {string[]} paths
 * @returns {NamedImage[]}
 */
export function imagesOf(paths) {
  return paths.flatMap(
    /** @returns {NamedImage[]} */ (path) => {
      if (path === '-') return [{ file: path, image: () => bytesOf(process.stdin) }];
      if (!isFolder(path)) return [{ file: path, image: () => (path === '' ? openBytes(Buffer.alloc(0)) : path) }];
      try {
        const names = listImages(path);
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
 * @returns {AsyncGenerator<NamedImage>}
 */
export async function* imagesListed(list, signal) {
  const stream = list === '-' ? process.stdin : createReadStream(list);
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
        yield* imageOfLine(rest.subarray(0, end));
        rest = rest.subarray(end + 1);
      }
    }
    yield* imageOfLine(rest);
  } catch (error) {
    if (!signal.aborted) throw new Vit158Error('E_IO', fileProblem(error), { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** @param {Buffer} line @returns {Generator<NamedImage>} */
function* imageOfLine(line) {
  let { length } = line;
  while (line[length - 1] === RETURN) length--;
  if (length === 0) return;
  const bytes = line.subarray(0, length);
  const file = bytes.toString();
  yield { file, image: () => (bytes.equals(Buffer.from(file)) ? file : openBytes(bytes)) };
}

/**
 * A file by the bytes of its path: Node has no text for what is not UTF-8.
 * @param {Buffer} path
 */
async function openBytes(path) {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}

/** Sub-folders of a folder with the images in them. @param {string} root */
export function listClassFolders(root) {
  return listNames(root)
    .filter((name) => isFolder(join(root, name)))
    .map((name) => {
      const path = join(root, name);
      return { name, path, files: listImages(path) };
    });
}
