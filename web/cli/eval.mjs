// SPDX-License-Identifier: MIT
// vit158 eval: accuracy over a folder with one sub-folder a class. ../COMMANDS.md says which folder is
// which class and which images a limit takes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Vit158Error, isVit158Error } from '../lib/errors.js';
import { sha256Hex } from '../lib/sha256.js';
import { EXIT, Progress, complain, printable, problemOf } from './console.mjs';
import { combineParts, listHash, parseShard, partText, shardMistake, shardOf } from './eval_part.mjs';
import { report } from './eval_report.mjs';
import { listClassFolders } from './folders.mjs';
import { RUN_OPTIONS, findModel, loadModel, modelMembers } from './model.mjs';
import { UsageError, parseOptions } from './options.mjs';
import { WORKERS_OPTION, classifyInOrder, interruptible } from './images.mjs';
import { writeWhole } from './whole_file.mjs';

/** @typedef {import('../lib/vit158.d.ts').Classifier} Classifier */
/** @typedef {{name: string, path: string, files: string[]}} Folder */
/** @typedef {{path: string, index: number}} LabelledImage */
/** @typedef {import('./eval_part.mjs').Evaluation} Evaluation */
/** @typedef {import('./eval_part.mjs').Answer} Answer */
/** @typedef {import('./options.mjs').Values} Values */

/** @type {import('./options.mjs').Usage} */
export const USAGE = {
  synopsis: 'eval DIR|--combine PART... [options]',
  about:
    'Measures accuracy on DIR, which has one folder of JPEG, PNG and WebP images per class,\n' +
    "named by the class's label or WordNet ID. Several machines may share the work: each of\n" +
    'N runs with --shard I/N -o PART, then one with --combine.',
  options: [
    { name: '--limit', placeholder: 'N', help: 'use only N images, spread evenly over the folder', range: [1, 1e9] },
    { name: '--confusion', help: "also print each class's accuracy and what it is mistaken for" },
    { name: '--wrong', placeholder: 'FILE', help: 'list misclassified images in FILE.csv or FILE.json' },
    { name: '--json', help: 'print the result as a JSON object' },
    { name: '--shard', placeholder: 'I/N', help: 'only every Nth image, from the Ith on; with -o' },
    { name: '--output', letter: '-o', placeholder: 'PART', help: 'the file for the answers of a shard' },
    { name: '--combine', help: 'report what the PARTs of all shards hold' },
    ...RUN_OPTIONS,
    WORKERS_OPTION,
  ],
  count: [1, Infinity],
  notes:
    'Exit codes: 0 success, 1 an image or folder failed, 2 wrong usage. A shard that is written\n' +
    'is a success; images that failed in it count when shards are combined.',
};

/** @param {string[]} args */
export async function evaluate(args) {
  const parsed = parseOptions(USAGE, args);
  if (!parsed) return EXIT.OK;
  const { values, rest } = parsed;
  const mistake = contradiction(values, rest);
  if (mistake !== undefined) throw new UsageError(mistake);
  if (values['--combine']) return evaluateParts(rest, values);
  return interruptible((signal) => evaluateFolder(rest[0], values, signal));
}

/** What is wrong with options that are right each by itself. @param {Values} values @param {string[]} rest */
function contradiction(values, rest) {
  const given = (/** @type {string[]} */ ...names) =>
    names.some((name) => values[name] !== undefined && values[name] !== 'auto');
  const { '--wrong': wrong = '.csv', '--shard': shard } = values;
  if (!/\.(csv|json)$/.test(String(wrong))) return `--wrong wants a name that ends in .csv or .json, got '${wrong}'`;
  if (values['--combine']) {
    const others = [...RUN_OPTIONS, WORKERS_OPTION].map(({ name }) => name);
    return given('--shard', '--output', '--limit', ...others)
      ? '--combine goes with --confusion, --wrong and --json only'
      : undefined;
  }
  if (rest.length > 1) return `one argument too many: '${rest[1]}'`;
  if (given('--shard') !== given('--output')) return '--shard I/N and -o PART belong together';
  if (given('--shard') && given('--confusion', '--wrong', '--json'))
    return '--confusion, --wrong and --json go with --combine, not with --shard';
  if (shard !== undefined && !parseShard(String(shard))) return shardMistake(String(shard));
  return undefined;
}

