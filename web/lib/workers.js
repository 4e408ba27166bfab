// SPDX-License-Identifier: MIT
/** Workers of browsers and of Node behind one face. */
import { messageOf } from './errors.js';
import { describe } from './kinds.js';
import { hasFiles, nodeModule } from './platform.js';

/**
 * @typedef {object} WorkerHandle
 * @property {(message: unknown, transfer?: Transferable[]) => void} post
 * @property {(listener: (message: any) => void) => void} onMessage
 * @property {(listener: (error: unknown) => void) => void} onError also when the worker ends by
 *   itself
 * @property {(busy: boolean) => void} hold whether it keeps a Node process alive; at first it does not
 * @property {() => void} end
 */

/** @typedef {import('./vit158.d.ts').WorkerLike} WorkerLike */

/**
 * What to do where files of the package, taken apart by a bundler, do not find each other.
 * @param {string} [where] it was noticed, in parentheses
 */
export const movedFiles = (where = '') =>
  `a bundler has moved the files of vit158${where}: leave the package out of the bundle (external in esbuild and ` +
  "Rollup, externals in webpack, serverExternalPackages: ['vit158'] in Next.js)";

/** Why a worker died. @param {unknown} error */
export function workerProblem(error) {
  const text = messageOf(error);
  const taken =
    hasFiles() && /import statement outside a module|Cannot find module|ERR_MODULE_NOT_FOUND|Invalid URL/.test(text);
  return taken ? `${text}; ${movedFiles()}` : text;
}

/**
 * @param {URL} url of the worker's module
 * @param {() => Worker} inBrowser makes it; written out by the caller, because bundlers find workers
 *   by the expression `new Worker(new URL(..., import.meta.url))`
 * @param {() => WorkerLike} [given] makes it instead of either
 * @returns {Promise<WorkerHandle>}
 */
export async function openWorker(url, inBrowser, given) {
  if (!hasFiles()) return handleInBrowser(/** @type {Worker} */ (given ? madeBy(given) : inBrowser()));
  if (given) return handleInNode(/** @type {NodeWorker} */ (madeBy(given)));
  const { Worker: InNode } = /** @type {typeof import('node:worker_threads')} */ (await nodeModule('worker_threads'));
  // Flags of the process, such as --input-type, would not fit the module of the worker.
  return handleInNode(new InNode(url, { execArgv: [] }));
}

/** @param {() => WorkerLike} given newWorker of the caller's */
function madeBy(given) {
  const worker = given();
  if (typeof worker?.postMessage === 'function') return worker;
  throw new TypeError(`newWorker gave ${describe(worker)}, which is no worker`);
}

/** @typedef {import('node:worker_threads').Worker} NodeWorker */

/** @param {NodeWorker} worker @returns {WorkerHandle} */
function handleInNode(worker) {
  let held = false;
  const apply = () => (held ? worker.ref() : worker.unref());
  apply();
  worker.once('online', apply); // coming online counts as a ref()
  return {
    post: (message, transfer) => worker.postMessage(message, /** @type {any} */ (transfer)),
    onMessage: (listener) => worker.on('message', listener),
    onError(listener) {
      worker.on('error', listener);
      worker.on('exit', (/** @type {number} */ code) => listener(new Error(`exit code ${code}`)));
    },
    hold(busy) {
      held = busy;
      apply();
    },
    end: () => void worker.terminate(),
  };
}

/** @param {Worker} worker @returns {WorkerHandle} */
function handleInBrowser(worker) {
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (listener) => worker.addEventListener('message', ({ data }) => listener(data)),
    onError(listener) {
      worker.addEventListener('error', (event) => {
        event.preventDefault();
        listener(event.error ?? new Error(event.message || 'the worker could not be started'));
      });
      worker.addEventListener('messageerror', () => listener(new Error('a message was lost')));
    },
    hold() {},
    end: () => worker.terminate(),
  };
}

/**
 * Inside a worker: the way to whoever started it.
 * @returns {Promise<{post: (message: unknown, transfer?: Transferable[]) => void,
 *                    onMessage: (listener: (message: any) => void) => void}>}
 */
export async function parentOfWorker() {
  if (hasFiles()) {
    const { parentPort } = await nodeModule('worker_threads');
    return {
      post: (message, transfer) => parentPort.postMessage(message, transfer),
      onMessage: (listener) => parentPort.on('message', listener),
    };
  }
  const scope = /** @type {any} */ (globalThis);
  return {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    onMessage: (listener) =>
      scope.addEventListener('message', (/** @type {MessageEvent} */ { data }) => listener(data)),
  };
}
