// SPDX-License-Identifier: MIT
/** Listening to AbortSignals that many calls share. */

/** What to do when a signal is aborted. @type {WeakMap<AbortSignal, Set<() => void>>} */
const listeners = new WeakMap();

/**
 * Calls `listener` once if the signal is aborted from now on. However many listen, the signal has one
 * event listener: Node warns of a leak at eleven.
 * @param {AbortSignal | undefined} signal
 * @param {() => void} listener
 * @returns {() => void} ends the listening
 */
export function onAbort(signal, listener) {
  if (signal === undefined) return () => {};
  let all = listeners.get(signal);
  if (all === undefined) {
    const added = (all = new Set());
    listeners.set(signal, added);
    signal.addEventListener('abort', () => added.forEach((one) => one()), { once: true });
  }
  const set = all;
  set.add(listener);
  return () => void set.delete(listener);
}
