// SPDX-License-Identifier: MIT
// models/fashion-mnist.safetensors on test images of Debian's dataset-fashion-mnist, through wasm.
// tests/proof takes all 10,000 and wants exactly what the manifest says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countClothes, promisedClothes, skipClothes } from './promises.mjs';

test('fashion-mnist is about as accurate on 1,000 pictures as its card says', { skip: skipClothes }, async () => {
  const share = promisedClothes() / 10_000;
  const right = await countClothes(1000);
  const deviation = Math.sqrt(1000 * share * (1 - share));
  assert.ok(Math.abs(right - 1000 * share) < 3 * deviation, `${right} of 1,000`);
});
