// SPDX-License-Identifier: MIT
// The page's side of service.js: the service in a worker, or, where module workers or their canvas
// are missing, the same service on the main thread, yielding between steps. Requests become
// promises; an aborted one is rejected at once and cancelled over there.
import { REPLY, REQUEST } from './service_messages.js';

/** An error from the other side, with its stable code. */
class ServiceError extends Error {
  /** @param {import('./service_messages.js').Failure} failure */
  constructor({ code, message }) {
    super(message);
    this.name = 'ServiceError';
    this.code = code;
  }
}

/** @returns {ServiceError} */
const aborted = () => new ServiceError({ code: 'E_ABORT', message: 'cancelled' });

/**
 * @typedef {object} Waiting
 * @property {(value: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {(type: string, value: any) => void} event
 */

export class ServiceClient {
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #nextId = 1;
  /** @type {Promise<(message: object, transfer: Transferable[]) => void>} */
  #post;
  /** 'worker' or 'page', known once the first answer came. */
  thread = 'worker';

  /** @param {Promise<Worker | null>} worker  one that has said it is ready; null keeps it on the main thread */
  constructor(worker) {
    this.#post = worker.then((started) => (started ? this.#talkTo(started) : this.#startHere()));
  }

  /**
   * @param {import('./service_messages.js').LoadRequest} request
   * @param {{signal?: AbortSignal, onProgress?: (p: import('./service_messages.js').ProgressEvent) => void}} [options]
   * @returns {Promise<import('./service_messages.js').ModelFacts>}
   */
  load(request, { signal, onProgress } = {}) {
    return this.#ask({ type: REQUEST.LOAD, ...request }, [], signal, (type, value) => {
      if (type === REPLY.PROGRESS) onProgress?.(value);
    });
  }

  /**
   * @param {import('./service_messages.js').ClassifyRequest} request  a bitmap or pixel buffer is given away
   * @param {{signal?: AbortSignal, onPreview?: (p: import('./service_messages.js').PreviewEvent) => void,
   *          onAnswer?: (o: import('./service_messages.js').Outcome) => void}} [options]
   * @returns {Promise<import('./service_messages.js').Outcome>} with the times of all runs
   */
  classify(request, { signal, onPreview, onAnswer } = {}) {
    const transfer = request.bitmap ? [request.bitmap] : request.pixels ? [request.pixels.data.buffer] : [];
    return this.#ask({ type: REQUEST.CLASSIFY, ...request }, transfer, signal, (type, value) => {
      if (type === REPLY.PREVIEW) onPreview?.(value);
      else if (type === REPLY.ANSWER) onAnswer?.(value);
    });
  }

  /**
   * @param {import('./panels.js').ModelInUse} model
   * @returns {Promise<import('./service_messages.js').MatrixFacts[]>}
   */
  matrices({ source, facts: { number } }) {
    return this.#ask({ type: REQUEST.MATRICES, number, source }, [], undefined, () => {});
  }

  /**
   * @param {import('./panels.js').ModelInUse} model
   * @param {string} name of a matrix
   * @returns {Promise<import('./service_messages.js').PixelData>} RGBA
   */
  weights({ source, facts: { number } }, name) {
    return this.#ask({ type: REQUEST.WEIGHTS, number, source, name }, [], undefined, () => {});
  }

  /**
   * @param {import('./panels.js').ModelInUse} model
   * @returns {Promise<import('./service_messages.js').TensorFacts[]>}
   */
  tensors({ source, facts: { number } }) {
    return this.#ask({ type: REQUEST.TENSORS, number, source }, [], undefined, () => {});
  }

  /**
   * @param {import('./panels.js').ModelInUse} model
   * @param {string} name of a tensor
   * @returns {Promise<import('./service_messages.js').Spread>}
   */
  spread({ source, facts: { number } }, name) {
    return this.#ask({ type: REQUEST.SPREAD, number, source, name }, [], undefined, () => {});
  }

  /**
   * @param {Worker} worker
   * @returns {(message: object, transfer: Transferable[]) => void}
   */
  #talkTo(worker) {
    worker.addEventListener('message', ({ data }) => this.#receive(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#failAll({ code: 'E_INTERNAL', message: event.message || 'the worker stopped' });
    });
    return (message, transfer) => worker.postMessage(message, transfer);
  }

  /** @returns {Promise<(message: object, transfer: Transferable[]) => void>} */
  async #startHere() {
    this.thread = 'page';
    const { Service } = await import('./service.js');
    const service = new Service((reply) => this.#receive(/** @type {any} */ (reply)));
    return (message) => service.handle(/** @type {any} */ (message));
  }

  /**
   * @param {object} message
   * @param {Transferable[]} transfer
   * @param {AbortSignal | undefined} signal
   * @param {(type: string, value: any) => void} event
   * @returns {Promise<any>}
   */
  async #ask(message, transfer, signal, event) {
    const post = await this.#post;
    if (signal?.aborted) throw aborted();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#waiting.delete(id);
        post({ type: REQUEST.CANCEL, target: id }, []);
        reject(aborted());
      };
      signal?.addEventListener('abort', cancel, { once: true });
      const settled = () => signal?.removeEventListener('abort', cancel);
      this.#waiting.set(id, {
        resolve: (value) => {
          settled();
          resolve(value);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
        event,
      });
      post({ ...message, id }, transfer);
    });
  }

  /** @param {{id: number, type: string, value?: any, error?: import('./service_messages.js').Failure}} reply */
  #receive({ id, type, value, error }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return; // cancelled meanwhile
    if (type === REPLY.DONE) waiting.resolve(value);
    else if (type === REPLY.FAILED) waiting.reject(new ServiceError(/** @type {any} */ (error)));
    else waiting.event(type, value);
    if (type === REPLY.DONE || type === REPLY.FAILED) this.#waiting.delete(id);
  }

  /** @param {import('./service_messages.js').Failure} failure */
  #failAll(failure) {
    for (const waiting of this.#waiting.values()) waiting.reject(new ServiceError(failure));
    this.#waiting.clear();
  }
}
