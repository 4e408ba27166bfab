// SPDX-License-Identifier: MIT
// What the first answer waits for longest starts here, before the rest of the page has come: the worker
// with all its modules, and the list of models. index.html runs this module first; main.js imports what
// it started.
import { fetchManifest, startWorker } from './resources.js';
import { REPLY } from './service_messages.js';

const isWanted = new URLSearchParams(location.search).get('worker') !== 'off';

/**
 * The page's worker, once it can take messages. Null where it is not wanted (`?worker=off`) or cannot be
 * had: no module workers, or no canvas in them.
 * @type {Promise<Worker | null>}
 */
export const worker =
  isWanted && typeof Worker === 'function' && typeof OffscreenCanvas === 'function'
    ? ready(startWorker()).catch(() => null)
    : Promise.resolve(null);

fetchManifest().catch(() => {}); // who needs it asks again, and says what is wrong

/** @param {Worker} started @returns {Promise<Worker>} */
function ready(started) {
  return new Promise((resolve, reject) => {
    const settle = (/** @type {MessageEvent | ErrorEvent} */ event) => {
      started.removeEventListener('message', settle);
      started.removeEventListener('error', settle);
      if ('data' in event && event.data.type === REPLY.READY) return resolve(started);
      event.preventDefault();
      reject(new Error('message' in event ? event.message : 'the worker did not start'));
    };
    started.addEventListener('message', settle);
    started.addEventListener('error', settle);
  });
}
