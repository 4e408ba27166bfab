// SPDX-License-Identifier: MIT
// The npm package as `npm pack` makes it, for tests of what a user gets.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './shared.mjs';

/** @param {string} folder @returns {string} the tarball in it */
export function packInto(folder) {
  const { code, stdout, stderr } = run('npm', ['pack', '--silent', '--pack-destination', folder]);
  assert.equal(code, 0, stderr);
  return join(folder, stdout.trim());
}

/**
 * Lays the package into a project's node_modules; quicker than npm.
 * @param {string} project
 * @returns {string} the tarball
 */
export function installPackage(project) {
  const tarball = packInto(project);
  mkdirSync(join(project, 'node_modules'));
  assert.equal(run('tar', ['-xzf', tarball, '-C', project]).code, 0);
  renameSync(join(project, 'package'), join(project, 'node_modules/vit158'));
  return tarball;
}
