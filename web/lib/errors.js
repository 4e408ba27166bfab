// SPDX-License-Identifier: MIT
/**
 * The one error type of the package. `code` is stable and made for programs, `message` says what was
 * wrong and where, for people.
 */

/** @typedef {import('./vit158.d.ts').ErrorCode} ErrorCode */

/** Codes by vit158_status (src/vit158.h); index 0 is no error. */
const STATUS_CODES = /** @type {const} */ ([
  null,
  'E_ARGUMENT',
  'E_STATE',
  'E_MEMORY',
  'E_ABORT',
  'E_FORMAT',
  'E_TRUNCATED',
  'E_LIMIT',
  'E_JSON',
  'E_METADATA',
  'E_TENSOR',
  'E_VALUE',
  'E_IMAGE',
  'E_UNSUPPORTED',
  'E_NUMERIC',
  'E_IO',
  'E_THREAD',
]);

export class Vit158Error extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{cause?: unknown}} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = 'Vit158Error';
    /** @type {ErrorCode} */
    this.code = code;
  }

  /** Also of another copy of this package: import and require() give two. @param {any} error */
  static [Symbol.hasInstance](error) {
    return isVit158Error(error);
  }
}

/**
 * @param {number} status a vit158_status that is not VIT158_OK
 * @param {string} message
 */
export function errorFromStatus(status, message) {
  return new Vit158Error(STATUS_CODES[status] ?? 'E_WASM', message);
}

/**
 * Runs `work`; an error that is not a Vit158Error becomes one.
 * @template T
 * @param {ErrorCode} code of foreign errors
 * @param {string} what was being done, "reading model.safetensors"
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function wrapErrors(code, what, work) {
  try {
    return await work();
  } catch (error) {
    throw isVit158Error(error) ? error : new Vit158Error(code, `${what}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The outermost of a call: whatever is thrown is a Vit158Error. What nobody expected is a defect of
 * this package, or comes from a function that the caller gave.
 * @template T
 * @param {string} call "classify"
 * @param {() => T | Promise<T>} work
 */
export function asCall(call, work) {
  return wrapErrors('E_INTERNAL', call, work);
}

/**
 * The same for what gives its result at once.
 * @template T
 * @param {string} call
 * @param {() => T} work
 */
export function asCallAtOnce(call, work) {
  try {
    return work();
  } catch (error) {
    throw isVit158Error(error)
      ? error
      : new Vit158Error('E_INTERNAL', `${call}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Of a method that was called without its object, or on a proxy of it: neither has the private fields.
 * @param {string} call "classify"
 * @param {string} [name] that such an object has in the documents
 */
export function strangeThis(call, name = 'vit') {
  return new Vit158Error(
    'E_ARGUMENT',
    `${call} was called without its object: write ${name}.${call}(), keep ${name} out of proxies (Vue: markRaw)`,
  );
}

/** @param {any} error @returns {error is Vit158Error} */
export function isVit158Error(error) {
  return error?.name === 'Vit158Error' && typeof error.code === 'string';
}

/** Errors of other realms are no instances of this one's Error. @param {any} error @returns {string} */
export function messageOf(error) {
  return typeof error?.message === 'string' ? error.message : String(error);
}

/** @param {any} error @param {string} name "TypeError", of any realm */
export function isNamed(error, name) {
  return error?.name === name;
}
