// SPDX-License-Identifier: MIT
// The packed package in Jest (as it comes, with jsdom, with ES modules), Vitest with jsdom, and Express, all
// from npm. It needs the network and a minute.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packInto } from '../node/packed.mjs';
import { ROOT, run, temporaryFolder } from '../node/shared.mjs';

const VERSIONS = ['jest@30.5.2', 'jest-environment-jsdom@30.5.2', 'vitest@4.1.12', 'jsdom@29.1.1', 'express@5.3.0'];

const project = temporaryFolder();
cpSync(join(ROOT, 'tests/consumer/runners'), project, { recursive: true });
copyFileSync(join(ROOT, 'models/samples/cat.jpg'), join(project, 'cat.jpg'));
writeFileSync(join(project, 'package.json'), '{"private": true}');
const installed = run('npm', [
  'install',
  '--no-audit',
  '--no-fund',
  '--prefix',
  project,
  packInto(project),
  ...VERSIONS,
]);
assert.equal(installed.code, 0, installed.stderr);

/** In the project. @param {string} line @param {NodeJS.ProcessEnv} [env] */
const inProject = (line, env) => run('bash', ['-c', `cd '${project}' && ${line}`], env);

test('Jest as it comes, and with jsdom', () => {
  const { code, stderr } = inProject('npx jest cjs dom');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Tests: +6 passed, 6 total/);
});

test('Jest with ES modules', () => {
  const { code, stderr } = inProject("npx jest esm --testMatch '**/*.test.mjs'", {
    NODE_OPTIONS: '--experimental-vm-modules',
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Tests: +1 passed, 1 total/);
});

test('Vitest with jsdom', () => {
  const { code, stdout, stderr } = inProject('npx vitest run vitest.spec.mjs', {
    NO_COLOR: '1',
    NODE_TEST_CONTEXT: undefined,
  });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /Tests +1 passed \(1\)/);
});

test('Express', () => {
  const { code, stdout, stderr } = inProject('node express_server.mjs');
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), ['cat', 'cat', 'cat', 'E_FORMAT']);
});
