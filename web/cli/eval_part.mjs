// SPDX-License-Identifier: MIT
// Parts of an evaluation: the answers of `eval --shard I/N`, written to a file, and what the parts of all shards
// are together, which is what one run would have found. ../FILES.md describes the file; src/cli/evaluation.h does
// the same with the same words.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Vit158Error } from '../lib/errors.js';
import { fileProblem } from '../lib/files.js';

/**
 * @typedef {object} Answer
 * @property {string} file
 * @property {number} class the true one
 * @property {string} [error] why the image failed; without it:
 * @property {number} [predicted]
 * @property {number} [score] of `predicted`
 * @property {number} [rank] of the true class among the five best, from 1; 0: not among them
 * @property {number} [ms]
 */

/**
 * @typedef {object} Evaluation
 * @property {number} numerics_version
 * @property {{name: string, sha256: string}} model
 * @property {string} merge
 * @property {string} engine
 * @property {number} memory_bytes
 * @property {string[]} labels
 * @property {Shard} shard
 * @property {number} images of all shards
 * @property {string} list_sha256
 * @property {string[]} unknown_folders
 * @property {Answer[]} answers
 */

/** Of the images 0, 1, 2, ... those whose number is index - 1 modulo count. @typedef {{index: number, count: number}} Shard */

const FORMAT = 'vit158-eval-part';
const VERSION = 1;
const MAX_SHARDS = 1_000_000;

const MEMBERS = [
  ...['format', 'format_version', 'numerics_version', 'model', 'merge', 'engine', 'memory_bytes', 'labels', 'shard'],
  ...['images', 'list_sha256', 'unknown_folders', 'answers', 'sha256'],
];

/** @param {string} text "2/8" @returns {Shard | undefined} */
export function parseShard(text) {
  const [, index, count] = (/^([1-9]\d{0,6})\/([1-9]\d{0,6})$/.exec(text) ?? []).map(Number);
  return index <= count && count <= MAX_SHARDS ? { index, count } : undefined;
}

/** @param {string} text that is no shard */
export const shardMistake = (text) => `--shard wants I/N, I from 1 to N, N at most ${MAX_SHARDS}, got '${text}'`;

/** @template T @param {T[]} images @param {Shard} shard */
export const shardOf = (images, { index, count }) => images.filter((_, i) => i % count === index - 1);

/**
 * Of every path with its class, and of the folders that name none.
 * @param {{path: string, index: number}[]} images
 * @param {string[]} unknown
 */
export function listHash(images, unknown) {
  const hash = createHash('sha256');
  for (const { path, index } of images) hash.update(`${path}\0${index}\0`);
  for (const folder of unknown) hash.update(`${folder}\0`);
  return hash.digest('hex');
}

/** The file's text: a line an answer, at the end the hash of all before it. @param {Evaluation} evaluation */
export function partText({ answers, ...head }) {
  const start = JSON.stringify({ format: FORMAT, format_version: VERSION, ...head }).slice(0, -1);
  const lines = answers.map((answer) => JSON.stringify(answer)).join(',\n');
  const text = `${start},"answers":[\n${lines}${lines && '\n'}]`;
  return `${text},"sha256":"${sha256(text)}"}\n`;
}

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** @param {string} path @returns {Evaluation} */
function readPart(path) {
  const text = readText(path);
  const [found, version] = /^\{"format":"vit158-eval-part"(?:,"format_version":(\d+))?/.exec(text) ?? [];
  if (found === undefined) fail('not a part file');
  if (version === undefined) fail('not a part file: it has no format_version');
  if (Number(version) !== VERSION)
    throw new Vit158Error('E_UNSUPPORTED', `part files of version ${version} are not read here, only ${VERSION}`);
  const end = text.length - ',"sha256":""}\n'.length - 64;
  if (end < 0 || text.slice(end) !== `,"sha256":"${sha256(text.slice(0, end))}"}\n`)
    fail('the part is damaged or incomplete: its SHA-256 is not that of its content');
  try {
    const value = JSON.parse(text);
    if (isPart(value)) return value;
  } catch {
    // The same: somebody made it up.
  }
  return fail('the part is not as vit158 writes it, though its SHA-256 is right');
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Vit158Error('E_IO', fileProblem(error));
  }
}

/** @param {string} message @returns {never} */
function fail(message) {
  throw new Vit158Error('E_FORMAT', message);
}

