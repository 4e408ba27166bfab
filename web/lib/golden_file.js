// SPDX-License-Identifier: MIT
/**
 * The golden file: what a model gave for some images, to be compared with later. web/FILES.md
 * describes it; src/cli/golden_file.c reads and writes the same. It is checked whole before any of
 * it is used.
 */
import { Vit158Error, asCallAtOnce, messageOf } from './errors.js';
import { describe } from './kinds.js';
import { strictTextOf } from './platform.js';
import { readWhole } from './source.js';
import { sha256Hex } from './sha256.js';

/** @typedef {import('./golden.d.ts').Golden} Golden */
/** @typedef {import('./golden.d.ts').GoldenPicture} GoldenPicture */

const FORMAT = 'vit158-golden';
const FORMAT_VERSION = 1;
const HASH = /^[0-9a-f]{64}$/;

/**
 * Text of the file: a line an image, so that differences between two files are readable.
 * @param {Golden} golden
 * @returns {string}
 */
export function goldenText(golden) {
  return asCallAtOnce('goldenText', () => textOf(golden));
}

/** @type {typeof goldenText} */
function textOf(golden) {
  if (!Array.isArray(golden?.pictures))
    throw new Vit158Error('E_ARGUMENT', `goldenText takes what record gave, not ${describe(golden)}`);
  const { pictures, ...head } = golden;
  const start = JSON.stringify({ format: FORMAT, format_version: FORMAT_VERSION, ...head });
  const lines = pictures
    .map(
      ({ logits, ...rest }) => `${JSON.stringify(rest).slice(0, -1)},"logits":[${logits.map(numberText).join(',')}]}`,
    )
    .join(',\n');
  return `${start.slice(0, -1)},"pictures":[\n${lines}\n]}\n`;
}

/** The hash knows -0 from 0, JSON.stringify does not. @param {number} x */
const numberText = (x) => (Object.is(x, -0) ? '-0' : String(x));

/**
 * @param {import('./vit158.d.ts').ByteSource} source of the file
 * @param {AbortSignal} [signal]
 */
export async function readGolden(source, signal) {
  const { bytes, name } = await readWhole(source, signal);
  return checkGolden(parse(bytes, name), name);
}

/** @param {Uint8Array} bytes @param {string} name @returns {unknown} */
function parse(bytes, name) {
  let text;
  try {
    text = strictTextOf(bytes);
  } catch {
    throw new Vit158Error('E_FORMAT', `${name}: not a golden file`);
  }
  if (!text.startsWith('{')) throw new Vit158Error('E_FORMAT', `${name}: not a golden file`);
  if (!text.trimEnd().endsWith('}'))
    throw new Vit158Error('E_TRUNCATED', `${name}: the golden file ends before it should`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Vit158Error('E_JSON', `${name}: not valid JSON: ${messageOf(error)}`);
  }
}

/**
 * @param {any} value what the JSON says
 * @param {string} name for messages
 * @returns {Promise<Golden>}
 */
export async function checkGolden(value, name) {
  if (!isObject(value) || value.format !== FORMAT) throw new Vit158Error('E_FORMAT', `${name}: not a golden file`);
  if (value.format_version !== FORMAT_VERSION)
    throw new Vit158Error(
      'E_UNSUPPORTED',
      `${name}: golden files of version ${value.format_version} are not read here, only ${FORMAT_VERSION}`,
    );
  const need = (/** @type {unknown} */ ok, /** @type {string} */ what) => {
    if (!ok) throw new Vit158Error('E_VALUE', `${name}: ${what}`);
  };
  const known = (/** @type {object} */ object, /** @type {string[]} */ names, /** @type {string} */ where) => {
    for (const key of Object.keys(object)) need(names.includes(key), `${where} has an unknown member ${key}`);
  };
  const { numerics_version: numerics, model, merge, pictures } = value;
  known(value, ['format', 'format_version', 'numerics_version', 'model', 'merge', 'pictures'], 'the golden file');
  need(merge === undefined || isText(merge), 'merge is no text');
  need(Number.isInteger(numerics) && numerics >= 0, 'numerics_version is no whole number');
  need(isObject(model) && isText(model.file) && isHash(model.sha256), 'model is not {file, sha256}');
  need(Array.isArray(pictures) && pictures.length > 0, 'there are no pictures');
  for (const [i, picture] of pictures.entries()) {
    const where = `pictures[${i}]`;
    need(isObject(picture) && isText(picture.file), `${where} has no file`);
    need(isHash(picture.sha256) && isHash(picture.logits_sha256), `${where}: a hash is missing`);
    known(picture, ['file', 'sha256', 'top1', 'logits_sha256', 'steps', 'logits'], where);
    const { top1, logits, steps } = picture;
    need(
      Array.isArray(logits) && logits.length > 0 && logits.every(Number.isFinite),
      `${where}: logits are not numbers`,
    );
    need(
      isObject(top1) &&
        typeof top1.label === 'string' &&
        Number.isInteger(top1.index) &&
        top1.index >= 0 &&
        top1.index < logits.length,
      `${where}: top1 is not {index, label}`,
    );
    need(
      isObject(steps) && Object.keys(steps).length > 0 && Object.values(steps).every(isHash),
      `${where}: steps are not hashes`,
    );
    need((await logitsHash(logits)) === picture.logits_sha256, `${where}: logits and logits_sha256 disagree`);
  }
  return value;
}

/** Of the logits as little-endian float32. @param {ArrayLike<number>} logits */
function logitsHash(logits) {
  const view = new DataView(new ArrayBuffer(4 * logits.length));
  for (let i = 0; i < logits.length; i++) view.setFloat32(4 * i, logits[i], true);
  return sha256Hex(view.buffer);
}

/** @param {unknown} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {unknown} value */
const isText = (value) => typeof value === 'string' && value !== '' && !value.includes('\0');

/** @param {unknown} value */
const isHash = (value) => typeof value === 'string' && HASH.test(value);
