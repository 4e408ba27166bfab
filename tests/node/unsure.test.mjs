// SPDX-License-Identifier: MIT
// The default model's `unsure` threshold: few right answers fall under it, and many pictures of what it
// does not know do. Wants the shared data; tests/proof takes more of the latter.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { jsonLines, nativeCommand, ROOT, sharedFiles, unpacked } from './shared.mjs';

/** Of what the model does not know, every so many images are taken. */
const STEP = process.env.VIT158_UNSURE_ALL ? 1 : 2;
const MODEL = join(ROOT, 'models/vit158-imagenet.safetensors');

/** Pictures of photos-calib that show one human face, picked by eye. */
const FACES = [
  ...['0038', '0045', '0059', '0063', '0069', '0107', '0155', '0172', '0183', '0231'],
  ...['0242', '0270', '0285', '0286', '0303', '0322', '0339', '0372', '0388', '0417'],
].map((number) => `Faces_image_${number}.jpg`);
const CLOSE_FACES = [
  ...['0025', '0070', '0107', '0113', '0144', '0186', '0194', '0211', '0213', '0242'],
  ...['0244', '0251', '0277', '0307', '0355', '0364', '0380', '0400', '0423', '0427'],
].map((number) => `Faces_easy_image_${number}.jpg`);

/** @param {string[]} files */
function classify(files) {
  const { code, stdout, stderr } = nativeCommand('classify', '--model', MODEL, '-k', '1', '--json', ...files);
  assert.equal(code, 0, stderr);
  return jsonLines(stdout);
}

/** Every `step`th picture of each class of a folder. @param {string} folder @param {number} step */
const everyNth = (folder, step) =>
  readdirSync(folder)
    .sort()
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .sort()
        .filter((_, i) => i % step === 0)
        .map((file) => join(folder, name, file)),
    );

/** Share of pictures that are marked. @param {{unsure: boolean}[]} results */
const marked = (results) => results.filter(({ unsure }) => unsure).length / results.length;

const calibration = sharedFiles('data/imagenet-calib-250.tar');
test('at most 5 % of the right answers are marked, of the wrong ones far more', { skip: calibration.skip }, () => {
  const files = everyNth(unpacked(calibration.files[0], 'imagenet-calib'), 1);
  assert.equal(files.length, 250);
  const file = readFileSync(MODEL);
  const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))).toString());
  const { wnids } = header.__metadata__;
  const classes = wnids.startsWith('[') ? JSON.parse(wnids) : wnids.split(',');
  assert.equal(classes.length, 1000);
  const results = classify(files).map((result) => ({
    ...result,
    right: classes[result.predictions[0].index] === basename(dirname(result.file)),
  }));
  const right = results.filter((result) => result.right);
  const wrong = results.filter((result) => !result.right);
  console.log(
    `${right.filter((r) => r.unsure).length} of ${right.length} right answers marked, ` +
      `${wrong.filter((r) => r.unsure).length} of ${wrong.length} wrong ones`,
  );
  assert.ok(right.length > 190);
  assert.ok(marked(right) <= 0.05, String(marked(right)));
  assert.ok(marked(wrong) > 5 * marked(right), String(marked(wrong)));
});

const foreign = sharedFiles('data/photos-calib.tar', 'data/grocery.tar', 'data/clothing.tar');
test('of faces, groceries and garments a good part is marked', { skip: foreign.skip }, () => {
  const photos = unpacked(foreign.files[0], 'photos');
  const groups = {
    faces: [...FACES, ...CLOSE_FACES].map((name) => join(photos, name)),
    groceries: everyNth(unpacked(foreign.files[1], 'grocery/val'), 4 * STEP),
    garments: everyNth(unpacked(foreign.files[2], 'clothing/validation'), 4 * STEP),
  };
  assert.equal(groups.faces.length, 40);
  for (const [name, files] of Object.entries(groups)) {
    const results = classify(files);
    console.log(`${results.filter((r) => r.unsure).length} of ${results.length} ${name} marked`);
    assert.ok(marked(results) > 0.15, `${name}: ${marked(results)}`);
  }
});
