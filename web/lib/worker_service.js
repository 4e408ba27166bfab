// SPDX-License-Identifier: MIT
/**
 * What one worker of a pooled classifier does: a Classifier of its own behind the messages of
 * protocol.js. This is `vit158/worker`, for those who make the workers themselves; worker.js is the
 * package's own.
 */
import { Classifier } from './classifier.js';
import { packError } from './protocol.js';
import { parentOfWorker } from './workers.js';

/** @typedef {import('./protocol.js').Reply} Reply */

/** Answers what comes, for as long as the worker lives. Call it at once: messages do not wait. */
export async function serveClassifier() {
  const parent = await parentOfWorker();
  /** @type {Classifier | undefined} */
  let classifier;
  /** Calls that may be aborted. @type {Map<number, AbortController>} */
  const running = new Map();

  /** @param {Reply} message */
  function reply(message) {
    parent.post({ ...message, info: classifier?.info() }, buffersOf(message.value));
  }

  /** @param {import('./protocol.js').LoadMessage} message */
  async function load({ bytes, options }) {
    try {
      classifier = await Classifier.load(bytes, options);
      reply({ id: 0, value: classifier.labels() });
    } catch (error) {
      reply({ id: 0, error: packError(error) });
    }
  }

  /** @param {import('./protocol.js').CallMessage} message */
  async function call({ id, method, input, options, abortable }) {
    const controller = new AbortController();
    if (abortable) running.set(id, controller);
    const signal = abortable ? controller.signal : undefined;
    try {
      const runner = /** @type {any} */ (classifier);
      reply({ id, value: await runner[method](input, { ...options, signal }) });
    } catch (error) {
      reply({ id, error: packError(error) });
    } finally {
      running.delete(id);
      if (typeof input?.close === 'function') input.close(); // a bitmap or frame made for this call
    }
  }

  parent.onMessage((/** @type {import('./protocol.js').Request} */ message) => {
    if (message.type === 'load') load(message);
    else if (message.type === 'call') call(message);
    else running.get(message.id)?.abort();
  });
}

/** Buffers that can move instead of being copied. @param {any} value */
function buffersOf(value) {
  const { logits, embedding, input, attention } = value ?? {};
  const arrays = [value, logits, embedding, input, attention?.values, attention?.rollout];
  return arrays.filter((array) => ArrayBuffer.isView(array)).map(({ buffer }) => buffer);
}
