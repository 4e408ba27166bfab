// SPDX-License-Identifier: MIT
// Both kinds of workers of the page in one text, told apart by their names: the page's own, and those
// of the library for many images. The page's own starts only where files reach it: in WebKit, a
// worker of a page from a disk cannot read them. Its error then tells the page to do the work itself.
import { serveClassifier } from '../lib/worker_service.js';
import { receiveModules } from './resources_inside.js';

/** @param {import('./resources_inside.js').Parcel} parcel */
async function start({ modules, probe }) {
  await probe.arrayBuffer();
  receiveModules(modules);
  await import('../app/page_worker.js');
}

if (self.name === 'classifier') serveClassifier();
else
  addEventListener(
    'message',
    ({ data }) => {
      start(data).catch((error) =>
        setTimeout(() => {
          throw error;
        }),
      );
    },
    { once: true },
  );