/** @param {string} root @param {Values} values @param {AbortSignal} signal */
async function evaluateFolder(root, values, signal) {
  /** @type {Folder[]} */
  let folders;
  try {
    folders = listClassFolders(root);
  } catch (error) {
    return complain('eval', root, error);
  }
  const shard = parseShard(String(values['--shard'] ?? '1/1')) ?? { index: 1, count: 1 };
  const limit = /** @type {number} */ (values['--limit'] ?? Infinity);
  const count = Math.min(
    limit,
    folders.reduce((sum, { files }) => sum + files.length, 0),
  );
  const vit = await loadModel('eval', values, { images: Math.ceil(count / shard.count), signal });
  if (!vit) return EXIT.FAILED;
  const output = /** @type {string | undefined} */ (values['--output'] ?? values['--wrong']);
  let subject = root;
  try {
    const { images, unknown } = judgeable(folders, vit, limit);
    const mine = shardOf(images, shard);
    const { answers, memoryEnded } = await runImages(vit, mine, signal);
    if (signal.aborted)
      return complain(
        'eval',
        root,
        new Vit158Error('E_ABORT', `interrupted after ${answers.length} of ${mine.length} images`),
      );
    const { model, engine, numerics_version: numerics, memory_bytes: memory } = modelMembers(vit);
    /** @type {Evaluation} */
    const evaluation = {
      numerics_version: numerics,
      model: { name: model, sha256: '' },
      merge: vit.info().merge ?? 'off',
      engine,
      memory_bytes: memory,
      labels: vit.labels(),
      shard,
      images: images.length,
      list_sha256: listHash(images, unknown),
      unknown_folders: unknown,
      answers,
    };
    if (images.length === 0 && (unknown.length === 0 || values['--shard'] !== undefined)) complainEmpty(root);
    if (values['--shard'] === undefined) {
      subject = output ?? root;
      return report(evaluation, values);
    }
    if (images.length === 0) return EXIT.FAILED;
    // Run again, the shard may have enough.
    if (memoryEnded) throw new Vit158Error('E_MEMORY', 'not enough memory for the results');
    evaluation.model.sha256 = await sha256Hex(
      readFileSync(findModel(/** @type {string | undefined} */ (values['--model']))),
    );
    subject = String(output);
    writeWhole(subject, partText(evaluation));
    process.stdout.write(shardLine(subject, evaluation));
    return EXIT.OK;
  } catch (error) {
    return complain('eval', subject, error);
  } finally {
    vit.dispose();
  }
}

/** @param {string} root */
function complainEmpty(root) {
  const message = 'no images: expected a folder for each class with *.jpg, *.jpeg, *.png or *.webp files';
  complain('eval', root, new Vit158Error('E_INPUT', message));
}

/** @param {string} path of the part @param {Evaluation} evaluation */
function shardLine(path, { shard, answers }) {
  const failed = answers.filter(({ error }) => error !== undefined).length;
  return (
    `${printable(path)}: shard ${shard.index} of ${shard.count}, ${answers.length} image${answers.length === 1 ? '' : 's'}` +
    `${failed > 0 ? `, ${failed} failed` : ''}\n`
  );
}

/** @param {string[]} paths @param {Values} values */
function evaluateParts(paths, values) {
  /** @type {string | undefined} */
  let subject;
  try {
    const evaluation = combineParts(paths, (path) => (subject = path));
    evaluation.unknown_folders.forEach(complainUnknown);
    for (const { file, error } of evaluation.answers)
      if (error !== undefined) complain('eval', file, new Vit158Error('E_INPUT', error));
    subject = /** @type {string | undefined} */ (values['--wrong']);
    return report(evaluation, values);
  } catch (error) {
    return complain('eval', subject, error);
  }
}

/**
 * Every image with its class, or `limit` of them, spread evenly; folders that name no class are complained about.
 * @param {Folder[]} folders
 * @param {Classifier} vit
 * @param {number} limit
 */
function judgeable(folders, vit, limit) {
  const find = classFinder(vit);
  const unknown = folders.filter(({ name }) => find(name) === undefined).map(({ path }) => path);
  unknown.forEach(complainUnknown);
  const images = folders.flatMap(({ name, path, files }) => {
    const index = find(name);
    return index === undefined ? [] : files.map((file) => ({ path: join(path, file), index }));
  });
  return { images: thinOut(images, limit), unknown };
}

/** @param {string} path */
function complainUnknown(path) {
  complain('eval', path, new Vit158Error('E_INPUT', 'the folder names no class of the model'));
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

/** The answers until the signal is aborted. @param {Classifier} vit @param {LabelledImage[]} images @param {AbortSignal} signal */
async function runImages(vit, images, signal) {
  const progress = new Progress(images.length);
  /** @type {Answer[]} */
  const answers = [];
  let memoryEnded = false;
  const ask = (/** @type {any} */ image) => vit.classify(image, { topK: 5, signal });
  const items = images.map(({ path }) => ({ file: path, image: () => path }));
  await classifyInOrder(vit, items, ask, signal, (i, file, { found, error }) => {
    const { index } = images[i];
    if (found) {
      const { predictions, timing } = found;
      const [{ index: predicted, score }] = predictions;
      const rank = predictions.findIndex((prediction) => prediction.index === index) + 1;
      answers.push({ file, class: index, predicted, score, rank, ms: timing.total });
    } else {
      progress.clear();
      complain('eval', file, error);
      answers.push({ file, class: index, error: problemOf(file, error) });
      memoryEnded ||= isVit158Error(error) && error.code === 'E_MEMORY';
    }
    progress.update(i + 1);
  });
  progress.clear();
  return { answers, memoryEnded };
}
