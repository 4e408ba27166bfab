// SPDX-License-Identifier: MIT
// web/lib/decoder.js: large images in strips, instances that are kept or let go. What it decodes is
// tested in image_decode.test.mjs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Decoder } from '../../web/lib/decoder.js';
import { decodeImage } from '../../web/lib/vit158.js';
import { writePng } from './png.mjs';
import { ROOT } from './shared.mjs';
import { noisePicture } from './tiny.mjs';

const SMALL = readFileSync(join(ROOT, 'tests/data/images/rgb_8.png'));

test('raw pixels through a PNG come back, large ones in strips', async () => {
  const picture = noisePicture(1500, 1100);
  const image = await decodeImage(writePng(picture));
  assert.ok(Buffer.from(image.data).equals(picture.data));
});

test('an instance serves many small pictures, and is dropped after a large one', async () => {
  const decoder = new Decoder();
  const first = await decoder.acquire();
  const { memoryBytes } = first;
  first.decode(SMALL).close();
  for (let i = 0; i < 200; i++) {
    const again = await decoder.acquire();
    assert.equal(again, first);
    again.decode(SMALL).close();
    assert.ok(again.memoryBytes <= memoryBytes + (1 << 20));
  }
  const both = [await decoder.acquire(), await decoder.acquire()];
  assert.notEqual(both[0], both[1], 'two pictures at a time have an instance each');
  both[1].decode(SMALL).close();
  both[0].decode(writePng({ data: new Uint8Array(3 * 3000 * 2500), width: 3000, height: 2500 })).close();
  assert.ok(both[0].memoryBytes > 16 << 20);
  assert.equal(await decoder.acquire(), both[1]);
  decoder.end();
});
