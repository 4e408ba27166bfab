// SPDX-License-Identifier: MIT
// Keeps the page for use without a network, and offers a new version once it is complete.
import { notice } from './dom.js';

const WORKER = new URL('../sw.js', import.meta.url);

/** Starts the service worker, where there is one and the page is one that can be installed. */
export async function keepOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker || !document.querySelector('link[rel=manifest]')) return;
  const hadOne = serviceWorker.controller !== null;
  let isReloading = false;
  serviceWorker.addEventListener('controllerchange', () => {
    // All that is open goes to the new version at once: its files may not fit the ones before.
    if (hadOne && !isReloading) location.reload();
    isReloading = true;
  });
  try {
    const registration = await serviceWorker.register(WORKER, { updateViaCache: 'none' });
    if (registration.waiting) offer(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const coming = registration.installing;
      coming?.addEventListener('statechange', () => {
        if (coming.state === 'installed' && serviceWorker.controller) offer(coming);
      });
    });
  } catch {
    // Not kept, then: the page works all the same. Private windows are a common reason.
  }
}

/** @param {ServiceWorker} worker of the new version, complete and waiting */
function offer(worker) {
  notice('version', 'A new version of this page is ready.', {
    words: 'Use it now',
    run: () => worker.postMessage('take over'),
  });
}
