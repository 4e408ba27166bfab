// SPDX-License-Identifier: MIT
// SHA-256 of a file that arrives in pieces: by the system's own, by ours where there is none, and by ours from where
// a file has become too large for a copy.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { FileHash } from '../../web/lib/file_hash.js';

/** @param {number} length */
const bytes = (length) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

/** @param {Uint8Array[]} pieces */
async function check(pieces) {
  const hash = new FileHash();
  const expected = createHash('sha256');
  for (const piece of pieces) {
    const given = piece.slice();
    await hash.update(given);
    given.fill(0); // it is the stream's again
    expected.update(piece);
  }
  assert.equal(await hash.hex(), expected.digest('hex'));
}

const all = bytes(5000);
const CUTS = [[], [all], [all.subarray(0, 1), all.subarray(1, 64), all.subarray(64, 4000), all.subarray(4000)]];

test("by the system's own", async () => {
  for (const pieces of CUTS) await check(pieces);
});

test('without one, by ours', async () => {
  const described = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, 'crypto'));
  Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
  try {
    for (const pieces of CUTS.slice(1)) await check(pieces);
  } finally {
    Object.defineProperty(globalThis, 'crypto', described);
  }
});

test('of more than 64 MB', async () => {
  const piece = bytes(1 << 20);
  await check(Array.from({ length: 65 }, () => piece));
});
