/** @jest-environment jsdom */
// SPDX-License-Identifier: MIT
const fs = require('fs');
const { Classifier } = require('vit158');

const MODEL = require.resolve('vit158/models/vit158-cifar10.safetensors');

test('what jsdom makes', async () => {
  const bytes = new Uint8Array(fs.readFileSync('cat.jpg'));
  for (const options of [{}, { worker: true }]) {
    const vit = await Classifier.load(MODEL, options);
    for (const input of [new File([bytes], 'cat.jpg'), new Blob([bytes]), bytes, bytes.buffer, 'cat.jpg'])
      expect((await vit.classify(input)).predictions[0].label).toBe('cat');
    await expect(vit.classify(document.createElement('img'))).rejects.toMatchObject({ name: 'Vit158Error' });
    vit.dispose();
  }
});
