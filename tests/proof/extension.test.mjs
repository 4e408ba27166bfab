// SPDX-License-Identifier: MIT
// The packed package in an extension of Chromium, manifest version 3: in its background service worker, and in a page
// of it with a worker.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Classifier } from '../../web/lib/vit158.js';
import { packInto } from '../node/packed.mjs';
import { ROOT, run, temporaryFolder } from '../node/shared.mjs';

const CAT = join(ROOT, 'models/samples/cat.jpg');
const folder = temporaryFolder();
const extension = join(folder, 'extension');
cpSync(join(ROOT, 'tests/consumer/extension'), extension, { recursive: true });
copyFileSync(CAT, join(extension, 'cat.jpg'));
const unpacked = run('tar', ['-xzf', packInto(folder), '-C', extension]);
assert.equal(unpacked.code, 0, unpacked.stderr);
cpSync(join(extension, 'package'), join(extension, 'vit158'), { recursive: true });

test('background service worker and page', async () => {
  const vit = await Classifier.load(join(ROOT, 'models/vit158-cifar10.safetensors'));
  const { logitsSha256, predictions } = await vit.classify(CAT);
  vit.dispose();
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    ignoreDefaultArgs: ['--disable-extensions'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      `--disable-extensions-except=${extension}`,
      `--load-extension=${extension}`,
    ],
  });
  after(() => context.close());
  const background = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(new URL('popup.html', background.url()).href);
  await page.waitForFunction(() => 'consumed' in globalThis);
  assert.deepEqual(await page.evaluate(() => /** @type {any} */ (globalThis).consumed), {
    background: { label: predictions[0].label, logitsSha256 },
    codes: {
      wrong: 'E_UNSUPPORTED',
      noModel: 'E_FORMAT',
      damaged: 'E_INTEGRITY',
      pool: 'E_UNSUPPORTED',
      ownPool: 'E_UNSUPPORTED',
    },
    own: logitsSha256,
  });
  assert.deepEqual(complaints, []);
});
