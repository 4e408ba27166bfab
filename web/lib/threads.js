// SPDX-License-Identifier: MIT
/**
 * Threads inside one image: a memory that can be shared, and workers that run the pool of
 * src/wasm/threads_abi.h on it. Where any of it is missing there is one thread and no error.
 */
import { hasFiles, nodeModule } from './platform.js';

const PAGE_BYTES = 65536;
const INITIAL_PAGES = 4; // as linked, wasm_build/wasm.cmake
const MOST_PAGES = 32767; // as linked, MAXIMUM_MEMORY in wasm_build/flags.cmake
const STACK_BYTES = 65536;

/** Helpers that have not reported by then are not waited for; they join when they are ready. */
const START_MS = 5000;

/** With "auto", smaller models stay on one thread: a worker takes longer to start than they run. */
const AUTO_MODEL_BYTES = 1 << 20;
const AUTO_MOST_THREADS = 4;

/**
 * How many threads to run.
 * @param {number | 'auto'} wanted
 * @param {number} modelBytes 0 = unknown
 */
export function chooseThreads(wanted, modelBytes) {
  if (wanted === 1 || !canShare()) return 1;
  if (wanted !== 'auto') return wanted;
  if (modelBytes < AUTO_MODEL_BYTES) return 1;
  return Math.max(1, Math.min(AUTO_MOST_THREADS, globalThis.navigator?.hardwareConcurrency ?? 2));
}

/**
 * True if memory can be shared with workers and this thread may wait for them: Node, or a worker of
 * a cross-origin isolated page.
 */
export function canShare() {
  if (typeof SharedArrayBuffer !== 'function') return false;
  if (!hasFiles()) {
    if (typeof document !== 'undefined' || typeof Worker !== 'function') return false;
    if (globalThis.crossOriginIsolated !== true) return false;
  }
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return memory.buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

/**
 * The memory of a threads module. Browsers reserve the maximum, so it is fitted to the model: a file
 * of 16-bit floats doubles in memory, a session needs far less than the rest.
 * @param {number} modelBytes 0 = unknown
 */
export function sharedMemory(modelBytes) {
  const bytes = modelBytes > 0 ? 3 * modelBytes + (256 << 20) : MOST_PAGES * PAGE_BYTES;
  const maximum = Math.min(MOST_PAGES, Math.ceil(bytes / PAGE_BYTES));
  return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true });
}

/** The helper threads of one engine. */
export class ThreadTeam {
  /** @type {{terminate(): unknown}[]} */
  #workers = [];
  #ready = 0;

  /** Threads at work, the caller counted in. */
  get count() {
    return 1 + this.#ready;
  }

  /**
   * Starts helpers and waits until they have reported.
   * @param {WebAssembly.Module} module
   * @param {WebAssembly.Memory} memory
   * @param {{pool: number, allocate: (bytes: number) => number}} engine its pool, and its malloc
   * @param {number} threads the caller counted in
   */
  async start(module, memory, engine, threads) {
    const reports = [];
    for (let worker = 1; worker < threads; worker++) {
      const stackTop = engine.allocate(STACK_BYTES) + STACK_BYTES;
      const first = { module, memory, pool: engine.pool, worker, stackTop };
      reports.push(this.#startOne(first));
    }
    await Promise.all(reports);
  }

  /** Ends the helpers, whatever they do. */
  end() {
    for (const worker of this.#workers) worker.terminate();
    this.#workers = [];
    this.#ready = 0;
  }

  /** @param {object} first message */
  async #startOne(first) {
    /** @type {(value?: unknown) => void} */
    let reported = () => {};
    const report = new Promise((resolve) => (reported = resolve));
    const timer = setTimeout(reported, START_MS);
    try {
      this.#workers.push(
        await openWorker(first, () => {
          this.#ready++;
          reported();
        }, reported),
      );
      await report;
    } catch {
      // No worker, one thread less.
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * @param {object} first message
 * @param {() => void} onReady
 * @param {() => void} onError
 */
async function openWorker(first, onReady, onError) {
  const url = new URL('./thread_worker.js', import.meta.url);
  if (hasFiles()) {
    const { Worker: NodeWorker } = await nodeModule('worker_threads');
    const worker = new NodeWorker(url);
    worker.once('message', onReady);
    worker.once('error', onError);
    worker.postMessage(first);
    worker.unref(); // does not keep the process alive
    return worker;
  }
  const worker = new Worker(new URL('./thread_worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = onReady;
  worker.onerror = onError;
  worker.postMessage(first);
  return worker;
}
