// SPDX-License-Identifier: MIT
// Next.js from npm: the app router, a page in Chromium and a route handler with workers and threads. It needs the
// network and two minutes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { launch } from '../browser/harness.mjs';
import { packInto } from '../node/packed.mjs';
import { ROOT, run, temporaryFolder } from '../node/shared.mjs';

const project = temporaryFolder();
cpSync(join(ROOT, 'tests/consumer/next'), project, { recursive: true });
mkdirSync(join(project, 'public'));
copyFileSync(join(ROOT, 'models/vit158-cifar10.safetensors'), join(project, 'public/model.safetensors'));
copyFileSync(join(ROOT, 'models/samples/cat.jpg'), join(project, 'public/cat.jpg'));
writeFileSync(join(project, 'package.json'), '{"private": true}');
const installed = run('npm', [
  'install',
  '--no-audit',
  '--no-fund',
  '--prefix',
  project,
  packInto(project),
  'next@16.4.6',
  'react@19',
  'react-dom@19',
]);
assert.equal(installed.code, 0, installed.stderr);

test('a page and a route handler', async () => {
  const next = join(project, 'node_modules/.bin/next');
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  const built = run('bash', ['-c', `cd '${project}' && '${next}' build`], env);
  assert.equal(built.code, 0, built.stdout + built.stderr);
  const server = spawn(process.execPath, [next, 'start', '-p', '0'], { cwd: project, env });
  after(() => server.kill());
  let said = '';
  for await (const chunk of server.stdout) {
    said += chunk;
    if (/Ready/.test(said) && /localhost:\d+/.test(said)) break;
  }
  const [address] = said.match(/http:\/\/localhost:\d+/) ?? [''];
  assert.deepEqual(await (await fetch(`${address}/api/classify`)).json(), [
    ['cat', 0, 1],
    ['cat', 1, 1],
    ['cat', 0, 2],
  ]);
  const browser = await launch();
  after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction(() => document.querySelector('output')?.textContent !== '');
  assert.equal(await page.textContent('output'), 'cat');
});
