// SPDX-License-Identifier: MIT
/**
 * Keeps long work polite: a Pace is asked between pieces of work; it yields to the event loop when
 * that is due, and throws once the caller's signal is aborted or the deadline has passed.
 */
import { onAbort } from './abort.js';
import { Vit158Error } from './errors.js';
import { nowMs, yieldToEventLoop } from './platform.js';

/** Longest stretch of work between yields when nobody waits for a signal or progress. */
const STRETCH_MS = 20;

export class Pace {
  #signal;
  #deadline;
  #eager;
  #last = nowMs();

  /**
   * @param {object} [options]
   * @param {AbortSignal} [options.signal]
   * @param {number} [options.deadlineMs] from now
   * @param {boolean} [options.eager] yield at every pause, not only when a stretch is over
   */
  constructor({ signal, deadlineMs, eager = signal !== undefined } = {}) {
    this.#signal = signal;
    this.#deadline = deadlineMs === undefined ? Infinity : nowMs() + deadlineMs;
    this.#eager = eager;
    this.check('before the start');
  }

  get signal() {
    return this.#signal;
  }

  /**
   * Throws E_ABORT if the caller wants no more.
   * @param {string} where for the message
   */
  check(where) {
    if (this.#signal?.aborted)
      throw new Vit158Error('E_ABORT', `aborted ${where}`, { cause: this.#signal.reason });
    if (nowMs() > this.#deadline)
      throw new Vit158Error('E_ABORT', `deadline passed ${where}`, {
        cause: new DOMException('deadlineMs has passed', 'TimeoutError'),
      });
  }

  /**
   * Between two pieces of work.
   * @param {string} where for the message
   */
  async pause(where) {
    if (this.#eager || nowMs() - this.#last > STRETCH_MS) {
      await yieldToEventLoop();
      this.#last = nowMs();
    }
    this.check(where);
  }

  /**
   * Waits for something that ends by itself, but no longer than the caller wants.
   * @param {Promise<void>} event that is never rejected
   * @param {string} where for the message
   */
  async wait(event, where) {
    const signal = this.#signal;
    if (signal === undefined) {
      await event;
    } else {
      /** @type {() => void} */
      let stop = () => {};
      const aborted = /** @type {Promise<void>} */ (new Promise((resolve) => (stop = resolve)));
      const stopListening = onAbort(signal, stop);
      await Promise.race([event, aborted]);
      stopListening();
    }
    this.check(where);
  }
}
