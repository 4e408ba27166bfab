// SPDX-License-Identifier: MIT
/**
 * Regression tests of a model: `record` what it gives for some images, `verify` later, in Node, a
 * worker or a page, that it still does, and at which step a difference starts. golden.d.ts
 * documents both; golden_file.js owns the file.
 */
import { Vit158Error, asCall, isVit158Error, messageOf } from './errors.js';
import { checkGolden, readGolden } from './golden_file.js';
import { describe, isA, isUrl } from './kinds.js';
import { RUN, aFunction, aHash, aList, checkOptions } from './options.js';
import { hasFiles } from './platform.js';
import { sha256Hex } from './sha256.js';
import { isByteSource, readWhole, settled } from './source.js';
import { Classifier } from './vit158.js';

/** @typedef {import('./golden.d.ts').Golden} Golden */
/** @typedef {import('./golden.d.ts').GoldenPicture} GoldenPicture */
/** @typedef {import('./golden.d.ts').PictureReport} PictureReport */
/** @typedef {import('./golden.d.ts').Runner} Runner */

/** @param {any} value */
const isRunner = (value) => typeof value?.classify === 'function' && typeof value.info === 'function';

/** What they take is said where they are used. */
const anything = () => undefined;

/** Options of verify. @type {Record<string, import('./options.js').Check>} */
const CHECKS = {
  signal: RUN.signal,
  onProgress: aFunction,
  merge: aList,
  tolerance: (value) => (typeof value === 'number' && value >= 0 && value < Infinity ? undefined : 'must be 0 or more'),
  classifier: (value) => (isRunner(value) ? undefined : 'must be a Classifier'),
  model: anything,
  modelSha256: aHash,
  read: aFunction,
  load: anything,
};

/**
 * @param {Runner} classifier
 * @param {string} file
 * @param {import('./vit158.d.ts').ByteSource} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<GoldenPicture>}
 */
export function recordPicture(classifier, file, source, signal) {
  return asCall('recordPicture', () => recordOne(checked(classifier), file, source, signalOf('recordPicture', signal)));
}

/** @param {Runner} classifier */
function checked(classifier) {
  if (isRunner(classifier)) return classifier;
  throw new Vit158Error('E_ARGUMENT', `a Classifier is wanted, not ${describe(classifier)}`);
}

/** @param {string} call @param {AbortSignal | null | undefined} signal */
const signalOf = (call, signal) => checkOptions(call, { signal }, { signal: RUN.signal }).signal;

/** The system's hash takes no shared memory. @param {Uint8Array} bytes */
const hashOf = (bytes) => sha256Hex(isA('SharedArrayBuffer', bytes.buffer) ? bytes.slice() : bytes);

/** @type {typeof recordPicture} */
async function recordOne(classifier, file, source, signal) {
  const { bytes } = await readWhole(source, signal);
  const {
    predictions: [{ index, label }],
    logits,
    logitsSha256,
    stepHashes = [],
  } = await classifier.classify(bytes, { topK: 1, stepHashes: true, signal });
  return {
    file,
    sha256: await hashOf(bytes),
    top1: { index, label },
    logits_sha256: logitsSha256,
    steps: Object.fromEntries(stepHashes.slice(0, -1).map(({ name, sha256 }) => [name, sha256])),
    logits: [...logits],
  };
}

/**
 * @param {Runner} classifier
 * @param {{file: string, sha256: string}} model
 * @param {{file: string, source: import('./vit158.d.ts').ByteSource}[]} pictures
 * @param {AbortSignal} [signal]
 * @returns {Promise<Golden>}
 */
export function record(classifier, model, pictures, signal) {
  return asCall('record', async () => {
    if (!Array.isArray(pictures) || pictures.some((one) => typeof one?.file !== 'string'))
      throw new Vit158Error('E_ARGUMENT', 'pictures must be a list of {file, source}');
    const recorded = [];
    for (const { file, source } of pictures) recorded.push(await recordPicture(classifier, file, source, signal));
    return { ...goldenHead(checked(classifier), model), pictures: recorded };
  });
}

/**
 * What a golden file says besides its images.
 * @param {Runner} classifier
 * @param {{file: string, sha256: string}} model
 */
export function goldenHead(classifier, model) {
  const { numericsVersion, merge = 'off' } = classifier.info();
  return { numerics_version: numericsVersion, model, ...(merge === 'off' ? {} : { merge }) };
}

/**
 * @param {import('./golden.d.ts').GoldenSource} source
 * @param {import('./golden.d.ts').VerifyOptions | null} [options]
 * @returns {Promise<import('./golden.d.ts').Report>}
 */
export function verify(source, options) {
  return asCall('verify', () => verifyAll(source, checkOptions('verify', options, CHECKS)));
}

/**
 * @param {import('./golden.d.ts').GoldenSource} source
 * @param {import('./options.js').Given<import('./golden.d.ts').VerifyOptions>} options
 * @returns {Promise<import('./golden.d.ts').Report>}
 */
async function verifyAll(source, options) {
  const { tolerance, signal, onProgress } = options;
  const given = await settled(source, 'the golden file');
  const golden = isByteSource(given)
    ? await readGolden(/** @type {any} */ (given), signal)
    : await checkGolden(given, 'the golden object');
  const read = options.read ?? readerBeside(given);
  const merge = options.merge ?? golden.merge ?? 'off';
  const classifier = options.classifier ?? (await openModel(golden, options.model ?? read(golden.model.file), options));
  try {
    const { numericsVersion, engine } = classifier.info();
    if (options.modelSha256 !== undefined) checkModel(golden, options.modelSha256);
    if (tolerance === undefined) checkNumerics(golden, numericsVersion);
    /** @type {PictureReport[]} */
    const pictures = [];
    for (const picture of golden.pictures) {
      onProgress?.({ done: pictures.length, total: golden.pictures.length });
      pictures.push(await verifyPicture(classifier, picture, read, tolerance, { merge, signal }));
    }
    onProgress?.({ done: pictures.length, total: pictures.length });
    const same = pictures.filter(({ ok }) => ok).length;
    return { ok: same === pictures.length, same, tolerance, engine, numericsVersion, pictures };
  } finally {
    if (!options.classifier) /** @type {Classifier} */ (classifier).dispose();
  }
}

