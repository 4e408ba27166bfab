// SPDX-License-Identifier: MIT
// The short version of tests/proof/soak.mjs: right answers and flat memory over some use.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { imagesIn, soakAborts, soakClassify, soakLoad } from '../proof/soak.mjs';
import { ROOT } from './shared.mjs';

const images = imagesIn(join(ROOT, 'tests/data/images')).filter((file) => !file.includes('animated'));

test('image after image', async () => assert.equal((await soakClassify(images, 200)).done, 200));
test('loading and disposing', async () => assert.equal((await soakLoad(images, 40)).done, 40));
test('a pool whose calls end at random moments', async () => {
  const { answered } = await soakAborts(images, 25);
  assert.ok(answered >= 20, `${answered} answers`);
});
