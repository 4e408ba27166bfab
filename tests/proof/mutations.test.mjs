// SPDX-License-Identifier: MIT
// Each change of tests/proof/mutations.mjs is noticed by a test. Builds the library once, then one file a
// change: some minutes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTATIONS, mutate } from './mutations.mjs';

test('a test notices each change', () => {
  const missed = mutate().filter(({ by }) => by === '');
  assert.deepEqual(
    missed.map(({ mutation: [file, , changed] }) => `${file}: ${changed}`),
    [],
  );
  assert.ok(MUTATIONS.length > 25);
});
