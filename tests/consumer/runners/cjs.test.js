// SPDX-License-Identifier: MIT
// Jest as it comes: require(), no flags.
const fs = require('fs');
const { Classifier, decodeImage } = require('vit158');
const { Classifier: Inline } = require('vit158/inline');
const { OwnClasses } = require('vit158/classes');

const MODEL = require.resolve('vit158/models/vit158-cifar10.safetensors');
const CAT = `${process.cwd()}/cat.jpg`;

for (const options of [{}, { worker: true }, { threads: 2 }]) {
  test(`a path, ${JSON.stringify(options)}`, async () => {
    const vit = await Classifier.load(MODEL, options);
    expect((await vit.classify(CAT)).predictions[0].label).toBe('cat');
    vit.dispose();
  });
}

test('bytes, inline modules', async () => {
  const vit = await Inline.load(fs.readFileSync(MODEL));
  expect((await vit.classify(fs.readFileSync(CAT))).predictions[0].label).toBe('cat');
  vit.dispose();
});

test('errors have codes', async () => {
  await expect(Classifier.load('/none')).rejects.toMatchObject({ name: 'Vit158Error', code: 'E_IO' });
  await expect(OwnClasses.load('/none')).rejects.toMatchObject({ name: 'Vit158Error', code: 'E_IO' });
  await expect(decodeImage(CAT)).resolves.toMatchObject({ channels: 3 });
});
