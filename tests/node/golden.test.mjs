// SPDX-License-Identifier: MIT
// Real models through wasm against PyTorch and Pillow, and their accuracy on real images, of some or
// counted by the native command (tests/proof lets wasm count all). Needs the shared checkpoints, goldens and data.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Classifier } from '../../web/lib/vit158.js';
import { calibration, checkSmallModel, validation, validationFolder } from './promises.mjs';
import {
  ROOT,
  jsonLines,
  nativeCommand,
  npmCommand,
  readPpm,
  sharedFiles,
  temporaryFolder,
  unpacked,
} from './shared.mjs';
import { distance } from './tiny.mjs';

const folder = temporaryFolder();
const VIT_TINY = 'checkpoints/vit_tiny_patch16_224.safetensors';

/** @param {string[]} files @param {number} i */
const json = (files, i) => JSON.parse(readFileSync(files[i], 'utf8'));

const imagenet = sharedFiles(VIT_TINY, 'golden/vit_tiny_golden.json');
for (const engine of /** @type {const} */ (['scalar', 'simd128'])) {
  test(`float ViT-Ti, ${engine}: Pillow's crops, PyTorch's logits`, { skip: imagenet.skip }, async () => {
    const { images } = json(imagenet.files, 1);
    assert.ok(images.length >= 8, `only ${images.length} images`);
    const vit = await Classifier.load(imagenet.files[0], { engine, threads: 1 });
    for (const { image, preprocessed, class_index: index, logits } of images) {
      const picture = readPpm(join(dirname(imagenet.files[1]), image));
      const crop = readPpm(join(dirname(imagenet.files[1]), preprocessed));
      const tensor = await vit.preprocess(picture);
      const plane = crop.width * crop.height;
      assert.equal(tensor.length, 3 * plane);
      const f = Math.fround; // mean and std are 0.5
      for (let i = 0; i < tensor.length; i++) {
        const byte = crop.data[3 * (i % plane) + Math.floor(i / plane)];
        assert.equal(tensor[i], f(f(f(byte / 255) - 0.5) / 0.5), `${image}: value ${i}`);
      }
      const result = await vit.classify(picture);
      const away = distance(result.logits, logits);
      assert.ok(away <= 2e-3, `${image}: ${away} away`);
      assert.equal(result.predictions[0].index, index);
    }
    vit.dispose();
  });
}

const cifar = sharedFiles('checkpoints/cifar10-bootstrap.safetensors', 'golden/cifar10_golden.json');
// tests/golden/test_reference_goldens.c says why images without any noise have another limit.
test("packed CIFAR-10 ViT: logits within 4x PyTorch's own rounding noise", { skip: cifar.skip }, async () => {
  const packed = join(folder, 'cifar10-f32.safetensors');
  const { code, stderr } = nativeCommand('pack', cifar.files[0], '-o', packed, '--rest', 'f32');
  assert.equal(code, 0, stderr);
  const vit = await Classifier.load(packed);
  const { images, max_abs_f32_f64: largestNoise } = json(cifar.files, 1);
  assert.ok(images.length >= 8, `only ${images.length} images`);
  for (const { file, argmax, noise, logits, pixels } of images) {
    const found = await vit.classify({ data: Uint8Array.from(pixels), width: 32, height: 32 });
    const limit = noise < 1e-5 ? largestNoise : Math.max(4 * noise, 1e-3);
    const away = distance(found.logits, logits);
    assert.ok(away <= limit, `${file}: ${away} away, at most ${limit}`);
    const [best, second] = [...logits].sort((a, b) => b - a);
    if (best - second > 2 * limit) assert.equal(found.predictions[0].index, argmax, file);
  }
  vit.dispose();
});

test('float ViT-Ti on 50 ImageNet pictures: the same ones wrong in both commands', { skip: calibration.skip }, () => {
  const [model, archive] = calibration.files;
  const [npm, native] = [npmCommand, nativeCommand].map((command) => {
    const wrong = join(folder, 'wrong.csv');
    const args = [unpacked(archive, 'imagenet-calib'), '--limit', '50', '--wrong', wrong, '--json', '--model', model];
    const { code, stdout, stderr } = command('eval', ...args);
    assert.equal(code, 0, stderr);
    const { images, top1, top5 } = jsonLines(stdout)[0];
    return { images, top1, top5, wrong: readFileSync(wrong, 'utf8') };
  });
  assert.equal(npm.images, 50);
  assert.ok(npm.top1 > 0.7 && npm.top5 > 0.88, `${npm.top1} right`); // of 250 it is 0.84 and 0.96
  assert.deepEqual(npm, native);
});

test('the small model is as accurate as it promises, with the same logits from both', { skip: validation.skip }, () => {
  checkSmallModel(nativeCommand);
  const ships = join(validationFolder(), 'ship');
  const model = join(ROOT, 'models/vit158-cifar10.safetensors');
  const hashes = [npmCommand, nativeCommand].map((command) => {
    const { code, stdout, stderr } = command('classify', ships, '--json', '--model', model);
    assert.equal(code, 0, stderr);
    return jsonLines(stdout).map(({ logits_sha256 }) => logits_sha256);
  });
  assert.ok(hashes[0].length >= 400);
  assert.deepEqual(hashes[0], hashes[1]);
});
