// SPDX-License-Identifier: MIT
/**
 * One helper thread: an instance of vit158-threads.wasm on the caller's memory, with a stack of its
 * own, inside the pool until the pool ends or the worker is terminated.
 */
import { parentOfWorker } from './workers.js';

/**
 * @typedef {object} First the only message that comes
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} memory
 * @property {number} pool
 * @property {number} worker its number, 1 ...
 * @property {number} stackTop
 */

/** @param {First} first @param {(message: string) => void} post */
async function help({ module, memory, pool, worker, stackTop }, post) {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const functions = /** @type {Record<string, (...args: number[]) => void>} */ (/** @type {unknown} */ (exports));
  /** @type {WebAssembly.Global} */ (exports.__stack_pointer).value = stackTop;
  post('ready');
  try {
    functions.vit158_wasm_pool_work(pool, worker);
  } catch (error) {
    functions.vit158_wasm_pool_fail(pool);
    throw error;
  }
}

// No await at the top level: bundlers that make classic scripts of workers (Vite) cannot have it.
parentOfWorker().then((parent) => {
  parent.onMessage((/** @type {First} */ first) => help(first, parent.post));
});
