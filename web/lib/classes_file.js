// SPDX-License-Identifier: MIT
/**
 * The file of classes of one's own: vectors that a model's `embed` gave for images of each class.
 * web/FILES.md describes it; src/cli/classes_read.c reads the same. It is checked whole before any of
 * it is used.
 */
import { Vit158Error, asCallAtOnce, isVit158Error, messageOf } from './errors.js';
import { isBuffer } from './kinds.js';
import { strictTextOf } from './platform.js';
import { readWhole } from './source.js';

/** @typedef {import('./classes.d.ts').ClassesFile} ClassesFile */

const FORMAT = 'vit158-classes';
const FORMAT_VERSION = 2;
/** How each file begins. */
export const HEAD = Object.freeze({ format: FORMAT, format_version: FORMAT_VERSION });
const HASH = /^[0-9a-f]{64}$/;
const MOST_CLASSES = 1000;
const MOST_VECTORS = 20000;
const MOST_NAME_BYTES = 400;
const MOST_DIM = 65536;
const METHODS = ['centroid', 'neighbours'];

/**
 * Text of the file: a line a class.
 * @param {ClassesFile} file
 */
export function classesText(file) {
  return asCallAtOnce('classesText', () => textOf(checkClasses({ ...HEAD, ...file })));
}

/** @param {ClassesFile} file that was checked */
function textOf({ model, dim, method, unlike, classes }) {
  const start = JSON.stringify({
    ...HEAD,
    model,
    dim,
    method,
    ...(unlike === undefined ? {} : { unlike }),
  });
  const lines = classes.map(({ name, vectors, thumbnails }) => {
    const rows = vectors.map((vector) => `[${Array.from(vector, floatText).join(',')}]`).join(',');
    const more = thumbnails ? `,"thumbnails":${JSON.stringify(thumbnails)}` : '';
    return `{"name":${JSON.stringify(name)},"vectors":[${rows}]${more}}`;
  });
  return `${start.slice(0, -1)},"classes":[\n${lines.join(',\n')}\n]}\n`;
}

/** The shortest number that reads back as this float32. @param {number} x */
function floatText(x) {
  const value = Math.fround(x);
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * @param {import('./vit158.d.ts').ByteSource} source of the file
 * @param {AbortSignal} [signal]
 * @returns {Promise<ClassesFile>}
 */
export async function readClasses(source, signal) {
  const { bytes, name } = await readWhole(source, signal);
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(strictTextOf(bytes));
  } catch (error) {
    if (bytes[0] !== 0x7b) throw new Vit158Error('E_FORMAT', `${name}: not a classes file`);
    throw new Vit158Error('E_JSON', `${name}: not a classes file: ${messageOf(error)}`);
  }
  try {
    return checkClasses(value);
  } catch (error) {
    if (!isVit158Error(error)) throw error;
    throw new Vit158Error(error.code, `${name}: ${error.message}`);
  }
}

/** @param {any} value what the JSON says @returns {ClassesFile} with vectors as Float32Array */
export function checkClasses(value) {
  if (!isObject(value) || value.format !== FORMAT) throw new Vit158Error('E_FORMAT', 'not a classes file');
  if (value.format_version !== FORMAT_VERSION)
    throw new Vit158Error(
      'E_UNSUPPORTED',
      `classes files of version ${value.format_version ?? value.version} are not ` +
        `read here, only ${FORMAT_VERSION}: save them anew in the page`,
    );
  known(value, ['format', 'format_version', 'model', 'dim', 'method', 'unlike', 'classes'], 'the file');
  const { model, dim, method, unlike, classes } = value;
  need(isObject(model) && HASH.test(model.sha256) && typeof model.name === 'string', 'model is not {name, sha256}');
  known(model, ['name', 'sha256'], 'model');
  need(Number.isInteger(dim) && dim >= 1 && dim <= MOST_DIM, `dim is not from 1 to ${MOST_DIM}`);
  need(METHODS.includes(method), `method is not one of ${METHODS.join(', ')}`);
  need(unlike === undefined || (Number.isFinite(unlike) && unlike >= -1 && unlike <= 1), 'unlike is not from -1 to 1');
  need(
    Array.isArray(classes) && classes.length > 0 && classes.length <= MOST_CLASSES,
    `classes are not 1 to ${MOST_CLASSES}`,
  );
  let vectors = 0;
  const read = classes.map((/** @type {unknown} */ given, /** @type {number} */ i) => {
    const one = readClass(given, dim, `classes[${i}]`);
    vectors += one.vectors.length;
    need(vectors <= MOST_VECTORS, `there are more than ${MOST_VECTORS} vectors`);
    return one;
  });
  need(vectors > 0, 'no class has a vector');
  return { model, dim, method, ...(unlike === undefined ? {} : { unlike }), classes: read };
}

/** @param {any} given @param {number} dim @param {string} where */
function readClass(given, dim, where) {
  need(
    isObject(given) &&
      typeof given.name === 'string' &&
      given.name !== '' &&
      !given.name.includes('\0') &&
      utf8Bytes(given.name) <= MOST_NAME_BYTES,
    `${where} has no name of at most ${MOST_NAME_BYTES} bytes`,
  );
  known(given, ['name', 'vectors', 'thumbnails'], where);
  const { name, vectors, thumbnails } = given;
  need(Array.isArray(vectors), `${where} has no vectors`);
  need(
    thumbnails === undefined || (Array.isArray(thumbnails) && thumbnails.every((one) => typeof one === 'string')),
    `${where}: thumbnails are not strings`,
  );
  const rows = vectors.map((/** @type {unknown} */ vector) => {
    const isList = Array.isArray(vector) || isBuffer(vector); // programs give what embed gave
    const numbers = isList ? /** @type {number[]} */ (vector) : [];
    need(numbers.length === dim, `${where}: a vector has not ${dim} numbers`);
    const floats = Float32Array.from(numbers, (x) => (typeof x === 'number' ? x : NaN));
    need(floats.every(Number.isFinite) && floats.some((x) => x !== 0), `${where}: a vector is no direction`);
    return floats;
  });
  return { name, vectors: rows, ...(thumbnails ? { thumbnails } : {}) };
}

/** Infinity if half of a character is missing. @param {string} text */
function utf8Bytes(text) {
  let bytes = 0;
  for (const character of text) {
    const code = /** @type {number} */ (character.codePointAt(0));
    if (code >= 0xd800 && code < 0xe000) return Infinity;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** @param {unknown} ok @param {string} what */
function need(ok, what) {
  if (!ok) throw new Vit158Error('E_VALUE', what);
}

/** @param {object} object @param {string[]} names @param {string} where */
function known(object, names, where) {
  for (const key of Object.keys(object)) need(names.includes(key), `${where} has an unknown member ${key}`);
}

/** @param {unknown} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
