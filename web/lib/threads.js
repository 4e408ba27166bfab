// SPDX-License-Identifier: MIT
/**
 * Threads inside one image: a memory that can be shared, and workers that run the pool of
 * src/wasm/threads_abi.h on it. Where any of it is missing there is one thread and no error.
 */
import { coreCount, hasFiles } from './platform.js';
import { openWorker } from './workers.js';

const PAGE_BYTES = 65536;
const INITIAL_PAGES = 4; // as linked, wasm_build/wasm.cmake
const MOST_PAGES = 32767; // as linked, MAXIMUM_MEMORY in wasm_build/flags.cmake
const STACK_BYTES = 65536;
const STACK_ALIGN = 16; // compiled code counts on it

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
export async function chooseThreads(wanted, modelBytes) {
  if (wanted === 1 || !canShare()) return 1;
  if (wanted !== 'auto') return wanted;
  if (modelBytes < AUTO_MODEL_BYTES) return 1;
  return Math.max(1, Math.min(AUTO_MOST_THREADS, await coreCount()));
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

/** Teams at work. @type {Set<ThreadTeam>} */
const teams = new Set();

/**
 * Node waits for its workers at the end of the process; ours sleep inside WebAssembly, where Node
 * cannot end them, if nobody called dispose().
 */
function endTeamsAtExit() {
  if (!hasFiles() || atExit) return;
  atExit = true;
  process.once('exit', () => {
    for (const team of teams) team.end();
  });
}
let atExit = false;

/** The helper threads of one engine. */
export class ThreadTeam {
  /** Sends the helpers home. */
  #quit = () => {};
  /** @type {import('./workers.js').WorkerHandle[]} */
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
   * @param {{pool: number, allocate: (bytes: number) => number, quit: () => void}} engine its pool,
   *   its malloc, and what makes the helpers leave the pool
   * @param {number} threads the caller counted in
   */
  async start(module, memory, engine, threads) {
    this.#quit = engine.quit;
    teams.add(this);
    endTeamsAtExit();
    const reports = [];
    for (let worker = 1; worker < threads; worker++) {
      const stackTop = (engine.allocate(STACK_BYTES) + STACK_BYTES) & -STACK_ALIGN;
      const first = { module, memory, pool: engine.pool, worker, stackTop };
      reports.push(this.#startOne(first));
    }
    await Promise.all(reports);
  }

  /** Ends the helpers, whatever they do; never fails. */
  end() {
    try {
      if (teams.delete(this)) this.#quit();
    } catch {
      // After a crash no engine is left to send them home: they are ended where they are.
    }
    for (const worker of this.#workers) worker.end();
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
      const worker = await openWorker(
        new URL('./thread_worker.js', import.meta.url),
        () => new Worker(new URL('./thread_worker.js', import.meta.url), { type: 'module' }),
      );
      if (!teams.has(this)) return worker.end(); // the team was ended in the meantime
      this.#workers.push(worker);
      worker.onMessage(() => {
        this.#ready++;
        reported();
      });
      worker.onError(reported);
      worker.post(first);
      await report;
    } catch {
      // No worker, one thread less.
    } finally {
      clearTimeout(timer);
    }
  }
}
