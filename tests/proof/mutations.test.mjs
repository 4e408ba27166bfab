// SPDX-License-Identifier: MIT
// Each change of tests/proof/mutation_list.mjs is noticed by a test. Builds the library once, then one file a
// change: some ten minutes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTATIONS } from './mutation_list.mjs';
import { mutate } from './mutations.mjs';

test('a test notices each change', () => {
  const missed = mutate().filter(({ by }) => by === '');
  assert.deepEqual(
    missed.map(({ mutation: [file, , changed] }) => `${file}: ${changed}`),
    [],
  );
  assert.ok(MUTATIONS.length > 70);
});
