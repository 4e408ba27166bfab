// SPDX-License-Identifier: MIT
// Where tests find things (the repository, tiny models, the shared checkpoints and data when they are
// there, temporary folders) and how they run the two commands.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TINY = join(ROOT, 'tests/data/tiny');

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
 * Unpacks part of an archive once, under build/.
 * @param {string} archive
 * @param {string} part a folder in the archive
 */
export function unpacked(archive, part) {
  const folder = join(ROOT, 'build/data');
  if (!existsSync(join(folder, part))) {
    const half = join(folder, `part-${process.pid}`);
    mkdirSync(half, { recursive: true });
    execFileSync('tar', ['-xf', archive, '-C', half, part]);
    mkdirSync(dirname(join(folder, part)), { recursive: true });
    renameSync(join(half, part), join(folder, part));
    rmSync(half, { recursive: true, force: true });
  }
  return join(folder, part);
}

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
export function run(command, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  return { code: status, stdout, stderr };
}

/** The npm command. @param {string[]} args */
export const npmCommand = (...args) => run(process.execPath, [join(ROOT, 'web/cli.mjs'), ...args]);

/** The native command; the tests' build makes it. The proof of coverage has another one. */
export const NATIVE = process.env.VIT158_NATIVE ?? join(ROOT, 'build/native/vit158');

/** @param {string[]} args */
export function nativeCommand(...args) {
  if (!existsSync(NATIVE)) throw new Error(`${NATIVE} is missing: run \`npm run build:native\``);
  return run(NATIVE, args);
}

/** @param {string} lines JSON, one record a line */
export const jsonLines = (lines) =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Pixels of a binary PPM (P6, 255) file. @param {string} path */
export function readPpm(path) {
  const file = readFileSync(path);
  const [start, width, height] = file.toString('latin1', 0, 64).match(/^P6\s(\d+)\s(\d+)\s255\s/) ?? [];
  if (start === undefined) throw new Error(`${path} is no P6 file`);
  return { data: new Uint8Array(file.subarray(start.length)), width: Number(width), height: Number(height) };
}
