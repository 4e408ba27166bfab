// SPDX-License-Identifier: MIT
/** Messages between a pooled classifier (pooled.js) and its workers (worker.js). */
import { Vit158Error, isVit158Error, messageOf } from './errors.js';

/** @typedef {import('./vit158.d.ts').ErrorCode} ErrorCode */
/** @typedef {import('./vit158.d.ts').Info} Info */
/** @typedef {import('./vit158.d.ts').LoadOptions} LoadOptions */

/**
 * @typedef {object} LoadMessage the first one
 * @property {'load'} type
 * @property {Uint8Array | string} bytes of the model file, or its path
 * @property {LoadOptions} options without what cannot be posted
 *
 * @typedef {object} CallMessage
 * @property {'call'} type
 * @property {number} id
 * @property {'classify' | 'forward' | 'embed' | 'preprocess' | 'inspect'} method
 * @property {any} input
 * @property {object} options without its signal
 * @property {boolean} abortable whether an abort message may come
 *
 * @typedef {object} AbortMessage
 * @property {'abort'} type
 * @property {number} id
 *
 * @typedef {LoadMessage | CallMessage | AbortMessage} Request
 *
 * @typedef {{code: ErrorCode, message: string}} PackedError
 *
 * @typedef {object} Reply
 * @property {number} id of the call, 0 for the load
 * @property {any} [value]
 * @property {PackedError} [error]
 * @property {Info} [info] after the load and each call
 */

/** @param {unknown} error @returns {PackedError} */
export function packError(error) {
  if (isVit158Error(error)) return { code: error.code, message: error.message };
  return { code: 'E_WASM', message: `inside the worker: ${messageOf(error)}` };
}

/**
 * @param {PackedError} error
 * @param {AbortSignal} [signal] of the call
 */
export function unpackError({ code, message }, signal) {
  const cause = code === 'E_ABORT' && signal?.aborted ? { cause: signal.reason } : undefined;
  return new Vit158Error(code, message, cause);
}
