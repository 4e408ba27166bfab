// SPDX-License-Identifier: MIT
// What tests/node takes a selection of: the same logits and records everywhere, through the models that the
// scalar engine takes long for; and what the cards say, counted through wasm. Some minutes.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  calibration,
  checkFloatModel,
  checkSmallModel,
  countClothes,
  promisedClothes,
  skipClothes,
  validation,
} from '../node/promises.mjs';
import { checkFiles, checkPhotos, checkPixels, checkRecords, KINDS } from '../node/same_everywhere.mjs';
import { npmCommand, ROOT, unpacked } from '../node/shared.mjs';

const DEFAULT = join(ROOT, 'models/vit158-imagenet.safetensors');
const SMALL = join(ROOT, 'models/vit158-cifar10.safetensors');

test('equal records from both commands, for every engine and kernel', () => checkRecords(DEFAULT, KINDS));
for (const [model, every] of /** @type {[string, number][]} */ ([
  [SMALL, 1],
  [DEFAULT, 4],
])) {
  test(`JPEG and PNG of every kind through ${model}`, () => checkFiles(model, every));
  test(`raw RGB through ${model}`, () => checkPixels(model, every));
}
for (const model of [SMALL, calibration.files[0]])
  test(`17 photos through ${model}`, { skip: calibration.skip }, () =>
    checkPhotos(model, unpacked(calibration.files[1], 'imagenet-calib'), 17),
  );

test('the small model is as accurate as it promises', { skip: validation.skip }, () => checkSmallModel(npmCommand));
test("the float ViT-Ti is as accurate as PyTorch's", { skip: calibration.skip }, () => checkFloatModel(npmCommand));
test('fashion-mnist classifies the test pictures as its card says', { skip: skipClothes }, async () =>
  assert.equal(await countClothes(10_000), promisedClothes()),
);
