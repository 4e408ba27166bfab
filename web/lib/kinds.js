// SPDX-License-Identifier: MIT
/**
 * What a value is, whichever realm made it. `instanceof` holds only within one realm, but objects come
 * from iframes, other windows, node:vm and test environments: so the platform's classes are told by
 * their tag, buffers by what works on them.
 */
import { Vit158Error } from './errors.js';

/**
 * True for an object of a class of the platform or of one made from it.
 * @param {string} name "Blob"
 * @param {unknown} value
 */
export function isA(name, value) {
  if (value === null || typeof value !== 'object') return false;
  const tag = tagOf(value);
  if (tag === name || (tag === 'File' && name === 'Blob')) return true;
  const type = /** @type {any} */ (globalThis)[name];
  return typeof type === 'function' && value instanceof type;
}

/** "Blob" of a Blob, "Object" of a plain object. @param {unknown} value */
export function tagOf(value) {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** True for `{...}` and what JSON.parse gives. @param {unknown} value */
export function isPlainObject(value) {
  return tagOf(value) === 'Object';
}

/** @param {unknown} value @returns {value is URL} */
export function isUrl(value) {
  return isA('URL', value);
}

/** Buffers and views of them. @param {unknown} value */
export function isBuffer(value) {
  return ArrayBuffer.isView(value) || isA('ArrayBuffer', value) || isA('SharedArrayBuffer', value);
}

/**
 * The bytes of a buffer or view, not copied.
 * @param {any} value for which isBuffer is true
 * @param {string} [what] for the message
 * @returns {Uint8Array}
 */
export function bytesOf(value, what = 'the bytes given') {
  try {
    if (!ArrayBuffer.isView(value)) return new Uint8Array(value);
    // A view of a buffer that is gone says that it is empty; the buffer throws.
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  } catch (error) {
    throw new Vit158Error('E_INPUT', `${what} are gone: their buffer was transferred, as to a worker`, {
      cause: error,
    });
  }
}

/** How a caller's value is called in a message. @param {any} value */
export function describe(value) {
  if (value === null || typeof value !== 'object') {
    return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
  }
  const tag = tagOf(value);
  return `an object of type ${tag === 'Object' ? (value.constructor?.name ?? 'Object') : tag}`;
}
