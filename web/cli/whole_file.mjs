// SPDX-License-Identifier: MIT
// Files that appear under their name only when they are complete: whoever opens the name finds the old
// file or the new one, whole, whatever happens meanwhile (as src/base/file.h does it natively).
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { Vit158Error, messageOf } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';

/** As src/cli/files.c says it. @param {any} error */
export function writeProblem(error) {
  if (['ENOENT', 'ENOTDIR'].includes(error?.code)) return 'there is no such folder';
  if (['EACCES', 'EPERM', 'EROFS'].includes(error?.code)) return 'it may not be written';
  return error?.code ? fileProblem(error) : messageOf(error);
}

/** Nothing if there is no such file, or it cannot be looked at. @param {string} path */
export function statOf(path) {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * A file of a name that nobody else uses, beside `path`.
 * @param {string} path
 */
function createBeside(path) {
  if (statOf(path)?.isDirectory()) throw new Error('it is a folder');
  const temporary = `${path}.tmp-${process.pid}`;
  return { temporary, file: openSync(temporary, 'w') };
}

/**
 * Writes a file piece by piece; `check` sees it under its temporary name before it gets its own.
 * @param {string} path
 * @param {(put: (bytes: Uint8Array) => void) => void} write
 * @param {(temporary: string) => Promise<void>} check
 */
export async function replaceFile(path, write, check) {
  /** @type {string | undefined} */
  let temporary;
  try {
    const created = createBeside(path);
    temporary = created.temporary;
    fill(created.file, write);
    await check(temporary);
    renameSync(temporary, path);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    if (error instanceof Vit158Error) throw error;
    throw new Vit158Error('E_IO', `${path} cannot be written: ${writeProblem(error)}`);
  }
}

/** Writes a text, or leaves what was there. @param {string} path @param {string} text */
export function writeWhole(path, text) {
  /** @type {string | undefined} */
  let temporary;
  try {
    const created = createBeside(path);
    temporary = created.temporary;
    fill(created.file, (put) => put(Buffer.from(text)));
    renameSync(temporary, path);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new Vit158Error('E_IO', `cannot be written: ${writeProblem(error)}`);
  }
}

/** To the disk, and closed. @param {number} file @param {(put: (bytes: Uint8Array) => void) => void} write */
function fill(file, write) {
  try {
    write((bytes) => {
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
    });
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
