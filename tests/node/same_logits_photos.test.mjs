// SPDX-License-Identifier: MIT
// The same logits everywhere, with photos and real models: each photo as JPEG, as PNG and as raw RGB
// gives one hash in native scalar, native SIMD, wasm scalar and wasm simd128. same_logits.test.mjs does
// this for every kind of file, with what the repository has.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Classifier, decodeImage } from '../../web/lib/vit158.js';
import { writePng } from './png.mjs';
import { ROOT, jsonLines, nativeCommand, sharedFiles, temporaryFolder, unpacked } from './shared.mjs';

const PHOTOS = 17; // in three forms: 51 images

const { skip, files } = sharedFiles('data/imagenet-calib-250.tar', 'checkpoints/vit_tiny_patch16_224.safetensors');
const MODELS = [join(ROOT, 'models/vit158-cifar10.safetensors'), files[1]];

for (const model of MODELS) {
  test(`${3 * PHOTOS} pictures through ${model}`, { skip }, async () => {
    const folder = temporaryFolder();
    const photos = unpacked(files[0], 'imagenet-calib');
    const names = readdirSync(photos, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.jpg'))
      .sort();
    const jpegs = Array.from({ length: PHOTOS }, (_, i) =>
      join(photos, names[Math.floor((i * names.length) / PHOTOS)]),
    );
    const raw = await Promise.all(jpegs.map((file) => decodeImage(file)));
    const pngs = raw.map(({ data, width, height }, i) => {
      const file = join(folder, `${i}.png`);
      writeFileSync(file, writePng({ data: Uint8Array.from(data), width, height }));
      return file;
    });
    /** Distinct hashes of each photo. */
    const hashes = jpegs.map(() => /** @type {Set<string>} */ (new Set()));
    for (const engine of /** @type {const} */ (['scalar', 'simd128'])) {
      const native = nativeCommand('classify', '--json', '--engine', engine, '--model', model, ...jpegs, ...pngs);
      assert.equal(native.code, 0, native.stderr);
      jsonLines(native.stdout).forEach(({ logits_sha256: hash }, i) => hashes[i % PHOTOS].add(hash));
      const vit = await Classifier.load(model, { engine });
      for (let i = 0; i < PHOTOS; i++)
        for (const picture of [jpegs[i], pngs[i], raw[i]]) hashes[i].add((await vit.classify(picture)).logitsSha256);
      vit.dispose();
    }
    hashes.forEach((set, i) => assert.equal(set.size, 1, jpegs[i]));
    assert.equal(new Set(hashes.flatMap((set) => [...set])).size, PHOTOS, 'the photos differ');
  });
}
