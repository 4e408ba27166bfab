// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Classifier } from 'vit158';
import { expect, test } from 'vitest';

const MODEL = createRequire(import.meta.url).resolve('vit158/models/vit158-cifar10.safetensors');

test('what jsdom makes', async () => {
  const bytes = readFileSync('cat.jpg');
  for (const options of [{}, { worker: true }]) {
    const vit = await Classifier.load(MODEL, options);
    for (const input of [new File([bytes], 'cat.jpg'), bytes, 'cat.jpg'])
      expect((await vit.classify(input)).predictions[0].label).toBe('cat');
    await expect(vit.classify(document.createElement('img'))).rejects.toMatchObject({ name: 'Vit158Error' });
    vit.dispose();
  }
});
