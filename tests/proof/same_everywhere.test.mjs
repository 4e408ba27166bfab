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

test('equal records from both commands, for every engine and kernel', () => checkRecords(DEFAULT, KINDS));
test('JPEG and PNG of every kind', () => checkFiles(DEFAULT, 4));
test('raw RGB', () => checkPixels(DEFAULT, 4));
test('17 photos through the float ViT-Ti', { skip: calibration.skip }, () => {
  const [model, archive] = calibration.files;
  return checkPhotos(model, unpacked(archive, 'imagenet-calib'), 17);
});

test('the small model is as accurate as it promises', { skip: validation.skip }, () => checkSmallModel(npmCommand));
test("the float ViT-Ti is as accurate as PyTorch's", { skip: calibration.skip }, () => checkFloatModel(npmCommand));
test('fashion-mnist classifies the test pictures as its card says', { skip: skipClothes }, async () =>
  assert.equal(await countClothes(10_000), promisedClothes()),
);
