// SPDX-License-Identifier: MIT
/**
 * Keeps long work polite: a Pace is asked between pieces of work; it yields to the event loop when
 * that is due, and throws once the caller's signal is aborted or the deadline has passed.
 */
import { onAbort } from './abort.js';
import { Vit158Error } from './errors.js';
import { yieldToEventLoop } from './platform.js';

/** Longest stretch of work between yields when nobody waits for a signal or progress. */
const STRETCH_MS = 20;

/** Timers cannot be set for longer. */
const MOST_TIMER_MS = 2 ** 31 - 1;

export class Pace {
  #signal;
  #deadline;
  #eager;
  #last = performance.now();

  /**
   * @param {object} [options]
   * @param {AbortSignal} [options.signal]
   * @param {number} [options.deadlineMs] from now
   * @param {boolean} [options.eager] yield at every pause, not only when a stretch is over
   */
  constructor({ signal, deadlineMs, eager = signal !== undefined } = {}) {
    this.#signal = signal;
    this.#deadline = deadlineMs === undefined ? Infinity : performance.now() + deadlineMs;
    this.#eager = eager;
    this.check('before the start');
  }

  /** Milliseconds to the deadline, undefined without one. */
  get leftMs() {
    return this.#deadline === Infinity ? undefined : Math.max(0, this.#deadline - performance.now());
  }

  /**
   * Throws E_ABORT if the caller wants no more.
   * @param {string} where for the message
   */
  check(where) {
    if (this.#signal?.aborted) throw this.#aborted(where);
    if (performance.now() > this.#deadline) throw deadlinePassed(where);
  }

  /**
   * Between two pieces of work.
   * @param {string} where for the message
   */
  async pause(where) {
    if (this.#eager || performance.now() - this.#last > STRETCH_MS) {
      await yieldToEventLoop();
      this.#last = performance.now();
    }
    this.check(where);
  }

  /**
   * Waits for something that ends by itself, but no longer than the caller wants.
   * @template T
   * @param {T | PromiseLike<T>} event
   * @param {string} where for the message
   * @returns {Promise<Awaited<T>>}
   */
  async wait(event, where) {
    /** @type {(error: Error) => void} */
    let stop = () => {};
    const stopped = /** @type {Promise<never>} */ (new Promise((_, reject) => (stop = reject)));
    const stopListening = onAbort(this.#signal, () => stop(this.#aborted(where)));
    if (this.#signal?.aborted) stop(this.#aborted(where));
    const { leftMs = Infinity } = this;
    const timer = leftMs <= MOST_TIMER_MS ? setTimeout(() => stop(deadlinePassed(where)), leftMs) : undefined;
    try {
      const value = await Promise.race([event, stopped]);
      this.check(where);
      return value;
    } finally {
      stopListening();
      clearTimeout(timer);
    }
  }

  /** @param {string} where */
  #aborted(where) {
    return new Vit158Error('E_ABORT', `aborted ${where}`, { cause: this.#signal?.reason });
  }
}

/** @param {string} where */
function deadlinePassed(where) {
  return new Vit158Error('E_ABORT', `deadline passed ${where}`, {
    cause: new DOMException('deadlineMs has passed', 'TimeoutError'),
  });
}
