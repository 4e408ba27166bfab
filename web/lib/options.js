// SPDX-License-Identifier: MIT
/**
 * The options of every call: which there are and what they take. An option that is null or undefined
 * is not given; one that nobody knows is refused by its name, since a misspelt one would be ignored
 * in silence.
 */
import { Vit158Error, isVit158Error, messageOf } from './errors.js';
import { describe, isPlainObject } from './kinds.js';

/** Options without null. @template T @typedef {{[K in keyof T]: Exclude<T[K], null>}} Given */

/** Says what is wanted if the value is not it. @typedef {(value: any) => string | undefined} Check */

/** As VIT158_MAX_SESSION_THREADS. */
const MOST_THREADS = 64;
const MOST_WORKERS = 64;

/** @param {any} value @param {number} min @param {number} max */
const isWhole = (value, min, max) => Number.isInteger(value) && value >= min && value <= max;

/** @param {string[]} allowed @returns {Check} */
const oneOf =
  (...allowed) =>
  (value) =>
    allowed.includes(value) ? undefined : `must be ${allowed.join(', ')}`;

/** @type {Check} */
const aFlag = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');

/** @type {Check} */
export const aFunction = (value) => (typeof value === 'function' ? undefined : 'must be a function');

/** @type {Check} */
const aSignal = (value) =>
  typeof value?.aborted === 'boolean' && typeof value.addEventListener === 'function'
    ? undefined
    : 'must be an AbortSignal';

/** @type {Check} */
export const aHash = (value) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value) ? undefined : 'must be 64 hexadecimal digits';

/** The modules that an object of them may name. */
const PARTS = ['engine', 'threads', 'decoder', 'webp'];

/** One source of a module, or an object of them. @type {Check} */
const modules = (value) => {
  const odd = isPlainObject(value) ? Object.keys(value).find((name) => !PARTS.includes(name)) : undefined;
  if (odd !== undefined) throw new Vit158Error('E_ARGUMENT', unknown('wasm', odd, PARTS));
  return undefined;
};

/** What it means to the model, the engine says. @type {Check} */
export const aList = (value) =>
  typeof value === 'string' ? undefined : 'must be "off", "fast", "faster", "fastest" or a list such as "4:45,6:40"';

/** @type {Record<string, Check>} */
export const RUN = {
  signal: aSignal,
  deadlineMs: (value) => (typeof value === 'number' && value >= 0 ? undefined : 'must be milliseconds, 0 or more'),
};

/** @type {Record<string, Check>} */
export const PREDICT = {
  topK: (value) => (isWhole(value, 0, Infinity) || value === Infinity ? undefined : 'must be a whole number'),
  threshold: (value) => (typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'must be from 0 to 1'),
};

/** @type {Record<string, Record<string, Check>>} */
const CALLS = {
  load: {
    signal: aSignal,
    onProgress: aFunction,
    sha256: aHash,
    metadata: (value) =>
      isPlainObject(value) && Object.values(value).every((text) => typeof text === 'string')
        ? undefined
        : 'must be an object of strings',
    engine: oneOf('auto', 'scalar', 'simd128'),
    gemm: oneOf('auto', 'dot', 'table'),
    merge: aList,
    threads: (value) =>
      value === 'auto' || isWhole(value, 1, MOST_THREADS) ? undefined : `must be "auto" or 1 to ${MOST_THREADS}`,
    worker: (value) =>
      typeof value === 'boolean' || isWhole(value, 0, MOST_WORKERS)
        ? undefined
        : `must be true or 0 to ${MOST_WORKERS}`,
    newWorker: aFunction,
    wasm: modules,
  },
  classify: { ...RUN, ...PREDICT, merge: aList, explain: aFlag, stepHashes: aFlag, embedding: aFlag, input: aFlag },
  forward: { ...RUN, merge: aList },
  embed: { ...RUN, merge: aList },
  preprocess: RUN,
  inspect: {},
  decodeImage: { signal: aSignal, wasm: modules },
};

/**
 * The options given, checked, without those that are null.
 * @template {object} Options
 * @param {string} call
 * @param {Options | null | undefined} given
 * @param {Record<string, Check>} [checks] of a call that the table does not have
 * @returns {Given<Options>}
 */
export function checkOptions(call, given, checks = CALLS[call]) {
  if (given === undefined || given === null) return /** @type {Given<Options>} */ ({});
  // A signal, a list or a Map in their place would be no options at all, in silence.
  if (!isPlainObject(given))
    throw new Vit158Error('E_ARGUMENT', `${call}: options must be an object, not ${describe(given)}`);
  /** @type {Record<string, unknown>} */
  const options = {};
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) throw new Vit158Error('E_ARGUMENT', unknown(call, name, Object.keys(checks)));
    if (value === undefined || value === null) continue;
    const wanted = checks[name](value);
    if (wanted !== undefined) throw new Vit158Error('E_ARGUMENT', `${name} ${wanted}, not ${describe(value)}`);
    options[name] = name === 'onProgress' ? guarded(name, /** @type {any} */ (value)) : value;
  }
  return /** @type {Given<Options>} */ (options);
}

/**
 * What a function of the caller throws, ends the call.
 * @param {string} name
 * @param {(...args: any[]) => any} call
 */
function guarded(name, call) {
  return (/** @type {any[]} */ ...args) => {
    try {
      return call(...args);
    } catch (error) {
      if (isVit158Error(error)) throw error;
      throw new Vit158Error('E_ARGUMENT', `${name} has thrown: ${messageOf(error)}`, { cause: error });
    }
  };
}

/** @param {string} call @param {string} name @param {string[]} known */
function unknown(call, name, known) {
  const near = nearest(name, known);
  return `${call} has no option ${describe(name)}${near ? `: did you mean ${near}?` : `; it has ${known.join(', ')}`}`;
}

/**
 * The word that a misspelt one is likely to mean: at most a third of its letters differ.
 * @param {string} word
 * @param {string[]} known
 * @returns {string | undefined}
 */
export function nearest(word, known) {
  let best;
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of known) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase());
    if (far < least) [best, least] = [candidate, far];
  }
  return best;
}

/** Letters to insert, delete, replace or exchange with the next. @param {string} a @param {string} b */
function distance(a, b) {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i][j] = Math.min(
        rows[i - 1][j] + 1,
        rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + Number(a[i - 1] !== b[j - 1]),
        swapped ? rows[i - 2][j - 2] + 1 : Infinity,
      );
    }
  }
  return rows[a.length][b.length];
}
