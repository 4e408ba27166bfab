// SPDX-License-Identifier: MIT
// The page's worker: hands messages to the service. All work is there.
import { REPLY } from './protocol.js';
import { Service } from './service.js';

const service = new Service((reply, transfer) => self.postMessage(reply, { transfer }));
self.addEventListener('message', (event) => service.handle(event.data));
self.postMessage({ type: REPLY.READY });
