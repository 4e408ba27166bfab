// SPDX-License-Identifier: MIT
/**
 * What differs between Node and browsers. Nothing is touched at import time.
 */

/**
 * True where files can be read by path and workers are Node's. A page is a page even if there is a
 * `process`, as in Electron's renderers and where bundlers put one.
 */
export function hasFiles() {
  return typeof process !== 'undefined' && typeof process.versions?.node === 'string' && !inBrowser();
}

/** Documents and workers of a browser are native code; those of jsdom and the like are JavaScript. */
function inBrowser() {
  const scope = /** @type {any} */ (globalThis);
  if (scope.Deno !== undefined || scope.Bun !== undefined) return false;
  const type = scope.Document ?? scope.WorkerGlobalScope;
  return typeof type === 'function' && /\{\s*\[native code\]\s*\}/.test(Function.prototype.toString.call(type));
}

/**
 * A built-in module of Node: where there is no dynamic import (Jest) by getBuiltinModule, which the
 * package for require() replaces by require (wasm_build/make_cjs.mjs). The name is put together at
 * run time so that bundlers for browsers do not try to resolve it.
 * @template T
 * @param {string} name "fs/promises"
 * @returns {Promise<T>}
 */
export async function nodeModule(name) {
  if (process.getBuiltinModule) return /** @type {any} */ (process.getBuiltinModule(`node:${name}`));
  return import(/* @vite-ignore */ /* webpackIgnore: true */ `node:${name}`);
}

/** Text of UTF-8 bytes. @param {Uint8Array} bytes */
export function textOf(bytes) {
  return textDecoder(false).decode(bytes);
}

/** The same, or an error. @param {Uint8Array} bytes */
export function strictTextOf(bytes) {
  return textDecoder(true).decode(bytes);
}

/** jsdom has none. @param {boolean} fatal @returns {TextDecoder} */
function textDecoder(fatal) {
  const Decoder = globalThis.TextDecoder ?? process.getBuiltinModule('node:util').TextDecoder;
  return new Decoder('utf-8', { fatal });
}

/** Text of bytes that are characters; for messages about files. @param {Uint8Array} bytes */
export function latin1Of(bytes) {
  return String.fromCharCode(...bytes);
}

/** Cores to work with; 2 where the browser does not say. */
export async function coreCount() {
  if (!hasFiles()) return globalThis.navigator?.hardwareConcurrency ?? 2;
  const os = /** @type {typeof import('node:os')} */ (await nodeModule('os'));
  return os.availableParallelism?.() ?? os.cpus().length; // the former since Node 18.14
}

/** Those who wait in `yieldToEventLoop`, longest first. @type {(() => void)[]} */
const yielded = [];

/** What wakes them: one channel for good, which no garbage collection can take in between. @type {MessageChannel | undefined} */
let bell;

/** Lets timers, input events, network and painting have their turn. */
export function yieldToEventLoop() {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      if (typeof setImmediate === 'function') {
        setImmediate(resolve);
        return;
      }
      if (typeof MessageChannel !== 'function') {
        setTimeout(resolve);
        return;
      }
      // setTimeout waits 4 ms when nested; a message does not.
      if (!bell) {
        bell = new MessageChannel();
        bell.port1.onmessage = () => yielded.shift()?.();
      }
      yielded.push(resolve);
      bell.port2.postMessage(null);
    })
  );
}

/** Symbol.dispose, also where it is not built in yet. @type {typeof Symbol.dispose} */
export const DISPOSE = Symbol.dispose ?? Symbol.for('Symbol.dispose');
