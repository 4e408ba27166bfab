// SPDX-License-Identifier: MIT
// What models promise, counted: the figures of manifest.json and PyTorch's. tests/node lets the native
// command count, or looks at a part; tests/proof counts all of it through wasm.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Classifier } from '../../web/lib/vit158.js';
import { readIdx } from './idx.mjs';
import { jsonLines, ROOT, sharedFiles, unpacked } from './shared.mjs';

/** @typedef {(...args: string[]) => {code: number | null, stdout: string, stderr: string}} Command */

const MODELS = join(ROOT, 'models');

/** @param {string} name of a model @returns {{file: string, accuracy: string, bytes: number}} */
function entryOf(name) {
  const { models } = JSON.parse(readFileSync(join(MODELS, 'manifest.json'), 'utf8'));
  return models.find((/** @type {{name: string}} */ entry) => entry.name === name);
}

/** @param {Command} command @param {...string} args of `eval` @returns {any} its record */
function evaluated(command, ...args) {
  const { code, stdout, stderr } = command('eval', '--json', ...args);
  assert.equal(code, 0, stderr);
  return jsonLines(stdout)[0];
}

export const validation = sharedFiles('data/cifar10-train-val.tar.xz');
/** @returns {string} the folder of 5,000 validation images */
export const validationFolder = () => unpacked(validation.files[0], 'cifar10/val');

/** The small model is as accurate as the manifest says. @param {Command} command */
export function checkSmallModel(command) {
  const { accuracy, bytes, file } = entryOf('vit158-cifar10');
  const promised = /^([\d.]+)% of 5,000 validation pictures$/.exec(accuracy);
  assert.ok(promised, accuracy);
  const model = join(MODELS, file);
  const { images, top1, failed } = evaluated(command, validationFolder(), '--model', model);
  assert.deepEqual([images, failed, bytes], [5000, 0, readFileSync(model).length]);
  assert.equal((100 * top1).toFixed(1), promised[1]);
}

export const calibration = sharedFiles('checkpoints/vit_tiny_patch16_224.safetensors', 'data/imagenet-calib-250.tar');

/** The float ViT-Ti is as accurate as in PyTorch. @param {Command} command */
export function checkFloatModel(command) {
  const [model, archive] = calibration.files;
  const { images, top1, top5, failed } = evaluated(command, unpacked(archive, 'imagenet-calib'), '--model', model);
  assert.deepEqual([images, failed], [250, 0]);
  assert.ok(Math.abs(top1 * 250 - 210) <= 2, `${top1 * 250} of 250 right, PyTorch has 210`);
  assert.ok(Math.abs(top5 * 250 - 240) <= 2, `${top5 * 250} of 250 among five, PyTorch has 240`);
}

/** Test images of Debian's dataset-fashion-mnist. */
const CLOTHES = '/usr/share/datasets/fashion-mnist';
export const skipClothes = existsSync(CLOTHES) ? false : 'SKIPPED: apt-get install dataset-fashion-mnist';

/**
 * Right answers of fashion-mnist among the first test images, through wasm.
 * @param {number} count  of images
 */
export async function countClothes(count) {
  const vit = await Classifier.load(join(MODELS, entryOf('fashion-mnist').file));
  const { count: all, side, pixels, labels } = readIdx(CLOTHES, 't10k');
  assert.equal(all, 10_000);
  const size = side * side;
  const { mean, std } = vit.info().metadata;
  const f = Math.fround;
  const values = Float32Array.from({ length: 256 }, (_, i) => f(f(f(i / 255) - f(Number(mean))) / f(Number(std))));
  let right = 0;
  for (let i = 0; i < count; i++) {
    const image = pixels.subarray(i * size, (i + 1) * size);
    const logits = await vit.forward(Float32Array.from(image, (byte) => values[byte]));
    right += Number(logits.indexOf(Math.max(...logits)) === labels[i]);
  }
  vit.dispose();
  return right;
}

/** @returns {number} right answers among all 10,000, as the manifest says */
export const promisedClothes = () =>
  Number(/^([\d,]+) of/.exec(entryOf('fashion-mnist').accuracy)?.[1].replace(',', ''));
