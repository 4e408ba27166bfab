// SPDX-License-Identifier: MIT
// The same logits everywhere: SHA-256 of the logits of JPEG, PNG and raw RGB pictures and two models,
// equal between native scalar, native SIMD, wasm scalar and wasm simd128.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { writePng } from './png.mjs';
import { ROOT, jsonLines, nativeCommand, sharedFiles, temporaryFolder, unpacked } from './shared.mjs';
import { noisePicture, tinyPath } from './tiny.mjs';

const folder = temporaryFolder();

/** @typedef {{file: string, pixels?: {data: Uint8Array, width: number, height: number}}} Picture */

/** Some files of each ending, spread evenly. @param {string} from @param {string} ending @param {number} count */
function some(from, ending, count) {
  const names = readdirSync(from, { recursive: true }).map(String).filter((name) => name.endsWith(ending)).sort();
  return Array.from({ length: count }, (_, i) => join(from, names[Math.floor((i * names.length) / count)]));
}

/** 20 JPEG, 15 PNG, 16 raw RGB; raw ones reach the native command as PNG. @returns {Promise<Picture[]>} */
async function pictures() {
  const images = join(ROOT, 'tests/data/images');
  const photos = sharedFiles('data/imagenet-calib-250.tar');
  const jpegs = photos.skip ? some(images, '.jpg', 20)
    : [...some(images, '.jpg', 8), ...some(unpacked(photos.files[0], 'imagenet-calib'), '.jpg', 12)];
  const files = [...jpegs, ...some(images, '.png', 15)];
  const raw = [];
  for (const [i, jpeg] of jpegs.slice(-8).entries()) {
    const { data, width, height, channels } = await decodeImage(jpeg);
    assert.equal(channels, 3, jpeg);
    raw.push(rawPicture(`photo-${i}`, { data: Uint8Array.from(data), width, height }));
  }
  for (let i = 0; i < 8; i++)
    raw.push(rawPicture(`noise-${i}`, noisePicture(1 + ((i * 977) % 700), 1 + ((i * 613) % 500), 3, i)));
  return [...files.map((file) => ({ file })), ...raw];
}

/** @param {string} name @param {{data: Uint8Array, width: number, height: number}} pixels */
function rawPicture(name, pixels) {
  const file = join(folder, `${name}.png`);
  writeFileSync(file, writePng(pixels));
  return { file, pixels };
}

const list = await pictures();
const vitTiny = sharedFiles('checkpoints/vit_tiny_patch16_224.safetensors');
const MODELS = {
  ternary: join(ROOT, 'models/vit158-cifar10.safetensors'),
  float: vitTiny.skip ? tinyPath('float-6') : vitTiny.files[0],
};

for (const [kind, model] of Object.entries(MODELS)) {
  test(`${list.length} pictures through a ${kind} model`, async () => {
    assert.ok(list.length >= 50);
    /** @type {Record<string, string[]>} */
    const hashes = {};
    for (const engine of /** @type {const} */ (['scalar', 'simd128'])) {
      const native = nativeCommand('classify', '--json', '--engine', engine, '--model', model,
        ...list.map(({ file }) => file));
      assert.equal(native.code, 0, native.stderr);
      hashes[`native ${engine}`] = jsonLines(native.stdout).map((record) => record.logits_sha256);
      const vit = await Classifier.load(model, { engine, threads: 1 });
      const own = hashes[`wasm ${engine}`] = /** @type {string[]} */ ([]);
      for (const { file, pixels } of list) own.push((await vit.classify(pixels ?? file)).logitsSha256);
      vit.dispose();
    }
    const [first, ...others] = Object.entries(hashes);
    assert.ok(new Set(first[1]).size > 0.8 * list.length, 'the pictures differ');
    for (const [name, values] of others)
      values.forEach((value, i) => assert.equal(value, first[1][i], `${list[i].file}: ${name} against ${first[0]}`));
  });
}

test('every kernel and thread count gives the same logits', async () => {
  const hashes = new Set();
  for (const options of /** @type {import('../../web/lib/vit158.d.ts').LoadOptions[]} */ ([
    { gemm: 'dot', threads: 1 }, { gemm: 'table', threads: 1 }, { threads: 2 }, { threads: 3, gemm: 'table' },
    { engine: 'scalar', gemm: 'table' }])) {
    const vit = await Classifier.load(MODELS.ternary, options);
    const all = [];
    for (const { file, pixels } of list.slice(0, 10)) all.push((await vit.classify(pixels ?? file)).logitsSha256);
    hashes.add(all.join());
    vit.dispose();
  }
  assert.equal(hashes.size, 1);
});
