// SPDX-License-Identifier: MIT
// vit158 classify: images to predictions, one record a file.
import { readFileSync } from 'node:fs';
import { OwnClasses } from '../lib/classes.js';
import { Vit158Error, isVit158Error, messageOf } from '../lib/errors.js';
import { sha256Hex } from '../lib/sha256.js';
import { EXIT, Progress, complain, printJson, printable, problemWith, roundMs } from './console.mjs';
import { imagesListed, imagesOf } from './folders.mjs';
import { RUN_OPTIONS, findModel, loadModel, modelMembers } from './model.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { WORKERS_OPTION, classifyInOrder, interruptible } from './images.mjs';

/** @typedef {import('./images.mjs').Found} Found */
/** @typedef {import('../lib/vit158.d.ts').Classifier} Classifier */

/** @type {import('./options.mjs').Usage} */
export const USAGE = {
  synopsis: 'classify FILE... [options]',
  about: 'Classifies JPEG, PNG and WebP images. FILE may be a folder of them, or - for one image\nfrom standard input.',
  options: [
    { name: '--top-k', letter: '-k', placeholder: 'K', help: 'number of predictions (5)', range: [1, 1e9] },
    { name: '--threshold', placeholder: 'X', help: 'leave out lower scores (0)', range: [0, 1], fraction: true },
    { name: '--json', help: 'print one JSON object per file and line' },
    { name: '--logits', help: 'also print the logits of all classes' },
    { name: '--files-from', placeholder: 'FILE', help: 'read paths from FILE or - (stdin), one per line; prints JSON' },
    { name: '--keep-going', help: 'exit with 0 even if files fail; --json says which' },
    { name: '--classes', placeholder: 'FILE', help: "use your own classes (web/FILES.md) instead of the model's" },
    ...RUN_OPTIONS,
    WORKERS_OPTION,
  ],
  count: [0, Infinity],
  notes:
    'A file that cannot be read is reported on stderr; the others are still processed.\n' +
    'With --files-from the error takes its place in the output: {"file", "error": {"code", "message"}}.\n' +
    'Exit codes: 0 success, 1 something failed, 2 wrong usage.',
};

/** @param {string[]} args */
export async function classify(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest: files } = parsed;
  const listed = values['--files-from'] !== undefined;
  if (files.length > 0 === listed)
    throw new UsageError(
      listed ? 'images and --files-from exclude each other' : `an argument is missing: vit158 ${USAGE.synopsis}`,
    );
  return interruptible((signal) => classifyFiles(files, values, signal));
}

/** @param {string[]} files @param {import('./options.mjs').Values} values @param {AbortSignal} signal */
async function classifyFiles(files, values, signal) {
  const list = /** @type {string | undefined} */ (values['--files-from']);
  const images = list === undefined ? imagesOf(files) : imagesListed(list, signal);
  const count = Array.isArray(images) ? images.length : Infinity;
  const vit = await loadModel('classify', values, { images: count, signal });
  if (!vit) return EXIT.FAILED;
  const json = values['--json'] === true || list !== undefined;
  const inPlace = json && (list !== undefined || values['--keep-going'] === true);
  const withLogits = values['--logits'] === true;
  const progress = new Progress(count, count < Infinity && !process.stdout.isTTY);
  let failed = 0;
  let subject = list;
  try {
    subject = /** @type {string | undefined} */ (values['--classes']);
    const own = subject === undefined ? undefined : await openClasses(subject, vit, values);
    if (!own && vit.info().model.classes === 0)
      throw new Vit158Error(
        'E_UNSUPPORTED',
        'the model has no head, so it knows no classes: teach it some in the page and give them with --classes FILE',
      );
    subject = list;
    await classifyInOrder(vit, images, asker(vit, own, values, signal), signal, (index, file, { found, error }) => {
      progress.clear();
      if (found && json) printRecord(file, found, vit, withLogits);
      else if (found) printText(file, found, withLogits);
      else if (inPlace) printProblem(file, error);
      else complain('classify', file, error);
      failed += found ? 0 : 1;
      progress.update(index + 1);
    });
  } catch (error) {
    complain('classify', subject, error);
    return EXIT.FAILED;
  } finally {
    progress.clear();
    vit.dispose();
  }
  return failed === 0 || values['--keep-going'] ? EXIT.OK : EXIT.FAILED;
}

/**
 * Classes that were taught with this very model.
 * @param {string} file
 * @param {Classifier} vit
 * @param {import('./options.mjs').Values} values
 */
async function openClasses(file, vit, values) {
  const own = await OwnClasses.load(file);
  const sha256 = await sha256Hex(readFileSync(findModel(/** @type {string | undefined} */ (values['--model']))));
  const { model } = own;
  if (own.dim !== vit.info().model.embedding || sha256 !== model.sha256)
    throw new Vit158Error(
      'E_ARGUMENT',
      `the classes were taught with another model, ${model.name} of SHA-256 ${model.sha256.slice(0, 12)}...`,
    );
  return own;
}

/**
 * @param {Classifier} vit
 * @param {OwnClasses | undefined} own
 * @param {import('./options.mjs').Values} values
 * @param {AbortSignal} signal
 * @returns {import('./images.mjs').Ask}
 */
function asker(vit, own, { '--top-k': k = 5, '--threshold': x = 0 }, signal) {
  const choice = { topK: Number(k), threshold: Number(x) };
  if (!own) return (image) => vit.classify(image, { ...choice, signal });
  return async (image) => {
    const found = await vit.classify(image, { topK: 1, embedding: true, signal });
    return { ...found, ...own.match(found.embedding, choice) };
  };
}

/**
 * @param {string} file
 * @param {Found} found
 * @param {Classifier} vit
 * @param {boolean} withLogits
 */
function printRecord(file, { predictions, unsure, timing, logits, logitsSha256 }, vit, withLogits) {
  const { decode, preprocess, embed, blocks, head, total } = timing;
  const stages = Object.entries({ decode, preprocess, embed, blocks, head, total });
  printJson({
    file,
    predictions,
    unsure,
    timing: Object.fromEntries(stages.map(([name, ms]) => [name, roundMs(ms)])),
    ...modelMembers(vit),
    ...(withLogits ? { logits: [...logits] } : {}),
    logits_sha256: logitsSha256,
  });
}

/** In the place of a record. @param {string} file @param {unknown} error */
function printProblem(file, error) {
  printJson({
    file,
    error: isVit158Error(error)
      ? { code: error.code, message: problemWith(file, error) }
      : { code: 'E_INTERNAL', message: messageOf(error) },
  });
}

/** @param {string} file @param {Found} found @param {boolean} withLogits */
function printText(file, { predictions, unsure, logits }, withLogits) {
  const lines = predictions.map(
    ({ label, score, index }) => `  ${(100 * score).toFixed(2).padStart(6)} %  ${printable(label) || `class ${index}`}`,
  );
  if (unsure) lines.unshift('  looks like none of the classes; the best guesses:');
  if (withLogits) lines.push(`  logits ${Array.from(logits, (x) => Number(x.toPrecision(9))).join(' ')}`);
  process.stdout.write(`${[printable(file), ...lines].join('\n')}\n`);
}
