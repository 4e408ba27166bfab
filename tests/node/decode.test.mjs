// SPDX-License-Identifier: MIT
// The decoder module: every kind of picture in tests/data/images gives the bytes that the native build
// gives there, damaged files give errors, and memory is let go.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Decoder } from '../../web/lib/decoder.js';
import { decodeImage } from '../../web/lib/vit158.js';
import { writePng } from './png.mjs';
import { ROOT } from './shared.mjs';
import { noisePicture } from './tiny.mjs';

const FOLDER = join(ROOT, 'tests/data/images');
const GOLDENS = readFileSync(join(FOLDER, 'decode_goldens.txt'), 'utf8').trim().split('\n')
  .map((line) => line.split(' '));

/** @param {string[]} codes */
const errorOf = (...codes) => (/** @type {any} */ e) => {
  assert.equal(e.name, 'Vit158Error', e.stack);
  assert.ok(codes.includes(e.code), `${e.code}: ${e.message}`);
  return true;
};

test(`${GOLDENS.length} pictures of all kinds`, async () => {
  assert.ok(GOLDENS.length >= 60);
  for (const [name, width, height, channels, sha256] of GOLDENS) {
    const image = await decodeImage(join(FOLDER, name));
    assert.deepEqual([image.width, image.height, image.channels], [width, height, channels].map(Number), name);
    assert.equal(createHash('sha256').update(image.data).digest('hex'), sha256, name);
  }
});

test('raw pixels through a PNG come back, large ones in strips', async () => {
  const picture = noisePicture(1500, 1100);
  const image = await decodeImage(writePng(picture));
  assert.ok(Buffer.from(image.data).equals(picture.data));
});

test('truncation anywhere and flipped bytes: an error or a picture, never a crash', async () => {
  let refused = 0;
  for (const name of ['baseline_420.jpg', 'progressive.jpg', 'rgb_8.png', 'indexed_4_interlaced.png']) {
    const bytes = readFileSync(join(FOLDER, name));
    for (let n = 1; n < bytes.length - 1; n += 13) {
      const flipped = Buffer.from(bytes);
      flipped[n] ^= 0x55;
      for (const damaged of [bytes.subarray(0, n), flipped])
        await decodeImage(damaged).catch((error) => {
          refused++;
          return errorOf('E_IMAGE', 'E_TRUNCATED', 'E_FORMAT', 'E_LIMIT', 'E_UNSUPPORTED', 'E_MEMORY')(error);
        });
    }
  }
  assert.ok(refused > 100, `${refused} were refused`);
});

test('a bomb is refused by its header', async () => {
  const bomb = writePng(noisePicture(1, 1));
  bomb.writeUInt32BE(0x7fffffff, 16);
  await assert.rejects(decodeImage(bomb), errorOf('E_LIMIT', 'E_IMAGE'));
});

test('an instance serves many small pictures, and is dropped after a large one', async () => {
  const decoder = new Decoder();
  const small = readFileSync(join(FOLDER, 'rgb_8.png'));
  const first = await decoder.acquire();
  const { memoryBytes } = first;
  first.decode(small).close();
  for (let i = 0; i < 200; i++) {
    const again = await decoder.acquire();
    assert.equal(again, first);
    again.decode(small).close();
    assert.ok(again.memoryBytes <= memoryBytes + (1 << 20));
  }
  const both = [await decoder.acquire(), await decoder.acquire()];
  assert.notEqual(both[0], both[1], 'two pictures at a time have an instance each');
  both[1].decode(small).close();
  both[0].decode(writePng({ data: new Uint8Array(3 * 3000 * 2500), width: 3000, height: 2500 })).close();
  assert.ok(both[0].memoryBytes > 16 << 20);
  assert.equal(await decoder.acquire(), both[1]);
  decoder.end();
});
