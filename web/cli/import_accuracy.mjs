// SPDX-License-Identifier: MIT
// `vit158 import --verify FOLDER`: how often the source and the new model are right on labelled images.
import { join } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { Classifier } from '../lib/vit158.js';
import { Progress, complain } from './console.mjs';
import { classFinder } from './eval.mjs';
import { listClassFolders } from './folders.mjs';

const STANDARD_ERRORS = 2;

/**
 * Prints a line; true if it passed: unless the new model is right less often by more than two standard
 * errors of the difference. Of the images that only one gets right, b and c, that is b - c > 2 sqrt(b + c).
 * @param {Uint8Array} source the source as a model file with unrounded weights
 * @param {string} modelPath
 * @param {string} folder a sub-folder for each class
 */
export async function compareAccuracy(source, modelPath, folder) {
  const models = [await Classifier.load(source), await Classifier.load(modelPath)];
  try {
    const { images, failed } = labelled(folder, models[1]);
    const tally = { images: 0, correct: [0, 0], only: [0, 0], same: 0, failed };
    const progress = new Progress(images.length);
    for (const [i, { path, truth }] of images.entries()) {
      try {
        await judge(tally, models, path, truth);
      } catch (error) {
        progress.clear();
        complain('import', path, error);
        tally.failed++;
      }
      progress.update(i + 1);
    }
    progress.clear();
    return report(tally);
  } finally {
    for (const model of models) model.dispose();
  }
}

/** @typedef {{images: number, correct: number[], only: number[], same: number, failed: number}} Tally */

/** @param {Tally} tally @param {Classifier[]} models @param {string} path @param {number} truth */
async function judge(tally, models, path, truth) {
  const answers = [];
  for (const model of models) answers.push((await model.classify(path, { topK: 1 })).predictions[0]?.index);
  const correct = answers.map((answer) => answer === truth);
  tally.images++;
  tally.same += Number(answers[0] === answers[1]);
  correct.forEach((is, i) => {
    tally.correct[i] += Number(is);
    tally.only[i] += Number(is && !correct[1 - i]);
  });
}

/** @param {string} folder @param {Classifier} model */
function labelled(folder, model) {
  const find = classFinder(model);
  let failed = 0;
  const images = listClassFolders(folder).flatMap(({ name, path, files }) => {
    const truth = find(name);
    if (truth !== undefined) return files.map((file) => ({ path: join(path, file), truth }));
    complain('import', path, new Vit158Error('E_INPUT', 'the folder names no class of the model'));
    failed++;
    return [];
  });
  if (images.length === 0)
    throw new Vit158Error(
      'E_IO',
      'no images: expected a folder for each class with *.jpg, *.jpeg, *.png or *.webp files',
    );
  return { images, failed };
}

/** @param {Tally} tally */
function report({ images, correct, only: [b, c], same, failed }) {
  const passed = images > 0 && failed === 0 && b - c <= STANDARD_ERRORS * Math.sqrt(b + c);
  const share = (/** @type {number} */ count) => `${((100 * count) / images).toFixed(2)} %`;
  process.stdout.write(
    `verify: ${images} images, the source is right in ${share(correct[0])}, the new model in ${share(correct[1])} ` +
      `(${b} only the one, ${c} only the other), same answer in ${share(same)}: ${passed ? 'passed' : 'FAILED'}\n`,
  );
  return passed;
}
