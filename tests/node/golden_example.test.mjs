// SPDX-License-Identifier: MIT
// The regression test that web/README.md shows works as shown: in a project of its own, passing as
// long as the model gives what was recorded, and failing with the step once it does not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, temporaryFolder } from './shared.mjs';
import { tinyPath } from './tiny.mjs';

const project = temporaryFolder();
mkdirSync(join(project, 'node_modules'));
symlinkSync(ROOT, join(project, 'node_modules/vit158'));
mkdirSync(join(project, 'images'));
for (const name of ['baseline_420.jpg', 'progressive.jpg'])
  copyFileSync(join(ROOT, 'tests/data/images', name), join(project, 'images', name));
copyFileSync(tinyPath('ternary-6'), join(project, 'model.safetensors'));

const readme = readFileSync(join(ROOT, 'web/README.md'), 'utf8');
const [, commands, example] =
  readme.match(/^### Regression tests of a model\n.*?((?:^ {4}npx vit158 [^\n]*\n)+).*?^```js\n(.*?)^```/ms) ?? [];

/** @param {string} command @param {string[]} args */
function run(command, args) {
  // NODE_TEST_CONTEXT would make the inner `node --test` report to the outer one.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return spawnSync(command, args, { cwd: project, encoding: 'utf8', env });
}

test('the example passes, and fails once a step differs', () => {
  const [record, verify] = commands
    .trim()
    .split('\n')
    .map((line) => line.trim().replace('npx vit158', `'${process.execPath}' node_modules/vit158/web/cli.mjs`));
  assert.equal(run('sh', ['-c', record]).status, 0);
  assert.equal(run('sh', ['-c', verify]).status, 0);
  writeFileSync(join(project, 'model.test.mjs'), example);
  const good = run(process.execPath, ['--test', 'model.test.mjs']);
  assert.equal(good.status, 0, good.stdout);
  assert.match(good.stdout, /pass 1/);

  const golden = JSON.parse(readFileSync(join(project, 'golden.json'), 'utf8'));
  golden.pictures[1].steps['blocks.1.mlp'] = golden.pictures[1].steps.embed;
  writeFileSync(join(project, 'golden.json'), JSON.stringify(golden));
  const bad = run(process.execPath, ['--test', 'model.test.mjs']);
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /images\/progressive\.jpg: first difference in blocks\.1\.mlp/);
});
