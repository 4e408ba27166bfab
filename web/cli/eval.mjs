// SPDX-License-Identifier: MIT
// vit158 eval: accuracy over a folder with one sub-folder a class. ../COMMANDS.md says which folder is
// which class and which images a limit takes.
import { join } from 'node:path';
import { Vit158Error } from '../lib/errors.js';
import { classMembers, classRows, wrongText } from './confusion.mjs';
import { EXIT, Progress, complain, printJson, roundMs } from './console.mjs';
import { listClassFolders } from './folders.mjs';
import { RUN_OPTIONS, loadModel, modelMembers } from './model.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { WORKERS_OPTION, classifyInOrder, interruptible } from './images.mjs';
import { writeWhole } from './whole_file.mjs';

/** @typedef {import('../lib/vit158.d.ts').Classifier} Classifier */
/** @typedef {{name: string, path: string, files: string[]}} Folder */
/** @typedef {{path: string, index: number}} LabelledImage */
/** @typedef {{path: string, truth: number, predicted: number, score: number}} Judged */
/** @typedef {{judged: Judged[], top5: number, failed: number, ms: number[]}} Tally */

/** With fewer classes the five best are nearly all. */
const LEAST_CLASSES_TOP5 = 6;

/** @type {import('./options.mjs').Usage} */
export const USAGE = {
  synopsis: 'eval DIR [options]',
  about:
    'Measures accuracy on DIR, which has one folder of JPEG, PNG and WebP images per class,\n' +
    "named by the class's label or WordNet ID.",
  options: [
    { name: '--limit', placeholder: 'N', help: 'use only N images, spread evenly over the folder', range: [1, 1e9] },
    { name: '--confusion', help: "also print each class's accuracy and what it is mistaken for" },
    { name: '--wrong', placeholder: 'FILE', help: 'list misclassified images in FILE.csv or FILE.json' },
    { name: '--json', help: 'print the result as a JSON object' },
    ...RUN_OPTIONS,
    WORKERS_OPTION,
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 success, 1 an image or folder failed, 2 wrong usage.',
};

/** @param {string[]} args */
export async function evaluate(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const {
    values,
    rest: [root],
  } = parsed;
  const wrong = /** @type {string} */ (values['--wrong'] ?? '.csv');
  if (!/\.(csv|json)$/.test(wrong))
    throw new UsageError(`--wrong wants a name that ends in .csv or .json, got '${wrong}'`);
  return interruptible((signal) => evaluateFolder(root, values, signal));
}

/** @param {string} root @param {import('./options.mjs').Values} values @param {AbortSignal} signal */
async function evaluateFolder(root, values, signal) {
  /** @type {Folder[]} */
  let folders;
  try {
    folders = listClassFolders(root);
  } catch (error) {
    return complain('eval', root, error);
  }
  const limit = /** @type {number} */ (values['--limit'] ?? Infinity);
  const count = Math.min(
    limit,
    folders.reduce((sum, { files }) => sum + files.length, 0),
  );
  const vit = await loadModel('eval', values, { images: count, signal });
  if (!vit) return EXIT.FAILED;
  let subject = root;
  /** @type {Tally} */
  const tally = { judged: [], top5: 0, failed: 0, ms: [] };
  try {
    const images = thinOut(judgeable(folders, vit, tally), limit);
    await runImages(vit, images, tally, signal);
    if (signal.aborted)
      return complain(
        'eval',
        root,
        new Vit158Error('E_ABORT', `interrupted after ${tally.ms.length} of ${images.length} images`),
      );
    if (tally.judged.length + tally.failed === 0)
      complain(
        'eval',
        root,
        new Vit158Error(
          'E_INPUT',
          'no images: expected a folder for each class with *.jpg, *.jpeg, *.png or *.webp files',
        ),
      );
    const wrong = /** @type {string | undefined} */ (values['--wrong']);
    subject = wrong ?? root;
    if (wrong !== undefined) writeWhole(wrong, wrongText(tally.judged, vit.labels(), wrong));
    if (values['--json']) printRecord(tally, vit, values['--confusion'] === true);
    else printText(tally, vit, values['--confusion'] === true);
  } catch (error) {
    return complain('eval', subject, error);
  } finally {
    vit.dispose();
  }
  return tally.failed === 0 && tally.judged.length > 0 ? EXIT.OK : EXIT.FAILED;
}

/**
 * Every image with its class; folders that name no class are complained about.
 * @param {Folder[]} folders
 * @param {Classifier} vit
 * @param {Tally} tally
 * @returns {LabelledImage[]}
 */
function judgeable(folders, vit, tally) {
  const find = classFinder(vit);
  return folders.flatMap(({ name, path, files }) => {
    const index = find(name);
    if (index !== undefined) return files.map((file) => ({ path: join(path, file), index }));
    complain('eval', path, new Vit158Error('E_INPUT', 'the folder names no class of the model'));
    tally.failed++;
    return [];
  });
}

/** By wnid, else by label, whole or up to its first comma. @param {Classifier} vit */
export function classFinder(vit) {
  /** @type {Map<string, number>} */
  const byName = new Map();
  const add = (/** @type {string} */ name, /** @type {number} */ index) => {
    if (name !== '' && !byName.has(name)) byName.set(name, index);
  };
  const { wnids = '[]' } = vit.info().metadata;
  /** @type {unknown} */
  const parsed = JSON.parse(wnids);
  if (Array.isArray(parsed)) parsed.forEach((wnid, i) => add(String(wnid), i));
  vit.labels().forEach((label, i) => {
    add(label, i);
    add(label.split(',')[0], i);
  });
  return (/** @type {string} */ name) => byName.get(name);
}

/** `limit` images spread evenly. @param {LabelledImage[]} images @param {number} limit */
function thinOut(images, limit) {
  const count = Math.min(limit, images.length);
  return Array.from({ length: count }, (_, i) => images[Math.floor((i * images.length) / count)]);
}

/** @param {Classifier} vit @param {LabelledImage[]} images @param {Tally} tally @param {AbortSignal} signal */
async function runImages(vit, images, tally, signal) {
  const progress = new Progress(images.length);
  const ask = (/** @type {any} */ image) => vit.classify(image, { topK: 5, signal });
  const items = images.map(({ path }) => ({ file: path, image: () => path }));
  await classifyInOrder(vit, items, ask, signal, (i, path, { found, error }) => {
    if (found) {
      const { predictions, timing } = found;
      const { index } = images[i];
      tally.judged.push({ path, truth: index, predicted: predictions[0].index, score: predictions[0].score });
      tally.ms.push(timing.total);
      if (predictions.some((prediction) => prediction.index === index)) tally.top5++;
    } else {
      progress.clear();
      complain('eval', path, error);
      tally.failed++;
    }
    progress.update(i + 1);
  });
  progress.clear();
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** @param {Tally} tally */
const rightOnes = ({ judged }) => judged.filter(({ truth, predicted }) => truth === predicted).length;

/** @param {Classifier} vit */
const hasTop5 = (vit) => vit.info().model.classes >= LEAST_CLASSES_TOP5;

/** @param {Tally} tally @param {Classifier} vit @param {boolean} confusion */
function printRecord(tally, vit, confusion) {
  const images = tally.judged.length;
  printJson({
    images,
    top1: rightOnes(tally) / images, // 0 / 0 is NaN, which prints as null
    ...(hasTop5(vit) ? { top5: tally.top5 / images } : {}),
    ms_median: roundMs(median(tally.ms)),
    failed: tally.failed,
    ...(confusion ? { classes: classMembers(tally.judged, vit.labels()) } : {}),
    ...modelMembers(vit),
  });
}

/** @param {Tally} tally @param {Classifier} vit @param {boolean} confusion */
function printText(tally, vit, confusion) {
  const images = tally.judged.length;
  const share = (/** @type {number} */ count) => `${((100 * count) / images).toFixed(2)} %`;
  process.stdout.write(
    images === 0
      ? '0 images\n'
      : `${images} image${images === 1 ? '' : 's'}, top-1 ${share(rightOnes(tally))}${hasTop5(vit) ? `, top-5 ${share(tally.top5)}` : ''}, ` +
          `median ${median(tally.ms).toFixed(2)} ms${tally.failed > 0 ? `, ${tally.failed} failed` : ''}\n`,
  );
  if (confusion) process.stdout.write(classRows(tally.judged, vit.labels()));
}
