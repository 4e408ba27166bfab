// SPDX-License-Identifier: MIT
// The same logits everywhere, with photos and real models: each photo as JPEG, as PNG and as raw RGB
// gives one hash in native scalar, native SIMD, wasm scalar and wasm simd128. same_logits.test.mjs does
// this for every kind of file, with what the repository has; tests/proof takes more photos.
import { join } from 'node:path';
import { test } from 'node:test';
import { checkPhotos } from './same_everywhere.mjs';
import { ROOT, sharedFiles, unpacked } from './shared.mjs';

const { skip, files } = sharedFiles('data/imagenet-calib-250.tar', 'checkpoints/vit_tiny_patch16_224.safetensors');
/** Models, and how many photos of each go through them. @type {[string, number][]} */
const MODELS = [
  [join(ROOT, 'models/vit158-cifar10.safetensors'), 6],
  [files[1], 3],
];

for (const [model, count] of MODELS)
  test(`${count} photos through ${model}`, { skip }, () =>
    checkPhotos(model, unpacked(files[0], 'imagenet-calib'), count),
  );
