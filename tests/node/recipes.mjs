// SPDX-License-Identifier: MIT
// The recipes of web/SCALE.md as they stand there, in a folder where `vit158` is the native command with a small model.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

/** The blocks of code under a heading. @param {string} heading */
export function recipe(heading) {
  const [, section] = readFileSync(join(ROOT, 'web/SCALE.md'), 'utf8').split(`\n## ${heading}\n`);
  assert.ok(section, `web/SCALE.md has no section ${heading}`);
  return [...section.split('\n## ')[0].matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code]) => code);
}

/**
 * A `vit158` for the recipes; each of its processes leaves a file of its id in `folder`/pids.
 * @param {string} folder
 * @returns {NodeJS.ProcessEnv}
 */
export function commandIn(folder) {
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'pids'));
  const path = join(folder, 'bin/vit158');
  // A model for those that run one, with labels for eval; --combine has all from the parts.
  writeFileSync(
    path,
    `#!/bin/sh
echo "$@" > '${folder}/pids/'$$
case "$*" in *--combine*) exec '${ROOT}/build/native/vit158' "$@" ;; esac
case "$1" in eval) model='${join(ROOT, 'models/vit158-cifar10.safetensors')}' ;; *) model='${tinyPath('ternary-6')}' ;; esac
exec '${ROOT}/build/native/vit158' "$@" -m "$model"
`,
  );
  chmodSync(path, 0o755);
  return { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
}

/**
 * Runs a block of a recipe in a shell.
 * @param {string} code
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 */
export async function inShell(code, cwd, env) {
  const child = spawn('sh', ['-c', code], { cwd, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const [status] = await once(child, 'close');
  return { status, stdout, stderr };
}

/** labelled/: six images of two classes, one of which cannot be read. @param {string} folder */
export function writeLabelled(folder) {
  const files = { cat: ['baseline_420', 'grey', 'cmyk'], dog: ['noise_422', 'one_pixel'] };
  for (const [label, names] of Object.entries(files)) {
    mkdirSync(join(folder, 'labelled', label), { recursive: true });
    for (const name of names)
      copyFileSync(join(ROOT, `tests/data/images/${name}.jpg`), join(folder, `labelled/${label}/${name}.jpg`));
  }
  writeFileSync(join(folder, 'labelled/dog/none.jpg'), 'no image\n');
}
