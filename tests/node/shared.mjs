// SPDX-License-Identifier: MIT
// Where tests find things: the repository, the small models of tests/data/tiny, the shared checkpoints
// and data when they are there, and temporary folders.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TINY = join(ROOT, 'tests/data/tiny');
export const NATIVE = join(ROOT, 'build/native/vit158');

const SHARED = process.env.VIT158_SHARED ?? resolve(ROOT, '../shared');

/**
 * For a test that needs files of the shared folder: `skip` is false if they are there, else the
 * reason, which is also printed.
 * @param {...string} paths in the shared folder
 */
export function sharedFiles(...paths) {
  const files = paths.map((path) => join(SHARED, path));
  const missing = files.find((file) => !existsSync(file));
  const skip = missing === undefined ? false : `NOT TESTED: ${missing} is not there`;
  if (skip) process.stderr.write(`${skip}\n`);
  return { skip, files };
}

/** A folder that is removed after the file's tests. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'vit158-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Unpacks an archive of the shared folder once, under build/.
 * @param {string} archive
 * @param {string} name of the folder
 */
export function unpacked(archive, name) {
  const folder = join(ROOT, 'build/data', name);
  if (!existsSync(folder)) {
    const half = `${folder}.part-${process.pid}`;
    mkdirSync(half, { recursive: true });
    execFileSync('tar', ['-xf', archive, '-C', half]);
    execFileSync('mv', ['-T', half, folder]);
  }
  return folder;
}