/** @param {any} value of an object @returns {value is Evaluation} */
function isPart(value) {
  const { numerics_version: numerics, model, merge, engine, memory_bytes: memory, labels, shard, images } = value;
  return (
    hasKeys(value, MEMBERS) &&
    isCount(numerics) &&
    hasKeys(model, ['name', 'sha256']) &&
    [model.name, merge, engine, ...value.unknown_folders].every(isText) &&
    [model.sha256, value.list_sha256].every((hash) => /^[0-9a-f]{64}$/.test(hash)) &&
    Number.isFinite(memory) &&
    labels.every(isText) &&
    hasKeys(shard, ['index', 'count']) &&
    parseShard(`${shard.index}/${shard.count}`) !== undefined &&
    isCount(images) &&
    value.answers.length === sizeOf(shard, images) &&
    value.answers.every((/** @type {any} */ answer) => isAnswer(answer, labels.length))
  );
}

/** @param {any} answer @param {number} classes */
function isAnswer(answer, classes) {
  const { file, class: truth, error, predicted, score, rank, ms } = answer;
  const inside = (/** @type {unknown} */ index) => isCount(index) && index < classes;
  if (!isText(file) || !inside(truth)) return false;
  if (error !== undefined) return hasKeys(answer, ['file', 'class', 'error']) && isText(error);
  return (
    hasKeys(answer, ['file', 'class', 'predicted', 'score', 'rank', 'ms']) &&
    inside(predicted) &&
    Number.isFinite(score) &&
    score >= 0 &&
    score <= 1 &&
    isCount(rank) &&
    rank <= 5 &&
    (rank === 1) === (truth === predicted) &&
    Number.isFinite(ms) &&
    ms >= 0
  );
}

/** @param {object} object @param {string[]} keys in this order */
const hasKeys = (object, keys) => Object.keys(object).join() === keys.join();

/** @param {unknown} value */
const isText = (value) => typeof value === 'string' && !value.includes('\0');

/** @param {unknown} value @returns {value is number} */
const isCount = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/** @param {Shard} shard @param {number} images */
const sizeOf = ({ index, count }, images) => Math.floor(images / count) + (images % count >= index ? 1 : 0);

/**
 * One evaluation of the parts of all shards, in any order.
 * @param {string[]} paths
 * @param {(path: string | undefined) => void} about called with the path that an error would be about
 * @returns {Evaluation}
 */
export function combineParts(paths, about) {
  /** @type {{part: Evaluation, path: string}[]} by shard */
  const shards = [];
  /** @type {{part: Evaluation, path: string} | undefined} */
  let first;
  for (const path of paths) {
    about(path);
    const part = readPart(path);
    if (first) checkPair(part, first);
    const { index, count } = part.shard;
    const other = shards[index - 1];
    if (other) throw new Vit158Error('E_ARGUMENT', `it is shard ${index} of ${count}, as is ${other.path}`);
    shards[index - 1] = { part, path };
    first ??= shards[index - 1];
  }
  about(undefined);
  const { part } = /** @type {{part: Evaluation}} */ (first);
  const { count } = part.shard;
  checkComplete(shards, count);
  const parts = shards.map((shard) => shard.part);
  return {
    ...parts[0],
    engine: [...new Set(parts.map(({ engine }) => engine))].join('+'),
    memory_bytes: parts.reduce((most, { memory_bytes: bytes }) => Math.max(most, bytes), 0),
    shard: { index: 1, count: 1 },
    answers: Array.from({ length: part.images }, (_, i) => parts[i % count].answers[Math.floor(i / count)]),
  };
}

/** Whether two parts belong to one evaluation. @param {Evaluation} a @param {{part: Evaluation, path: string}} first */
function checkPair(a, { part: b, path }) {
  const what = [
    [a.model.sha256 === b.model.sha256 && a.labels.length === b.labels.length, 'another model'],
    [a.numerics_version === b.numerics_version, 'another version of the numerics'],
    [a.merge === b.merge, 'another --merge'],
    [a.list_sha256 === b.list_sha256 && a.images === b.images, 'another list of images'],
    [a.shard.count === b.shard.count, 'another number of shards'],
  ].find(([same]) => !same);
  if (what) throw new Vit158Error('E_ARGUMENT', `it has ${what[1]} than ${path}`);
}

/** @param {unknown[]} shards @param {number} count */
function checkComplete(shards, count) {
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !shards[index - 1]);
  if (missing.length === 1) throw new Vit158Error('E_ARGUMENT', `shard ${missing[0]} of ${count} is missing`);
  if (missing.length > 1)
    throw new Vit158Error(
      'E_ARGUMENT',
      `${missing.length} of ${count} shards are missing, the first is shard ${missing[0]}`,
    );
}
