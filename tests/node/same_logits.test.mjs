// SPDX-License-Identifier: MIT
// The same logits everywhere: images in tests/data/images (JPEG, PNG, raw RGB): all of them through a small
// float model, every other through a small ternary one, and a few through the default model, which the scalar
// engine takes long for. The commands' own test covers the kernels and the sample images; tests/proof takes more.
import { join } from 'node:path';
import test from 'node:test';
import { checkFiles, checkPixels } from './same_everywhere.mjs';
import { ROOT } from './shared.mjs';

/** Models, and of how many images one is taken. @type {[string, number][]} */
const MODELS = [
  ['models/vit158-cifar10.safetensors', 2],
  ['tests/data/tiny/float-6.safetensors', 1],
  ['models/vit158-imagenet.safetensors', 48],
];

for (const [model, every] of MODELS) {
  test(`JPEG and PNG: ${model}`, () => checkFiles(join(ROOT, model), every));
  test(`raw RGB: ${model}`, () => checkPixels(join(ROOT, model), every));
}
