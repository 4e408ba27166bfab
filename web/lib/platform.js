// SPDX-License-Identifier: MIT
/**
 * What differs between Node and browsers. Nothing is touched at import time.
 */

/** True where files can be read by path. */
export function hasFiles() {
  return typeof process !== 'undefined' && typeof process.versions?.node === 'string';
}

/**
 * A built-in module of Node. The name is put together at run time so that bundlers for browsers do
 * not try to resolve it.
 * @template T
 * @param {string} name "fs/promises"
 * @returns {Promise<T>}
 */
export function nodeModule(name) {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ `node:${name}`);
}

/** Cores to work with; 2 where the browser does not say. */
export async function coreCount() {
  if (!hasFiles()) return globalThis.navigator?.hardwareConcurrency ?? 2;
  const os = /** @type {typeof import('node:os')} */ (await nodeModule('os'));
  return os.availableParallelism?.() ?? os.cpus().length; // the former since Node 18.14
}

/** Milliseconds from an arbitrary start. */
export function nowMs() {
  return performance.now();
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
