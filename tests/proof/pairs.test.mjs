// SPDX-License-Identifier: MIT
// Right image, right answer: every way of giving the page an image after every other one.
import { checkPairs } from '../browser/every_pair.mjs';
import { CAMERA_ARGS, suite } from '../browser/harness.mjs';

const pageTest = suite(CAMERA_ARGS, 'vit158-cifar10');

pageTest('every way of giving an image, after every other one', { expected: [/willReadFrequently/] }, (page) =>
  checkPairs(page),
);
