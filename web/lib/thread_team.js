// SPDX-License-Identifier: MIT
/** The helper threads of an engine: workers that run the pool of src/wasm/threads_abi.h. */
import { hasFiles } from './platform.js';
import { openWorker } from './workers.js';

const STACK_BYTES = 65536;
const STACK_ALIGN = 16; // compiled code counts on it

/** Helpers that have not reported by then are not waited for; they join when they are ready. */
const START_MS = 5000;

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
