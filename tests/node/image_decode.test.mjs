// SPDX-License-Identifier: MIT
// The decoder modules on every kind of image: the pixels of the native build, and Pillow's for PNG and WebP
// (tests/data/images/decode_goldens.txt, see tests/golden/make_image_goldens.py); damaged files give
// an error and never a trap.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Decoder, isWebp } from '../../web/lib/decoder.js';
import { decodeImage } from '../../web/lib/vit158.js';
import { ROOT } from './shared.mjs';

const FOLDER = join(ROOT, 'tests/data/images');
const load = (/** @type {string} */ name) => readFileSync(join(FOLDER, name));

const goldens = readFileSync(join(FOLDER, 'decode_goldens.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [name, width, height, channels, sha256] = line.split(' ');
    return { name, width: Number(width), height: Number(height), channels: Number(channels), sha256 };
  });

test('every kind of picture has the pixels of the native decoder', async () => {
  assert.ok(goldens.length >= 60);
  for (const { name, sha256, ...shape } of goldens) {
    const { data, ...found } = await decodeImage(load(name));
    assert.deepEqual(found, shape, name);
    assert.equal(createHash('sha256').update(data).digest('hex'), sha256, name);
  }
});

test('the module for WebP is loaded with the first WebP, from where the caller says', async () => {
  const wasm = { webp: join(ROOT, 'wasm_build/dist/none.wasm') };
  assert.equal((await decodeImage(load('rgb_8.png'), { wasm })).width, 19);
  await assert.rejects(decodeImage(load('lossy.webp'), { wasm }), { code: 'E_IO', message: /none\.wasm/ });
  const module = await WebAssembly.compile(readFileSync(join(ROOT, 'wasm_build/dist/vit158-webp.wasm')));
  assert.equal((await decodeImage(load('lossy.webp'), { wasm: { webp: module } })).width, 37);
});

/** What decoding gives: the error's code, or undefined. @param {any} instance @param {Uint8Array} bytes */
function outcome(instance, bytes) {
  try {
    instance.decode(bytes).close();
    return undefined;
  } catch (error) {
    assert.equal(/** @type {any} */ (error).name, 'Vit158Error', String(error));
    return /** @type {any} */ (error).code;
  }
}

/** @param {string} name of a file */
const decoderOf = (name) => new Decoder().acquire(isWebp(load(name)) ? 'webp' : 'decode');

for (const name of ['rgb_8.png', 'progressive.jpg', 'lossy.webp', 'lossless_alpha.webp']) {
  test(`${name} cut anywhere is truncated`, async () => {
    const instance = await decoderOf(name);
    const bytes = load(name);
    const iend = name.endsWith('.png') ? bytes.length - 12 : bytes.length; // after its image data a PNG is whole
    for (let n = isWebp(bytes) ? 12 : 1; n < bytes.length; n++)
      assert.equal(outcome(instance, bytes.subarray(0, n)), n < iend ? 'E_TRUNCATED' : undefined, `${n} bytes`);
    assert.equal(outcome(instance, bytes), undefined);
  });

  test(`${name} with any byte changed is a picture or an error, in bounded memory`, async () => {
    const instance = await decoderOf(name);
    const bytes = Uint8Array.from(load(name));
    outcome(instance, bytes);
    const memory = instance.memoryBytes;
    const seen = new Set();
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] ^= 0x11;
      seen.add(outcome(instance, bytes));
      bytes[at] ^= 0x11;
    }
    assert.ok(seen.has('E_IMAGE') && seen.size > (isWebp(bytes) ? 1 : 2), [...seen].join());
    // A byte of JPEG data holds at most 8 blocks of 64 pixels; decoding takes 12 bytes a pixel.
    assert.ok(instance.memoryBytes <= memory + bytes.length * 512 * 12, `${instance.memoryBytes} bytes`);
    assert.equal(outcome(instance, bytes), undefined);
  });
}

test('a picture that announces more than it holds takes no memory', async () => {
  const instance = await new Decoder().acquire();
  const bytes = Uint8Array.from(load('baseline_444.jpg'));
  const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
  bytes.set([0x40, 0, 0x40, 0], frame + 5);
  const memory = instance.memoryBytes;
  assert.equal(outcome(instance, bytes), 'E_TRUNCATED');
  assert.equal(instance.memoryBytes, memory);
});

test('sample pictures are small, large enough to look at, and have their origin recorded', async () => {
  const folder = join(ROOT, 'models/samples');
  const origins = readFileSync(join(folder, 'README.md'), 'utf8');
  const names = readdirSync(folder).filter((name) => /\.(jpg|png)$/.test(name));
  const { samples } = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8'));
  assert.deepEqual(
    samples.map((/** @type {{file: string}} */ { file }) => file),
    names.sort(),
  );
  assert.ok(names.length >= 8);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    const { width, height } = await decodeImage(bytes);
    assert.ok(bytes.length <= 40960, `${name}: ${bytes.length} bytes`);
    assert.ok(Math.min(width, height) >= 160, `${name}: ${width} x ${height}`);
    assert.ok(origins.includes(`| ${name} `), `${name} is not in README.md`);
  }
});
