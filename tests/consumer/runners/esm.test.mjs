// SPDX-License-Identifier: MIT
// Jest with ES modules: NODE_OPTIONS=--experimental-vm-modules.
import { createRequire } from 'node:module';
import { Classifier, Vit158Error } from 'vit158';

const MODEL = createRequire(import.meta.url).resolve('vit158/models/vit158-cifar10.safetensors');

test('paths and errors', async () => {
  for (const options of [{}, { worker: true }]) {
    const vit = await Classifier.load(MODEL, options);
    expect((await vit.classify('cat.jpg')).predictions[0].label).toBe('cat');
    await expect(vit.classify(5)).rejects.toBeInstanceOf(Vit158Error);
    vit.dispose();
  }
});
