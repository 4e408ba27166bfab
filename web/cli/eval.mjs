// SPDX-License-Identifier: MIT
// vit158 eval: accuracy over a folder with one sub-folder a class. ../README.md says which folder is
// which class and which pictures a limit takes.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Vit158Error, messageOf } from '../lib/errors.js';
import { EXIT, Progress, complain, printJson, roundMs } from './console.mjs';
import { RUN_OPTIONS, loadModel, modelMembers } from './model.mjs';
import { parseOptions } from './options.mjs';
import { WORKERS_OPTION, classifyInOrder, interruptible } from './pictures.mjs';

/** @typedef {import('../lib/vit158.d.ts').Classifier} Classifier */
/** @typedef {{name: string, path: string, files: string[]}} Folder */
/** @typedef {{path: string, index: number}} Picture */
/** @typedef {{images: number, top1: number, top5: number, failed: number, ms: number[]}} Tally */

/** @type {import('./options.mjs').Usage} */
const USAGE = {
  synopsis: 'eval DIR [options]',
  about: "Measures accuracy on DIR, which has a folder for each class, named by the class's label\n"
    + 'or wnid, with JPEG and PNG pictures in it.',
  options: [
    { name: '--limit', placeholder: 'N', help: 'only N pictures, spread evenly over the folder',
      range: [1, 1e9] },
    { name: '--json', help: 'the result as a JSON object' },
    ...RUN_OPTIONS,
    WORKERS_OPTION,
  ],
  count: [1, 1],
  notes: 'Exit codes: 0 all went well, 1 a picture or folder failed, 2 wrong command line.',
};

/** @param {string[]} args */
export async function evaluate(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest: [root] } = parsed;
  return interruptible((signal) => evaluateFolder(root, values, signal));
}

/** @param {string} root @param {import('./options.mjs').Values} values @param {AbortSignal} signal */
async function evaluateFolder(root, values, signal) {
  /** @type {Folder[]} */
  let folders;
  try {
    folders = listFolders(root);
  } catch (error) {
    return complain('eval', root, error);
  }
  const limit = /** @type {number} */ (values['--limit'] ?? Infinity);
  const count = Math.min(limit, folders.reduce((sum, { files }) => sum + files.length, 0));
  const vit = await loadModel('eval', values, { pictures: count, signal });
  if (!vit) return EXIT.FAILED;
  /** @type {Tally} */
  const tally = { images: 0, top1: 0, top5: 0, failed: 0, ms: [] };
  try {
    const pictures = thinOut(judgeable(folders, vit, tally), limit);
    await runPictures(vit, pictures, tally, signal);
    if (signal.aborted)
      return complain('eval', root, new Vit158Error('E_ABORT',
        `interrupted after ${tally.ms.length} of ${pictures.length} pictures`));
    if (tally.images + tally.failed === 0)
      complain('eval', root, new Vit158Error('E_INPUT',
        'no pictures: expected a folder for each class with *.jpg, *.jpeg or *.png files'));
    if (values['--json']) printRecord(tally, vit);
    else printText(tally);
  } catch (error) {
    return complain('eval', root, error);
  } finally {
    vit.dispose();
  }
  return tally.failed === 0 && tally.images > 0 ? EXIT.OK : EXIT.FAILED;
}

/** Folders with the pictures in them. @param {string} root @returns {Folder[]} */
function listFolders(root) {
  return list(root).filter((name) => statSync(join(root, name)).isDirectory()).map((name) => {
    const path = join(root, name);
    return { name, path, files: list(path).filter((file) => /\.(jpe?g|png)$/i.test(file)) };
  });
}

/**
 * Every picture with its class; folders that name no class are complained about.
 * @param {Folder[]} folders
 * @param {Classifier} vit
 * @param {Tally} tally
 * @returns {Picture[]}
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

/** Names in a folder in order of their bytes. @param {string} folder */
function list(folder) {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    throw new Vit158Error('E_IO', `cannot list ${folder}: ${messageOf(error)}`);
  }
}

/** By wnid, else by label, whole or up to its first comma. @param {Classifier} vit */
function classFinder(vit) {
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

/** `limit` pictures spread evenly. @param {Picture[]} pictures @param {number} limit */
function thinOut(pictures, limit) {
  const count = Math.min(limit, pictures.length);
  return Array.from({ length: count }, (_, i) => pictures[Math.floor((i * pictures.length) / count)]);
}

/** @param {Classifier} vit @param {Picture[]} pictures @param {Tally} tally @param {AbortSignal} signal */
async function runPictures(vit, pictures, tally, signal) {
  const progress = new Progress(pictures.length);
  await classifyInOrder(vit, pictures.map(({ path }) => path), { topK: 5, signal }, (i, { found, error }) => {
    const { path, index } = pictures[i];
    if (found) {
      const { predictions, timing } = found;
      tally.images++;
      tally.ms.push(timing.total);
      if (predictions[0].index === index) tally.top1++;
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

/** @param {Tally} tally @param {Classifier} vit */
function printRecord({ images, top1, top5, failed, ms }, vit) {
  printJson({
    images,
    top1: top1 / images, // 0 / 0 is NaN, which prints as null
    top5: top5 / images,
    ms_median: roundMs(median(ms)),
    failed,
    ...modelMembers(vit),
  });
}

/** @param {Tally} tally */
function printText({ images, top1, top5, failed, ms }) {
  const share = (/** @type {number} */ count) => `${((100 * count) / images).toFixed(2)} %`;
  process.stdout.write(images === 0 ? '0 images\n'
    : `${images} images, top-1 ${share(top1)}, top-5 ${share(top5)}, median ${median(ms).toFixed(2)} ms`
      + `${failed > 0 ? `, ${failed} failed` : ''}\n`);
}
