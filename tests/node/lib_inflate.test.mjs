// SPDX-License-Identifier: MIT
// The library's own DEFLATE against zlib: every kind of block, and damaged data.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { inflate } from '../../web/lib/inflate.js';
import { ROOT } from './shared.mjs';

const wasm = readFileSync(join(ROOT, 'wasm_build/dist/vit158-decode.wasm'));
/** What zlib makes other blocks of. @type {Record<string, Buffer>} */
const INPUTS = {
  'a module': wasm,
  nothing: Buffer.alloc(0),
  'one byte': Buffer.of(7),
  'one byte, often': Buffer.alloc(70000, 1), // the longest matches
  'no repetition': Buffer.from(Uint8Array.from({ length: 70000 }, (_, i) => Math.imul(i, 2654435761) >>> 13)),
  'far repetition': Buffer.concat([wasm.subarray(0, 32768), wasm.subarray(0, 32768)]),
};

test('what zlib deflates comes back, at every level and strategy', () => {
  const strategies = [
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FILTERED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FIXED,
  ];
  for (const [name, bytes] of Object.entries(INPUTS))
    for (const strategy of strategies)
      for (const level of [0, 1, 6, 9]) {
        const found = inflate(deflateRawSync(bytes, { level, strategy }), bytes.length);
        assert.ok(bytes.equals(found), `${name}, level ${level}, strategy ${strategy}`);
      }
});

test('data of another size are refused', () => {
  for (const level of [0, 9]) {
    const data = deflateRawSync(wasm, { level });
    for (const size of [0, wasm.length - 1, wasm.length + 1])
      assert.throws(() => inflate(data, size), { code: 'E_WASM', message: /damaged/ });
  }
});

test('a damaged byte gives an error, or what zlib makes of it', () => {
  const bytes = wasm.subarray(0, 4000);
  const outcomes = { refused: 0, other: 0 };
  for (const level of [0, 9]) {
    const data = deflateRawSync(bytes, { level });
    for (let i = 0; i < data.length; i++) {
      const changed = Uint8Array.from(data);
      changed[i] ^= 1 << (i % 8);
      /** @type {Uint8Array | null} */
      let found = null;
      try {
        found = inflate(changed, bytes.length);
        outcomes.other++;
      } catch (error) {
        assert.match(String(error), /damaged/);
        outcomes.refused++;
      }
      if (found && level > 0) assert.ok(inflateRawSync(changed).equals(found), `byte ${i}`);
    }
  }
  assert.ok(outcomes.refused > 100 && outcomes.other > 100, JSON.stringify(outcomes));
});

test('data that end early are refused', () => {
  for (const level of [0, 9]) {
    const data = deflateRawSync(wasm.subarray(0, 3000), { level });
    for (let length = 0; length < data.length; length++)
      assert.throws(() => inflate(data.subarray(0, length), 3000), { code: 'E_WASM' }, `${length} bytes`);
  }
});
