// SPDX-License-Identifier: MIT
// Both kinds of workers of the page in one text, told apart by their names: the page's own, and those
// of the library for many pictures.
import { serveClassifier } from '../lib/worker_service.js';

if (self.name === 'classifier') serveClassifier();
else import('../app/worker.js');
