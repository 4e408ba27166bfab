// SPDX-License-Identifier: MIT
// A user's page in one file: modules, model and image are all in the bundle.
import { Classifier, decodeImage } from 'vit158/inline';
import model from 'vit158/models/vit158-cifar10.safetensors';
import picture from './picture.jpg';

/** @param {import('vit158').LoadOptions} options */
async function run(options) {
  const vit = await Classifier.load(model, options);
  const { logitsSha256 } = await vit.classify(picture);
  return { hash: logitsSha256, engine: vit.info().engine };
}

Object.assign(globalThis, {
  consumed: (async () => ({
    page: await run({}),
    scalar: await run({ engine: 'scalar' }),
    width: (await decodeImage(picture)).width,
  }))(),
});