/** @param {Golden} golden @param {string} sha256 */
function checkModel(golden, sha256) {
  if (sha256 !== golden.model.sha256)
    throw new Vit158Error(
      'E_INPUT',
      `another model than the one recorded: its SHA-256 is ${short(sha256)}, not ${short(golden.model.sha256)}`,
    );
}

/** @param {Golden} golden @param {number} ours */
function checkNumerics({ numerics_version: theirs }, ours) {
  if (theirs !== ours)
    throw new Vit158Error(
      'E_UNSUPPORTED',
      `recorded with numerics version ${theirs}, this is ${ours}: ` + 'compare with a tolerance, or record anew',
    );
}

/**
 * @param {Golden} golden
 * @param {import('./vit158.d.ts').ByteSource} source
 * @param {import('./golden.d.ts').VerifyOptions} options
 */
async function openModel(golden, source, { signal, load = {} }) {
  const { bytes } = await readWhole(source, signal);
  checkModel(golden, await hashOf(bytes));
  return Classifier.load(bytes, { ...load, signal });
}

/**
 * Files named in a golden file lie relative to it.
 * @param {unknown} golden where it is
 * @returns {(file: string) => string | URL}
 */
function readerBeside(golden) {
  const where = typeof golden === 'string' || isUrl(golden) ? String(golden) : '';
  if (hasFiles() && !/^(https?|data|blob|file):/i.test(where)) {
    const folder = where.slice(0, where.search(/[^/\\]*$/));
    return (file) => (/^(\/|[a-z]:)/i.test(file) ? file : folder + file);
  }
  const base = hasFiles() ? where : new URL(where, globalThis.location?.href);
  return (file) => new URL(file.split('/').map(encodeURIComponent).join('/'), base);
}

/**
 * @param {Runner} classifier
 * @param {GoldenPicture} picture
 * @param {(file: string) => import('./vit158.d.ts').ByteSource} read
 * @param {number | undefined} tolerance
 * @param {{merge: string, signal?: AbortSignal}} how
 * @returns {Promise<PictureReport>}
 */
async function verifyPicture(classifier, picture, read, tolerance, { merge, signal }) {
  const { file, sha256: expectedHash, top1: expected } = picture;
  /** @param {PictureReport['problem']} problem @param {string} message @returns {PictureReport} */
  const failed = (problem, message) => ({ file, ok: false, problem, message, expected });
  try {
    const { bytes } = await readWhole(read(file), signal);
    const found = await hashOf(bytes);
    if (found !== expectedHash)
      return failed(
        'changed',
        `another image than the one recorded: its SHA-256 is ${short(found)}, not ${short(expectedHash)}`,
      );
    const result = await classifier.classify(bytes, { topK: 1, stepHashes: true, merge, signal });
    return compare(picture, result, tolerance);
  } catch (error) {
    const code = isVit158Error(error) ? error.code : undefined;
    if (code === undefined || code === 'E_ABORT' || code === 'E_STATE' || code === 'E_WASM') throw error;
    return failed('unreadable', messageOf(error));
  }
}

/**
 * @param {GoldenPicture} picture
 * @param {import('./vit158.d.ts').Classification} result
 * @param {number | undefined} tolerance
 * @returns {PictureReport}
 */
function compare(picture, { logits, logitsSha256, predictions: [found], stepHashes = [] }, tolerance) {
  const { file, top1: expected, steps, logits_sha256: goldenHash } = picture;
  if (picture.logits.length !== logits.length)
    throw new Vit158Error(
      'E_INPUT',
      `${picture.logits.length} logits were recorded, the model has ${logits.length} classes`,
    );
  const differing = stepHashes.slice(0, -1).find(({ name, sha256 }) => steps[name] !== sha256);
  const firstDifference = differing?.name ?? (logitsSha256 === goldenHash ? undefined : 'head');
  const maxDifference = picture.logits.reduce((most, x, i) => Math.max(most, Math.abs(x - logits[i])), 0);
  const sameTop = found.index === expected.index;
  const ok = sameTop && (tolerance === undefined ? firstDifference === undefined : maxDifference <= tolerance);
  const words =
    firstDifference === undefined
      ? 'same'
      : `first difference in ${firstDifference}, logits differ by up to ${rounded(maxDifference)}`;
  const more = tolerance !== undefined && maxDifference > tolerance ? `, more than ${rounded(tolerance)}` : '';
  const top = sameTop ? '' : `, top-1 is ${named(found)} instead of ${named(expected)}`;
  return {
    file,
    ok,
    ...(ok ? {} : { problem: /** @type {const} */ ('differs') }),
    message: words + more + top,
    ...(firstDifference === undefined ? {} : { firstDifference }),
    maxDifference,
    expected,
    found: { index: found.index, label: found.label },
  };
}

/** Three significant digits. @param {number} x */
const rounded = (x) => String(Number(x.toPrecision(3)));

/** @param {{index: number, label: string}} top */
const named = ({ index, label }) => (label ? `${label} (${index})` : `class ${index}`);

/** @param {string} hash */
const short = (hash) => `${hash.slice(0, 12)}...`;
