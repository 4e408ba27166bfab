// SPDX-License-Identifier: MIT
// Own classes over the default model's embeddings: five classes are taught with five photos each, and named on photos
// that were not taught. The classes were picked before anything was measured; photos go by the order of their names.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OwnClasses } from '../../web/lib/classes.js';
import { Classifier } from '../../web/lib/vit158.js';
import { ROOT, sharedFiles, unpacked } from '../node/shared.mjs';

const TAUGHT = 5;
/** Photos of a class that are asked about: those kept for validation first. */
const ASKED = 20;

/** @type {{archive: string, parts: string[], classes: string[], least: number}[]} */
const SETS = [
  {
    archive: 'data/grocery.tar',
    parts: ['grocery/train', 'grocery/val'],
    classes: ['Banana', 'Avocado', 'Lemon', 'Carrots', 'Garlic'],
    least: 0.96,
  },
  {
    archive: 'data/clothing.tar',
    parts: ['clothing/train', 'clothing/validation'],
    classes: ['dress', 'hat', 'pants', 'shoes', 't-shirt'],
    least: 0.85,
  },
];

/** @param {string} folder @returns {string[]} */
const photosIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((file) => join(folder, file))
    : [];

for (const { archive, parts, classes, least } of SETS) {
  const { skip, files } = sharedFiles(archive);
  test(`five classes of five photos each, of ${archive}`, { skip }, async () => {
    const [train, validation] = parts.map((part) => unpacked(files[0], part));
    const vit = await Classifier.load(join(ROOT, 'models/vit158-imagenet.safetensors'));
    /** @type {{name: string, vectors: Float32Array[]}[]} */
    const taught = [];
    /** @type {[string, Float32Array][]} */
    const asked = [];
    for (const name of classes) {
      const photos = photosIn(join(train, name));
      const vectors = [];
      for (const photo of photos.slice(0, TAUGHT)) vectors.push(await vit.embed(photo));
      taught.push({ name, vectors });
      const others = [...photosIn(join(validation, name)), ...photos.slice(TAUGHT)];
      for (const photo of others.slice(0, ASKED)) asked.push([name, await vit.embed(photo)]);
    }
    const { dim } = vit.info().model;
    vit.dispose();
    for (const method of /** @type {const} */ (['centroid', 'neighbours'])) {
      const own = new OwnClasses({ model: { name: 'any', sha256: '0'.repeat(64) }, dim, method, classes: taught });
      const right = asked.filter(([name, vector]) => own.match(vector).predictions[0].label === name).length;
      console.log(`${archive}, ${method}: ${right} of ${asked.length} photos named right`);
      assert.ok(right >= least * asked.length, `${method}: ${right} of ${asked.length}`);
    }
  });
}
